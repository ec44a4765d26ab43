"""HRSC2016: an XML file a picture, turned boxes, classes by number, the GSD in most files."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from .layout import Dataset
from .record import LabelledObject, LabelRecord, Problem, turned_corners
from .voc import is_difficult
from .xml_file import number_of, text_of, xml_records


def read_hrsc2016(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """Records of HRSC files; mbox_ang is in radians, from +x towards +y (down)."""
    return xml_records(
        dataset,
        objects="HRSC_Objects/HRSC_Object",
        read_object=_read_object,
        gsd="Img_Resolution",
        picture="Img_FileName",
    )


def _read_object(element: Element, where: str) -> LabelledObject:
    numbers = (number_of(element, f"mbox_{name}") for name in ("cx", "cy", "w", "h", "ang"))
    return LabelledObject(text_of(element, "Class_ID"), turned_corners(*numbers), where, is_difficult(element))
