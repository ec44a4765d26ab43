"""A dataset of any known format as a stream of labelled pictures, every object accounted for.

report = ReadReport()
for image in read_dataset(open_dataset("dota", Path("DOTA/train")), report):
    ...
report.ships, report.left_out, report.problems
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from ...errors import BerthwatchError
from ...imagery.scene import Scene
from ..labels import ShipLabels
from .layout import Dataset
from .picture import open_picture
from .readers import READERS
from .record import LabelError, LabelledObject, LabelRecord, Problem
from .rectangles import as_rectangle
from .report import ReadReport


@dataclass(frozen=True)
class LabelledImage:
    """A picture on disk and the ships in it.

    name: dataset and path below its images, without suffix; unique. scene: the picture's header; read its pixels
    with the functions of `imagery`. gsd_m: ground metres a pixel, None where nothing tells it (then the scene's is
    nan). labels: in the picture's pixels. upright: bool (n,), true where only the upright box round a ship is known.
    """

    name: str
    path: Path
    scene: Scene
    gsd_m: float | None
    labels: ShipLabels
    upright: NDArray[np.bool_]
    dataset: str
    licence: str

    def with_gsd(self, gsd_m: float) -> "LabelledImage":
        """The same picture, its GSD taken to be `gsd_m` both ways."""
        return replace(self, gsd_m=gsd_m, scene=_scene_at(self.scene, gsd_m))


def read_dataset(dataset: Dataset, report: ReadReport | None = None) -> Iterator[LabelledImage]:
    """Stream a dataset's pictures that have labels, a picture without ships included.

    `report` is filled as the stream runs. In each picture handed on, every labelled object is a ship, or counted
    under `left_out`, or listed under `problems`.

    Raises:
        BerthwatchError: the label files are missing, or, where the report is strict, the first problem.
    """
    report = report if report is not None else ReadReport()
    report.dataset = dataset.config.name
    seen: set[Path] = set()
    wanted = set(dataset.config.pictures)
    for item in READERS[dataset.config.format](dataset):
        if isinstance(item, Problem):
            report.add_problem(item)
            continue
        try:
            path = dataset.pictures.find(item.picture)
            if wanted and _name_below(dataset, path) not in wanted:
                continue
            if path in seen:
                raise LabelError(f"picture {path} is labelled twice; its second labels are not read")
            seen.add(path)
            scene = open_picture(path)
            # A picture whose labels cannot be read at all must not pass for one without ships.
            objects = list(item.objects(scene))
        except (LabelError, BerthwatchError) as fault:
            report.add_problem(Problem(item.label_file, "", str(fault)))
            continue
        yield _labelled_image(dataset, item, path, scene, objects, report)
    labelled = {_name_below(dataset, path) for path in seen}
    for name in sorted(wanted - labelled):
        report.add_problem(
            Problem(dataset.labels, name, "no labelled picture is called so, though 'pictures' lists it")
        )
    report.unlabelled = 0 if wanted else len(dataset.pictures.paths) - len(seen)


def _name_below(dataset: Dataset, path: Path) -> str:
    return path.relative_to(dataset.pictures.folder).with_suffix("").as_posix()


def _labelled_image(
    dataset: Dataset,
    record: LabelRecord,
    path: Path,
    scene: Scene,
    objects: list[LabelledObject | Problem],
    report: ReadReport,
) -> LabelledImage:
    config, kinds = dataset.config, dataset.kinds
    ships: list[tuple[NDArray[np.float64], str, bool, bool]] = []
    for found in objects:
        if isinstance(found, Problem):
            report.add_problem(found, of_object=True)
            continue
        if found.class_name in config.leave_out:
            report.objects += 1
            report.left_out[found.class_name] += 1
            continue
        try:
            kind = kinds.get(found.class_name)
            if kind is None:
                report.unmapped[found.class_name] += 1
                raise LabelError(
                    f"class {found.class_name!r} is neither under classes nor under leave_out "
                    f"of dataset {config.name}; add it to one of them"
                )
            corners = _checked_corners(found, scene)
        except LabelError as fault:
            report.add_problem(Problem(record.label_file, found.where, str(fault)), of_object=True)
            continue
        ships.append((corners, kind, found.difficult, found.upright))
        report.objects += 1
        report.kinds[kind] += 1
        report.difficult += found.difficult
        report.upright += found.upright
    report.images += 1
    labels = ShipLabels(
        np.array([ship[0] for ship in ships], float).reshape(-1, 4, 2),
        tuple(ship[1] for ship in ships),
        np.array([ship[2] for ship in ships], bool),
    )
    gsd_m, scene = _ground_sample_distance(record.gsd_m, scene, config.gsd_m)
    name = f"{config.name}/{_name_below(dataset, path)}"
    upright = np.array([ship[3] for ship in ships], bool)
    return LabelledImage(name, path, scene, gsd_m, labels, upright, config.name, config.licence)


def _checked_corners(found: LabelledObject, scene: Scene) -> NDArray[np.float64]:
    """A box (4, 2) that has an area and lies in the picture, in part at least: cut ships reach past its edge."""
    if not np.isfinite(found.corners).all():
        raise LabelError("a corner is not a finite number")
    corners = as_rectangle(found.corners)
    box = shapely.Polygon(corners)
    if box.area <= 0:
        raise LabelError("box has no area")
    if not box.intersects(shapely.box(0, 0, scene.width, scene.height)):
        x, y = corners.mean(axis=0)
        raise LabelError(f"box round ({x:.0f}, {y:.0f}) lies outside the picture of {scene.width} x {scene.height}")
    return corners


def _ground_sample_distance(told_m: float | None, scene: Scene, usual_m: float | None) -> tuple[float | None, Scene]:
    """Metres a pixel by the label file, else by the georeference, else by the dataset's YAML."""
    if told_m is None and not math.isnan(scene.gsd_m):
        return scene.gsd_m, scene
    gsd_m = told_m if told_m is not None else usual_m
    return (None, scene) if gsd_m is None else (gsd_m, _scene_at(scene, gsd_m))


def _scene_at(scene: Scene, gsd_m: float) -> Scene:
    return replace(scene, gsd_m=gsd_m, gsd_x_m=gsd_m, gsd_y_m=gsd_m)
