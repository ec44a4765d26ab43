"""FAIR1M: an XML file a picture, five points round each box, the last the first again."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np

from .layout import Dataset
from .record import LabelError, LabelledObject, LabelRecord, Problem, number
from .xml_file import text_of, xml_records


def read_fair1m(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """Records of FAIR1M files; of several possible results the first, the annotators' own, is taken."""
    return xml_records(dataset, objects="objects/object", read_object=_read_object, picture="source/filename")


def _read_object(element: Element, where: str) -> LabelledObject:
    points = [_point(point.text or "") for point in element.findall("points/point")]
    if len(points) == 5 and points[4] == points[0]:
        points.pop()
    if len(points) < 4:
        raise LabelError(f"{len(points)} points; a box has four and the first again")
    return LabelledObject(text_of(element, "possibleresult/name"), np.array(points, float), where)


def _point(text: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) != 2:
        raise LabelError(f"a point is written x,y; got {text.strip()!r}")
    return number(parts[0], "x"), number(parts[1], "y")
