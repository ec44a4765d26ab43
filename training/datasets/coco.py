"""COCO: one JSON file; a box, polygons or a run-length mask an object."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...imagery.scene import Scene
from .json_file import read_json
from .layout import Dataset
from .masks import counts_from_text, mask_from_counts, mask_rectangle
from .record import LabelError, LabelledObject, LabelRecord, Problem, number, upright_corners

# Where an annotation stands in the file, and what it says.
Annotation = tuple[str, Mapping[str, Any]]


def read_coco(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """A record a listed picture. A polygon or mask gives the smallest rectangle round it, a box an upright one.

    Crowd regions (`iscrowd`) are difficult: they hold several ships.
    """
    path = dataset.labels
    try:
        content = read_json(path)
        images, annotations, categories = (_list_of(content, key) for key in ("images", "annotations", "categories"))
    except LabelError as fault:
        yield Problem(path, "", str(fault))
        return
    names = {category.get("id"): str(category.get("name")) for category in categories}
    of_image: dict[Any, list[Annotation]] = defaultdict(list)
    for index, annotation in enumerate(annotations):
        of_image[annotation.get("image_id")].append((f"annotations[{index}]", annotation))
    for index, image in enumerate(images):
        mine = of_image.pop(image.get("id"), [])
        if not image.get("file_name"):
            yield Problem(path, f"images[{index}]", f"has no file_name; its {len(mine)} objects are not read")
            continue
        yield LabelRecord(str(image["file_name"]), path, lambda scene, mine=mine: _objects(mine, names, scene, dataset))
    for image_id, lost in of_image.items():
        for where, _ in lost:
            yield Problem(path, where, f"image_id {image_id!r} is not among the images")


def _list_of(content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = content.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise LabelError(f"{key!r} is missing or not a list of objects; is this a COCO file with labels?")
    return value


def _objects(
    annotations: list[Annotation], names: Mapping[Any, str], scene: Scene, dataset: Dataset
) -> Iterator[LabelledObject | Problem]:
    for where, annotation in annotations:
        try:
            category = annotation.get("category_id")
            if category not in names:
                raise LabelError(f"category_id {category!r} is not among the categories")
            yield _read_annotation(annotation, names[category], scene, where)
        except LabelError as fault:
            yield Problem(dataset.labels, where, str(fault))


def _read_annotation(annotation: Mapping[str, Any], name: str, scene: Scene, where: str) -> LabelledObject:
    shape = annotation.get("segmentation")
    crowd = bool(annotation.get("iscrowd"))
    if isinstance(shape, dict):
        return LabelledObject(name, mask_rectangle(_mask(shape, scene)), where, crowd)
    if shape:
        return LabelledObject(name, _polygon_points(shape), where, crowd)
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise LabelError("has neither a segmentation nor a bbox of four numbers")
    x, y, width, height = (number(value, "bbox") for value in box)
    return LabelledObject(name, upright_corners(x, y, x + width, y + height), where, crowd, upright=True)


def _polygon_points(shape: Any) -> np.ndarray:
    """All points (n, 2) of one object's polygons; some files give a lone polygon without the list round it."""
    rings = shape if isinstance(shape, list) and isinstance(shape[0], list) else [shape]
    points = []
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < 6 or len(ring) % 2:
            raise LabelError("a polygon is a list x1, y1, x2, y2, ... of three points at least")
        points += [number(value, "a polygon's coordinate") for value in ring]
    return np.array(points, float).reshape(-1, 2)


def _mask(shape: Mapping[str, Any], scene: Scene) -> np.ndarray:
    if list(shape.get("size", [])) != [scene.height, scene.width]:
        raise LabelError(f"mask size {shape.get('size')} is not the picture's, [{scene.height}, {scene.width}]")
    counts = shape.get("counts", [])
    runs = counts_from_text(counts) if isinstance(counts, str) else counts
    return mask_from_counts(runs, scene.height, scene.width)
