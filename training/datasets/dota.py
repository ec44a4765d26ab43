"""DOTA: a text file a picture, `x1 y1 x2 y2 x3 y3 x4 y4 class difficult` a line, the GSD in its header."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..labels import parse_dota_line
from .layout import Dataset
from .record import LabelError, LabelledObject, LabelRecord, Problem, number
from .text_file import read_text

_NO_GSD = ("", "none", "null", "nan")


def read_dota(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """Records of every text file below the labels' folder; `difficult` 1 and 2 both mean difficult."""
    for path, name in dataset.label_files(".txt"):
        try:
            found, gsd_m = _read_file(path)
        except LabelError as fault:
            yield Problem(path, "", str(fault))
            continue
        yield LabelRecord(name, path, lambda _, found=found: iter(found), gsd_m)


def _read_file(path: Path) -> tuple[list[LabelledObject | Problem], float | None]:
    found: list[LabelledObject | Problem] = []
    gsd_m = None
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"line {line_number}"
        if line.startswith("gsd:"):
            gsd_m = _gsd(line.removeprefix("gsd:").strip(), where)
        elif line.strip() and not line.startswith("imagesource:"):
            try:
                corners, class_name, difficult = parse_dota_line(line)
                found.append(LabelledObject(class_name, np.array(corners).reshape(4, 2), where, difficult))
            except ValueError as fault:
                found.append(Problem(path, where, str(fault)))
    return found, gsd_m


def _gsd(text: str, where: str) -> float | None:
    if text.lower() in _NO_GSD:
        return None
    value = number(text, f"{where}: the GSD")
    if value <= 0:
        raise LabelError(f"{where}: the GSD is {value:g} m; it must be above 0")
    return value
