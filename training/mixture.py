"""The chips that the shipped weights learn from: real crops, real scenes, real hulls on other water, synthetic ports.

Each source is an endless, seeded stream; `mixture` interleaves them by share, so that any prefix of it is a
balanced training set.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray

from ..imagery.scene import open_scene
from ..imagery.synthetic.chips import random_chip
from .chips import KIND_VISIBLE_PX, LabelledPicture, chip_round, crop_mosaic, scene_chip, with_pasted_hulls
from .crops import Chip, move_labels
from .hulls import Hull, cut_hulls, open_water
from .labels import ShipLabels, read_dota
from .pictures import held_out, read_crops, read_scene_8bit, same_ship_groups, stretched, tightened

Rng = np.random.Generator

# How often each kind is pasted: tankers first, then what is most easily taken for one.
PASTED_SHARE = {
    "tanker": 0.34, "bulk-carrier": 0.16, "container": 0.12, "general-cargo": 0.14, "tug-service": 0.07,
    "leisure": 0.06, "naval": 0.04, "passenger": 0.03, "barge": 0.03, "fishing": 0.02,
}  # fmt: skip
MERCHANT_KINDS = {"bulk-carrier", "container", "general-cargo"}

# Pictures are shown to the detector at 1.5 to 5 m; training goes a little beyond at both ends.
FINEST_GSD_M, COARSEST_GSD_M = 1.2, 5.6

# A ship that spans fewer samples of the sensor is a smudge: neither a ship nor water.
LEAST_SENSOR_PX = 6.0

# Sentinel-2 scenes kept for evaluation, and the outlines' known generosity in pixels.
SENTINEL2_HELD_OUT = ("marseille", "cartagena")
# One more that is left out, for calibration and for choosing between checkpoints. The shipped weights saw it in their
# first three rounds.
SENTINEL2_VALIDATION = ("genoa",)
SENTINEL2_OUTLINE_EXCESS_PX = 1.0

SHORE_SHARE = 0.4  # of the Sentinel-2 chips lie round a piece of shore, with ships or without

SHARES = {"crops": 0.22, "planet": 0.14, "sentinel2": 0.26, "synthetic": 0.28, "synthetic_coarse": 0.1}


@dataclass(frozen=True)
class SatelliteScene:
    """A scene of many bits, stretched anew for every few chips.

    bands: float32 (3, h, w). shore: int (n, 2) row and column of pixels where water ends.
    """

    bands: NDArray[np.float32]
    ships: ShipLabels
    gsd_m: float
    shore: NDArray[np.int_]


@dataclass(frozen=True)
class Sources:
    """Everything real that chips are made from; arrays in memory, about 0.5 GB."""

    crops: tuple[LabelledPicture, ...]
    held_out_crops: tuple[LabelledPicture, ...]
    crop_weights: NDArray[np.float64]
    planet: LabelledPicture
    sentinel2: tuple[SatelliteScene, ...]
    held_out_sentinel2: tuple[SatelliteScene, ...]
    hulls: tuple[Hull, ...]
    hull_weights: NDArray[np.float64]


def read_sources(data: Path) -> Sources:
    """Read what may be trained on under `data`; validation groups and evaluation scenes are left out."""
    crops = read_crops(data / "google-earth")
    held = held_out(crops, same_ship_groups(crops, (data / "google-earth" / "notes.md").read_text()))
    held_out_crops = tuple(picture for picture, out in zip(crops, held, strict=True) if out)
    crops = [picture for picture, out in zip(crops, held, strict=True) if not out]
    planet = read_scene_8bit(data / "planet" / "scene_4_utm10n_3m_approx.tif")
    hulls = [hull for picture in (*crops, planet) for hull in cut_hulls(picture.rgb, picture.labels)]
    of_kind = Counter(hull.kind for hull in hulls)
    return Sources(
        tuple(crops),
        held_out_crops,
        _normalised([_crop_weight(picture) for picture in crops]),
        planet,
        *_read_sentinel2(data / "sentinel2"),
        tuple(hulls),
        _normalised([PASTED_SHARE.get(hull.kind, 0.01) / of_kind[hull.kind] for hull in hulls]),
    )


def _crop_weight(picture: LabelledPicture) -> float:
    kinds = set(picture.labels.kinds)
    weight = 1.0 + 7.0 * ("tanker" in kinds) + 2.5 * bool(kinds & MERCHANT_KINDS)
    weight += bool(kinds & {"tug-service", "naval", "passenger", "barge", "fishing"})
    return weight * (0.5 if kinds <= {"leisure"} else 1.0)


def _read_sentinel2(folder: Path) -> tuple[tuple[SatelliteScene, ...], tuple[SatelliteScene, ...]]:
    """The scenes to train on and those to validate on; those for evaluation are not even opened."""
    scenes: dict[bool, list[SatelliteScene]] = {False: [], True: []}
    for path in sorted(folder.glob("*.tif")):
        if any(name in path.name for name in SENTINEL2_HELD_OUT):
            continue
        with rasterio.open(path) as dataset:
            bands = dataset.read([1, 2, 3]).astype(np.float32)
        labels = tightened(read_dota(path.with_suffix(".txt")), SENTINEL2_OUTLINE_EXCESS_PX)
        for_validation = any(name in path.name for name in SENTINEL2_VALIDATION)
        scenes[for_validation].append(SatelliteScene(bands, labels, open_scene(path).gsd_m, _shore(bands)))
    return tuple(scenes[False]), tuple(scenes[True])


def _shore(bands: NDArray[np.float32]) -> NDArray[np.int_]:
    """Pixels where water ends: breakwaters, piers, beaches and surf are taken for ships unless many are shown."""
    nothing = ShipLabels(np.zeros((0, 4, 2)), (), np.zeros(0, bool))
    water = open_water(stretched(bands, low=1, high=99, gamma=0.8), nothing, window_px=7).astype(np.uint8)
    return np.argwhere(cv2.morphologyEx(water, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0)


def _normalised(weights: Sequence[float]) -> NDArray[np.float64]:
    return np.array(weights) / np.sum(weights)


def mixture(sources: Sources, *, seed: int, size: int = 320) -> Iterator[tuple[str, Chip]]:
    """Named chips without end; the same seed gives the same chips."""
    rng = np.random.default_rng(seed)
    streams = {
        "crops": _crop_chips(rng, sources, size),
        "planet": _planet_chips(rng, sources, size),
        "sentinel2": _sentinel2_chips(rng, sources, size),
        "synthetic": _synthetic_chips(rng, sources, size, coarse=False),
        "synthetic_coarse": _synthetic_chips(rng, sources, size, coarse=True),
    }
    names, shares = list(SHARES), np.array(list(SHARES.values()))
    for number in itertools.count():
        name = str(rng.choice(names, p=shares))
        yield f"{name}_{seed}_{number:06d}", varied_tone(rng, next(streams[name]))


def validation(sources: Sources, *, seed: int, size: int = 320) -> Iterator[tuple[str, Chip]]:
    """Named chips without end that share no picture and no hull with `mixture`.

    Held-out crops, synthetic ports, and chips from anywhere in the held-out Sentinel-2 scenes, where shore and open
    sea are as frequent as they are in a scene.
    """
    rng = np.random.default_rng(seed)
    crops = replace(
        sources, crops=sources.held_out_crops, crop_weights=_normalised([1.0] * len(sources.held_out_crops))
    )
    streams = {
        "crops": _crop_chips(rng, crops, size),
        "synthetic": _synthetic_chips(rng, None, size, coarse=False),
        "synthetic_coarse": _synthetic_chips(rng, None, size, coarse=True),
        "sentinel2": _validation_sentinel2_chips(rng, sources.held_out_sentinel2, size),
    }
    for number in itertools.count():
        name = str(rng.choice(list(streams), p=[0.42, 0.18, 0.1, 0.3]))
        yield f"{name}_{seed}_{number:06d}", varied_tone(rng, next(streams[name]))


def _crop_chips(rng: Rng, sources: Sources, size: int) -> Iterator[Chip]:
    while True:
        cells = int(rng.choice([1, 2, 3, 4, 5], p=[0.2, 0.27, 0.26, 0.18, 0.09]))
        yield crop_mosaic(rng, sources.crops, sources.crop_weights, size=size, cells=cells)


def _pasted(rng: Rng, sources: Sources, chip: Chip, *, gsd_m: float, sensor_px: float, most: int) -> Chip:
    return with_pasted_hulls(
        rng,
        chip,
        sources.hulls,
        sources.hull_weights,
        gsd_m=gsd_m,
        sensor_px=sensor_px,
        count=int(rng.integers(1, most + 1)),
    )


def _planet_chips(rng: Rng, sources: Sources, size: int) -> Iterator[Chip]:
    own_gsd_m = sources.planet.gsd_m or 3.0
    while True:
        gsd_m = float(rng.choice([3.0, 3.0, 3.5, 4.0, 5.0]) * rng.uniform(0.9, 1.1))
        chip = scene_chip(rng, sources.planet, size=size, scale=own_gsd_m / gsd_m, near_ship=rng.random() < 0.6)
        if rng.random() < 0.8:
            chip = _pasted(rng, sources, chip, gsd_m=gsd_m, sensor_px=1.0, most=7)
        yield chip


def _sentinel2_chips(rng: Rng, sources: Sources, size: int, chips_a_stretch: int = 4) -> Iterator[Chip]:
    weights = _normalised([len(scene.ships) ** 0.5 * scene.bands[0].size ** 0.25 for scene in sources.sentinel2])
    while True:
        scene = sources.sentinel2[rng.choice(len(weights), p=weights)]
        picture = _shown(rng, scene)
        gsd_m, zoom = scene.gsd_m / picture.sensor_px, picture.sensor_px
        for _ in range(chips_a_stretch):
            if rng.random() < SHORE_SHARE and len(scene.shore):
                row, col = scene.shore[rng.integers(len(scene.shore))] * zoom
                chip = chip_round(rng, picture, (float(col), float(row)), size=size, scale=1.0)
            else:
                chip = scene_chip(rng, picture, size=size, scale=1.0, near_ship=rng.random() < 0.75)
            if rng.random() < 0.3:
                chip = _pasted(rng, sources, chip, gsd_m=gsd_m, sensor_px=zoom, most=5)
            yield chip


def _validation_sentinel2_chips(rng: Rng, scenes: Sequence[SatelliteScene], size: int) -> Iterator[Chip]:
    while True:
        picture = _shown(rng, scenes[int(rng.integers(len(scenes)))])
        for _ in range(8):
            yield scene_chip(rng, picture, size=size, scale=1.0, near_ship=False)


def _shown(rng: Rng, scene: SatelliteScene) -> LabelledPicture:
    """The scene as 8 bits at 3.2 to 6 m."""
    zoom = scene.gsd_m / float(rng.uniform(3.2, 6.0))
    rgb = stretched(scene.bands, low=rng.uniform(0.2, 2), high=rng.uniform(97, 99.7), gamma=rng.uniform(0.6, 1.0))
    shown = cv2.resize(
        rgb, (round(rgb.shape[1] * zoom), round(rgb.shape[0] * zoom)),
        interpolation=cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR,
    )  # fmt: skip
    ships = scene.ships.moved(scene.ships.corners * zoom)
    return LabelledPicture("sentinel2", np.asarray(shown, np.uint8), ships, scene.gsd_m / zoom, zoom)


def _synthetic_chips(rng: Rng, sources: Sources | None, size: int, *, coarse: bool) -> Iterator[Chip]:
    """Synthetic ports; coarse ones are taken at 7 to 10 m and shown at half that, as Sentinel-2 is.

    Real hulls are pasted into some, where there are sources for them.
    """
    while True:
        zoom = float(rng.uniform(1.4, 2.2)) if coarse else 1.0
        gsd_m = float(rng.uniform(4.2, COARSEST_GSD_M)) if coarse else _log_uniform(rng, FINEST_GSD_M, COARSEST_GSD_M)
        taken = random_chip(rng, gsd_m=gsd_m * zoom, size_px=round(size / zoom), least_visible=0.02)
        shown = cv2.resize(taken.rgb, (size, size), interpolation=cv2.INTER_CUBIC) if coarse else taken.rgb
        corners = np.asarray(taken.corners, float).reshape(-1, 4, 2) * (size / taken.rgb.shape[0])
        visible_px = taken.lengths_m / gsd_m
        kinds = tuple(
            kind if px >= KIND_VISIBLE_PX * zoom else "ship" for kind, px in zip(taken.kinds, visible_px, strict=True)
        )
        unclear = taken.lengths_m / (gsd_m * zoom) < LEAST_SENSOR_PX
        labels = ShipLabels(corners, kinds, unclear)
        chip = Chip(np.asarray(shown, np.uint8), move_labels(labels, np.eye(2, 3), size), zoom)
        if sources is not None and rng.random() < 0.4:
            chip = _pasted(rng, sources, chip, gsd_m=gsd_m, sensor_px=zoom, most=4)
        yield chip


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def varied_tone(rng: Rng, chip: Chip) -> Chip:
    """Another exposure, white balance and noise; pixels without data stay 0."""
    valid = chip.rgb.max(2, keepdims=True) > 0
    shade = 255 * (chip.rgb.astype(np.float32) / 255) ** rng.uniform(0.8, 1.25)
    shade = shade * rng.uniform(0.8, 1.2) * rng.uniform(0.95, 1.05, 3) + rng.uniform(-10, 14)
    if rng.random() < 0.4:
        shade = shade + rng.normal(0, rng.uniform(1, 5), shade.shape)
    return replace(chip, rgb=np.where(valid, np.clip(shade, 1, 255), 0).astype(np.uint8))
