"""Pascal VOC: an XML file a picture, upright boxes; and roLabelImg's turned boxes in the same frame."""

from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from .layout import Dataset
from .record import LabelledObject, LabelRecord, Problem, turned_corners, upright_corners
from .xml_file import number_of, text_of, xml_records


def read_voc(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """Records of VOC files: <bndbox> is upright, <robndbox> with cx, cy, w, h and angle (radians) is turned."""
    return xml_records(
        dataset,
        objects="object",
        read_object=partial(_read_object, first_pixel=dataset.config.first_pixel),
        picture="filename",
    )


def _read_object(element: Element, where: str, *, first_pixel: int) -> LabelledObject:
    turned = element.find("robndbox")
    if turned is not None:
        corners = turned_corners(*(number_of(turned, name) for name in ("cx", "cy", "w", "h", "angle")))
    else:
        corners = upright_box(element, first_pixel=first_pixel)
    return LabelledObject(text_of(element, "name"), corners, where, is_difficult(element), upright=turned is None)


def upright_box(element: Element, *, first_pixel: int) -> NDArray[np.float64]:
    """The corners (4, 2) of an object's <bndbox>.

    VOC names the first and the last pixel of a box, counted from 1: 1 to 10 is the edge 0 to the edge 10. Tools that
    count from 0 name edges as they are.

    Raises:
        LabelError: a number is missing, or the box has no area.
    """
    left, top, right, bottom = (number_of(element, f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax"))
    return upright_corners(left - first_pixel, top - first_pixel, right, bottom)


def is_difficult(element: Element) -> bool:
    """VOC's <difficult>; absent is not difficult."""
    return (element.findtext("difficult") or "0").strip() not in ("", "0")
