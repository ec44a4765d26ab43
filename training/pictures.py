"""The labelled pictures that the shipped weights may learn from, as arrays at hand.

The folder is laid out as the project's own labelled data: `google-earth/`, `planet/`, `sentinel2/`, each picture with
a DOTA text file of the same stem.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray

from ..errors import BerthwatchError
from ..imagery.scene import open_scene
from .chips import LabelledPicture
from .labels import ShipLabels, read_dota

# Two pictures whose 16 x 16 grey thumbnails correlate more than this show the same place.
SAME_PLACE_CORRELATION = 0.95


def read_crops(folder: Path) -> list[LabelledPicture]:
    """Pictures of unknown GSD: `images/*.jpg` with `labels/*.txt`.

    Raises:
        BerthwatchError: no labels there, or a picture that cannot be read.
    """
    label_files = sorted((folder / "labels").glob("*.txt"))
    if not label_files:
        raise BerthwatchError(f"{folder / 'labels'} holds no label files")
    pictures = []
    for label_file in label_files:
        image_file = folder / "images" / f"{label_file.stem}.jpg"
        bgr = cv2.imread(str(image_file))
        if bgr is None:
            raise BerthwatchError(f"{image_file} is missing or not a picture, though {label_file} labels it")
        pictures.append(
            LabelledPicture(
                label_file.stem, np.ascontiguousarray(bgr[..., ::-1], np.uint8), read_dota(label_file), None
            )
        )
    return pictures


def same_ship_groups(pictures: Sequence[LabelledPicture], notes: str = "") -> NDArray[np.int64]:
    """A group number per picture, (n,): pictures of one ship or place share it.

    Joined are pictures that look alike, and those whose numbers `notes` lists together (`6/342/564` or `36=136`).
    """
    parent = np.arange(len(pictures))

    def root(i: int) -> int:
        while parent[i] != i:
            i = int(parent[i])
        return i

    thumbs = []
    for picture in pictures:
        grey = cv2.resize(picture.rgb, (16, 16), interpolation=cv2.INTER_AREA).mean(2).ravel()
        thumbs.append((grey - grey.mean()) / (grey.std() + 1e-6) / 16)
    alike = np.stack(thumbs) @ np.stack(thumbs).T
    for i, j in np.argwhere(np.triu(alike > SAME_PLACE_CORRELATION, 1)):
        parent[root(int(j))] = root(int(i))

    by_number = {int(m.group()): i for i, p in enumerate(pictures) if (m := re.search(r"\d+", p.name))}
    for listed in re.findall(r"\b\d+(?:[/=]\d+)+\b", notes):
        members = [by_number[n] for n in map(int, re.split("[/=]", listed)) if n in by_number]
        for member in members[1:]:
            parent[root(member)] = root(members[0])
    return np.array([root(i) for i in range(len(pictures))])


def held_out(pictures: Sequence[LabelledPicture], groups: NDArray[np.int64], *, one_in: int = 7) -> NDArray[np.bool_]:
    """Which pictures are kept for validation: whole groups, by a hash of the group's first picture."""
    digest = [int(hashlib.sha1(pictures[group].name.encode()).hexdigest(), 16) for group in groups]
    return np.array([value % one_in == 0 for value in digest])


def read_scene_8bit(path: Path) -> LabelledPicture:
    """An 8-bit scene with its labels, at its own GSD."""
    with rasterio.open(path) as dataset:
        rgb = np.ascontiguousarray(np.moveaxis(dataset.read([1, 2, 3]), 0, -1))
    return LabelledPicture(path.stem, rgb, read_dota(path.with_suffix(".txt")), open_scene(path).gsd_m)


def tightened(labels: ShipLabels, by_px: float) -> ShipLabels:
    """Boxes shortened and narrowed by `by_px`, for outlines drawn generously; never by more than 40 %."""
    middle = labels.corners.mean(1, keepdims=True)
    first, second = labels.corners[:, 1] - labels.corners[:, 0], labels.corners[:, 2] - labels.corners[:, 1]
    halves = []
    for edge in (first, second):
        side = np.linalg.norm(edge, axis=1, keepdims=True)
        halves.append(edge / side * np.maximum(side - by_px, 0.6 * side) / 2)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = middle + signs[None, :, :1] * halves[0][:, None] + signs[None, :, 1:] * halves[1][:, None]
    return labels.moved(corners)


def stretched(bands: NDArray[np.float32], *, low: float, high: float, gamma: float) -> NDArray[np.uint8]:
    """Percentile stretch per band of (3, h, w) reflectances to uint8 (h, w, 3); 0 stays 'no data'."""
    valid = bands > 0
    floor = np.array([np.percentile(band[band > 0], low) for band in bands])[:, None, None]
    ceiling = np.array([np.percentile(band[band > 0], high) for band in bands])[:, None, None]
    shade = np.clip((bands - floor) / (ceiling - floor), 0, 1) ** gamma
    return np.ascontiguousarray(np.moveaxis(np.where(valid, shade * 254 + 1, 0).astype(np.uint8), 0, -1))
