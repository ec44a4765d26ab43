"""What a detector is judged on: labelled scenes, and labelled pictures that have no place on the ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from ..errors import BerthwatchError
from ..imagery.scene import Scene, open_scene
from .comparison import labels_beside
from .datasets.layout import open_dataset
from .datasets.picture import is_georeferenced
from .datasets.read import LabelledImage, read_dataset
from .datasets.report import ReadReport
from .labels import ShipLabels

# Metres on a plane that touches the ground at 0 N 0 E: true to scale for kilometres around.
NULL_ISLAND = CRS.from_proj4("+proj=tmerc +lat_0=0 +lon_0=0 +k=1 +datum=WGS84 +units=m")


@dataclass(frozen=True)
class JudgedPicture:
    """A picture with all its ships.

    group: the scene or dataset under which its figures are told. known_upright: bool (n,), of which labels only the
    upright box is known. gsd_assumed: whether its GSD, and so every metre measured in it, is the user's assumption.
    """

    scene: Scene
    labels: ShipLabels
    group: str
    known_upright: NDArray[np.bool_]
    gsd_assumed: bool = False


def labelled_scenes(sources: Sequence[str]) -> list[JudgedPicture]:
    """Georeferenced scenes with the labels beside them, each a group of its own.

    Raises:
        BerthwatchError: a scene cannot be opened, or there are no labels beside it.
    """
    named = zip(sources, _distinct_names(sources), strict=True)
    return [labelled_scene(source, group=name) for source, name in named]


def labelled_scene(source: str, *, group: str | None = None) -> JudgedPicture:
    """A georeferenced scene with the labels beside it; its group is its stem if left out.

    Raises:
        BerthwatchError: the scene cannot be opened, or there are no labels beside it.
    """
    labels = labels_beside(Path(source))
    return JudgedPicture(open_scene(source), labels, group or Path(source).stem, np.zeros(len(labels), bool))


def _distinct_names(sources: Sequence[str]) -> list[str]:
    """The stem of each source, after as many of its folders as tell it from the others: 2024/port, 2025/port."""
    parts = [Path(source).with_suffix("").parts for source in sources]
    shared = Counter(own[-depth:] for own in parts for depth in range(1, len(own) + 1))
    names = []
    for source, own in zip(sources, parts, strict=True):
        told_apart = (own[-depth:] for depth in range(1, len(own) + 1) if shared[own[-depth:]] == 1)
        names.append("/".join(next(told_apart, (source,))))  # all but the suffix alike: the source as it is
    return names


def dataset_pictures(named: str, report: ReadReport, *, assumed_gsd_m: float | None = None) -> Iterator[JudgedPicture]:
    """The labelled pictures of a dataset.

    A picture of no place is laid on the ground at 0 N 0 E, north up, so that the pipeline for scenes finds and
    measures its ships as it would any others.

    Args:
        named: DESCRIPTION=FOLDER; a shipped description or a dataset YAML, whose own folder it is if left out.
        report: filled as the pictures are read.
        assumed_gsd_m: ground metres a pixel of pictures of which nothing tells it. It also decides how large their
            ships are shown to the detector.

    Raises:
        BerthwatchError: see `open_dataset`; a picture of unknown GSD where none is assumed.
    """
    description, _, folder = named.partition("=")
    if not folder and not Path(description).is_file():
        raise BerthwatchError(f"--dataset {named}: say where it is: --dataset {description}=FOLDER")
    root = Path(folder).expanduser() if folder else Path(description).parent
    dataset = open_dataset(description, root)
    for image in read_dataset(dataset, report):
        assumed = image.gsd_m is None
        if assumed and assumed_gsd_m is None:
            raise BerthwatchError(
                f"{image.path}: nothing tells its ground sample distance, by which it would be shown to the detector; "
                f"give --assumed-gsd-m, or gsd_m in the description of dataset {dataset.config.name}"
            )
        placed = _placed(image.with_gsd(assumed_gsd_m) if assumed and assumed_gsd_m else image)
        yield JudgedPicture(placed, image.labels, dataset.config.name, image.upright, assumed)


def _placed(image: LabelledImage) -> Scene:
    scene = image.scene
    if is_georeferenced(scene):
        return scene
    transform = Affine(scene.gsd_x_m, 0.0, 0.0, 0.0, -scene.gsd_y_m, 0.0)
    return replace(scene, crs=NULL_ISLAND, transform=transform)
