"""DIOR and DIOR-R: VOC's frame; DIOR-R gives the four corners of each box by name."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np

from .layout import Dataset
from .record import LabelledObject, LabelRecord, Problem
from .voc import is_difficult, upright_box
from .xml_file import number_of, text_of, xml_records

_CORNERS = ("left_top", "right_top", "right_bottom", "left_bottom")


def read_dior(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """Records of oriented (<robndbox>) or horizontal (<bndbox>, counted from 1) label files."""
    return xml_records(dataset, objects="object", read_object=_read_object, picture="filename")


def _read_object(element: Element, where: str) -> LabelledObject:
    oriented = element.find("robndbox")
    if oriented is not None:
        corners = np.array([[number_of(oriented, f"{axis}_{corner}") for axis in "xy"] for corner in _CORNERS])
    else:
        corners = upright_box(element, first_pixel=1)
    return LabelledObject(text_of(element, "name"), corners, where, is_difficult(element), upright=oriented is None)
