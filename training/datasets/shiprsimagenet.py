"""ShipRSImageNet, VOC_Format: VOC's frame with the polygon round each ship and the GSD of the picture."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np

from .layout import Dataset
from .record import LabelledObject, LabelRecord, Problem
from .voc import is_difficult
from .xml_file import number_of, text_of, xml_records


def read_shiprsimagenet(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """Records of VOC_Format files. Their COCO_Format is read as "coco"."""
    return xml_records(dataset, objects="object", read_object=_read_object, gsd="Img_Resolution", picture="filename")


def _read_object(element: Element, where: str) -> LabelledObject:
    corners = np.array([[number_of(element, f"polygon/{axis}{i}") for axis in "xy"] for i in range(1, 5)])
    return LabelledObject(text_of(element, "name"), corners, where, is_difficult(element))
