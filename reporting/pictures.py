"""Pieces of the scenes as pictures with ships and berths drawn on them, each picture inside the page as JPEG."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from PIL import Image
from rasterio.errors import RasterioError

from ..configs.port import Berth
from ..errors import BerthwatchError
from ..imagery.preview import read_preview
from ..imagery.radiometry import Stretch, estimate_stretch
from ..imagery.scene import Scene
from ..inference.picture_files import picture_sums
from ..inference.store import FileSum
from . import wording
from .frame import Frame, bounds_around, size_m
from .tables import rows_of

Bounds = tuple[float, float, float, float]
_CREDIT_TAGS = ("TIFFTAG_COPYRIGHT", "COPYRIGHT", "CREDIT", "ATTRIBUTION")


@dataclass(frozen=True)
class Outline:
    """A berth or ship on a picture: SVG points in metres, its role (a CSS class), what to say of it.

    `label` is a berth's number, if it has one, and `label_at` the berth's middle as shares of width and height.
    """

    points: str
    role: str
    tip: str
    label: str = ""
    label_at: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Picture:
    """A piece of ground: its frame, the JPEG below (data URI; None where there is none), what is drawn on it."""

    frame: Frame
    image: str | None
    outlines: tuple[Outline, ...]
    alt: str
    credit: str = ""
    brightness: float = 255.0  # mean of the pixels in the middle quarter, 0 to 255

    @property
    def scale_bar(self) -> tuple[float, str]:
        """Length of the scale bar in metres and its label."""
        length = self.frame.scale_bar_m()
        return length, f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"


@dataclass(frozen=True)
class SceneSource:
    """A scene at hand, whose stretch and credit line are looked up once."""

    scene: Scene
    searched: tuple[FileSum, ...] = ()
    """The files in which ships were sought, where that is known."""

    @cached_property
    def is_another(self) -> bool:
        """Whether the files that are there now, if they can be read, are others than those searched."""
        try:
            return bool(self.searched) and picture_sums(self.scene) != self.searched
        except BerthwatchError:
            return False

    @cached_property
    def stretch(self) -> Stretch:
        """The scene's own stretch, so that all its chips look alike."""
        return estimate_stretch(self.scene)

    @cached_property
    def credit(self) -> str:
        """Whose picture it is, from its tags or its product name; empty where neither tells."""
        with rasterio.open(self.scene.source) as dataset:
            tags = dataset.tags()
        for name in _CREDIT_TAGS:
            if tags.get(name, "").strip():
                return tags[name].strip()
        year = f" {self.scene.acquired_at.year}" if self.scene.acquired_at else ""
        if re.match(r"S2[A-D]_", self.scene.scene_id):
            return f"Contains modified Copernicus Sentinel data{year}"
        if re.match(r"L[COTEM]0[4-9]_", self.scene.scene_id):
            return "Landsat image courtesy of the U.S. Geological Survey"
        return ""


@dataclass
class PictureMaker:
    """Cuts pictures out of the scenes at hand and draws on them what the store and the port say is there."""

    scenes: Mapping[str, Scene]
    detections: gpd.GeoDataFrame
    berths: tuple[Berth, ...]
    searched: Mapping[str, tuple[FileSum, ...]] = field(default_factory=dict)
    """Of each scene the files in which ships were sought: boxes are drawn on no other picture."""
    _sources: dict[str, SceneSource] = field(default_factory=dict)

    def others(self) -> list[str]:
        """The scenes asked for whose files are not those searched any more."""
        return [scene_id for scene_id, source in self._sources.items() if source.is_another]

    def cut(
        self, scene_id: str, bounds: Bounds, *, max_px: int, subjects: Iterable[str] = (), label_berths: bool = False
    ) -> Picture | None:
        """A piece of a scene; None where it is not at hand, cannot be read any more, lies elsewhere or is another.

        `subjects` are the detection ids to point out among the ships of the scene.
        """
        if scene_id not in self.scenes:
            return None
        source = self._sources.setdefault(scene_id, SceneSource(self.scenes[scene_id], self.searched.get(scene_id, ())))
        if source.is_another:
            return None
        try:
            preview = read_preview(source.scene, bounds_lonlat=bounds, max_px=max_px, stretch=source.stretch)
            credit = source.credit
        except (BerthwatchError, RasterioError):
            return None
        height, width = preview.rgb.shape[:2]
        frame = Frame.of_picture(
            preview.to_pixel, (width, height), ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
        )
        picture = self._drawn(frame, _jpeg(preview.rgb), scene_id, bounds, frozenset(subjects), label_berths, credit)
        middle = preview.rgb[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None]
        return replace(picture, brightness=float(middle.mean()))

    def draw(self, scene_id: str | None, bounds: Bounds, *, subjects: Iterable[str] = ()) -> Picture:
        """A north-up map of berths and of one scene's ships (all scenes' with None), without a picture below."""
        frame = Frame.of_ground(bounds)
        return self._drawn(frame, None, scene_id, bounds, frozenset(subjects), label_berths=True, credit="")

    def _drawn(
        self,
        frame: Frame,
        image: str | None,
        scene_id: str | None,
        bounds: Bounds,
        subjects: frozenset[str],
        label_berths: bool,
        credit: str,
    ) -> Picture:
        inside = shapely.box(*bounds)
        berths = [b for b in self.berths if b.geometry.intersects(inside)]
        ships = self.detections if scene_id is None else self.detections[self.detections.scene_id == scene_id]
        ships = ships[ships.intersects(inside)]
        numbers = berth_numbers(self.berths) if label_berths else {}
        outlines = [_berth_outline(frame, b, numbers.get(b.id, "")) for b in berths]
        outlines += [_ship_outline(frame, ship, ship.detection_id in subjects) for ship in rows_of(ships)]
        return Picture(frame, image, tuple(outlines), _alt(frame, scene_id, len(berths), len(ships), image), credit)


def port_bounds(berths: Iterable[Berth], margin_m: float = 300.0) -> Bounds:
    """Bounds that hold the berths with a margin about them, landscape between 3:2 and 2:1."""
    west, south, east, north = shapely.union_all([berth.geometry for berth in berths]).bounds
    width_m, height_m = size_m((west, south, east, north))
    half_height = height_m / 2 + margin_m
    half_width = max(width_m / 2 + margin_m, 1.5 * half_height)
    half_height = max(half_height, half_width / 2)
    return bounds_around(((west + east) / 2, (south + north) / 2), half_width, half_height)


def berth_bounds(berth: Berth) -> Bounds:
    """Bounds of a square that holds a berth with some quay and water."""
    half = max(size_m(berth.geometry.bounds)) / 2 + 60
    centre = berth.geometry.centroid
    return bounds_around((centre.x, centre.y), half, half)


def ship_bounds(lon: float, lat: float, length_m: float) -> Bounds:
    """Bounds of a square that holds a ship and what it lies at."""
    half = max(0.85 * length_m, 90.0)
    return bounds_around((lon, lat), half, half)


def berth_numbers(berths: Iterable[Berth]) -> dict[str, str]:
    """The number that each oil berth, or where there is none each berth, bears on a picture, by berth id."""
    berths = list(berths)
    numbered = [berth for berth in berths if berth.kind == "oil"] or berths
    return {berth.id: f"{i}" for i, berth in enumerate(numbered, 1)}


def _berth_outline(frame: Frame, berth: Berth, number: str) -> Outline:
    approximate = ", position approximate" if berth.approximate else ""
    centre = berth.geometry.centroid
    # A name beside one berth lies over the next where berths are close; a number fits into its own.
    x, y = frame.share((centre.x, centre.y))
    return Outline(
        points=frame.points(berth.geometry),
        role=f"berth {berth.kind}",
        tip=f"{berth.name} ({berth.kind} berth{approximate})",
        label=number if 0 < x < 1 and 0 < y < 1 else "",
        label_at=(x, y),
    )


def _ship_outline(frame: Frame, ship: Any, is_subject: bool) -> Outline:
    # By her looks alone: the berth that she lies at is not counted for a tanker here.
    p = ship.tanker_probability
    role = "tanker" if p >= wording.PROBABLE else "doubtful" if p >= wording.POSSIBLE else "ship"
    return Outline(
        points=frame.points(ship.geometry),
        role=f"hull {role}{' subject' if is_subject else ''}",
        tip=ship_line(ship),
    )


def ship_line(ship: Any) -> str:
    """'92 ± 4 m × 15 ± 2 m, heading 28° or 208°, looks like a tanker: 91%, score 0.84, a ship: 93%'."""
    s = ship
    beam = "" if np.isnan(s.beam_m) else f" × {s.beam_m:.0f} ± {s.beam_sd_m:.0f} m"
    return (
        f"{s.length_m:.0f} ± {s.length_sd_m:.0f} m{beam}, heading {s.heading_deg:.0f}° or {s.heading_deg + 180:.0f}°, "
        f"looks like a tanker: {wording.probability(s.tanker_probability)}, score {s.score:.2f}, "
        f"a ship: {wording.probability(s.ship_probability)}"
    )


def _alt(frame: Frame, scene_id: str | None, n_berths: int, n_ships: int, image: str | None) -> str:
    what = f"Satellite picture {scene_id}" if image else "Map drawn from coordinates, without a picture"
    return (
        f"{what}, {frame.width_m:.0f} by {frame.height_m:.0f} metres, "
        f"with {wording.figure(n_berths, 'berth')} and {wording.figure(n_ships, 'ship')} outlined."
    )


def _jpeg(rgb: np.ndarray) -> str:
    # Small chips carry the evidence and cost little: nearly lossless. A whole harbour may lose what no eye sees.
    quality = 92 if max(rgb.shape[:2]) <= 256 else 82
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, optimize=True, subsampling=0 if quality > 90 else 2)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
