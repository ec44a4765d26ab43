"""YOLO boxes and YOLO-OBB: a text file a picture, class number and shares of the picture's width and height."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from ...errors import BerthwatchError
from ...imagery.scene import Scene
from .layout import Dataset
from .record import LabelError, LabelledObject, LabelRecord, Problem, number, turned_corners
from .text_file import read_text

Corners = Callable[[list[float]], NDArray[np.float64]]


def read_yolo(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """`class cx cy width height` lines: upright boxes."""
    return _records(dataset, 4, _box_corners)


def read_yolo_obb(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """`class x1 y1 x2 y2 x3 y3 x4 y4` lines: oriented boxes."""
    return _records(dataset, 8, lambda shares: np.array(shares).reshape(4, 2))


def _box_corners(shares: list[float]) -> NDArray[np.float64]:
    cx, cy, width, height = shares
    return turned_corners(cx, cy, width, height, 0.0)


def _records(dataset: Dataset, numbers: int, corners_of: Corners) -> Iterator[LabelRecord | Problem]:
    """A record a picture. One without a label file holds no ship: so the format's own tools have it."""
    names = _class_names(dataset)
    files = {name: path for path, name in dataset.label_files(".txt")}
    for picture in dataset.pictures.paths:
        name = picture.relative_to(dataset.pictures.folder).with_suffix("").as_posix()
        path = files.pop(name, None)
        if path is None:
            yield LabelRecord(name, picture, lambda _: iter(()))
            continue
        yield LabelRecord(name, path, lambda scene, path=path: _objects(path, scene, names, numbers, corners_of))
    for name, path in files.items():
        # classes.txt of labelling tools is a list of names, not of boxes.
        if path.name != "classes.txt":
            yield Problem(path, "", f"no picture {name!r} in {dataset.pictures.folder}")


def _objects(
    path: Path, scene: Scene, names: Mapping[str, str], numbers: int, corners_of: Corners
) -> Iterator[LabelledObject | Problem]:
    upright = numbers == 4
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"line {line_number}"
        fields = line.split()
        if not fields:
            continue
        try:
            if len(fields) != numbers + 1:
                raise LabelError(f"expected a class and {numbers} numbers, got {line!r}")
            shares = [number(field, "a share") for field in fields[1:]]
            if min(shares) < -0.5 or max(shares) > 1.5:
                raise LabelError("numbers must be shares of the picture between 0 and 1; these look like pixels")
            if names and fields[0] not in names:
                raise LabelError(f"class number {fields[0]} has no name; there are {len(names)}")
            corners = corners_of(shares) * (scene.width, scene.height)
            yield LabelledObject(names.get(fields[0], fields[0]), corners, where, upright=upright)
        except LabelError as fault:
            yield Problem(path, where, str(fault))


def _class_names(dataset: Dataset) -> dict[str, str]:
    """Class number, as text -> name; empty where the dataset has no names file."""
    if dataset.config.names_file is None:
        return {}
    path = dataset.root / dataset.config.names_file
    try:
        names = yaml.safe_load(path.read_text(encoding="utf-8"))["names"]
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        return {str(index): str(name) for index, name in pairs}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise BerthwatchError(
            f"dataset {dataset.config.name}: {path} does not give the classes' names under 'names' ({error})"
        ) from error
