"""Airbus Ship Detection Challenge: one CSV, `ImageId,EncodedPixels`, a row a ship, an empty one for no ship."""

import csv
import io
from collections.abc import Iterator

from ...imagery.scene import Scene
from .layout import Dataset
from .masks import connected_rectangles, mask_from_starts
from .record import LabelError, LabelledObject, LabelRecord, Problem
from .text_file import read_text

CLASS_NAME = "ship"


def read_airbus(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """A record a picture; every connected part of a row's mask is a ship, of the one class "ship"."""
    path = dataset.labels
    try:
        reader = csv.DictReader(io.StringIO(read_text(path)))
    except LabelError as fault:
        yield Problem(path, "", str(fault))
        return
    if not {"ImageId", "EncodedPixels"} <= set(reader.fieldnames or ()):
        yield Problem(path, "line 1", f"expected the columns ImageId and EncodedPixels, got {reader.fieldnames}")
        return
    rows: dict[str, list[tuple[str, str]]] = {}
    for row in reader:
        where = f"line {reader.line_num}"
        if not row["ImageId"]:
            yield Problem(path, where, "has no ImageId")
            continue
        masks = rows.setdefault(row["ImageId"], [])
        if (row["EncodedPixels"] or "").strip():
            masks.append((where, row["EncodedPixels"]))
    for image_id, masks in rows.items():
        yield LabelRecord(image_id, path, lambda scene, masks=masks: _objects(masks, scene, dataset))


def _objects(masks: list[tuple[str, str]], scene: Scene, dataset: Dataset) -> Iterator[LabelledObject | Problem]:
    for where, text in masks:
        try:
            mask = mask_from_starts(text, scene.height, scene.width)
            for corners in connected_rectangles(mask):
                yield LabelledObject(CLASS_NAME, corners, where)
        except LabelError as fault:
            yield Problem(dataset.labels, where, str(fault))
