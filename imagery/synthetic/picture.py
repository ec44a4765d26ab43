"""From a described scene to the 8-bit picture of it: sea, harbour, ships, sky, sensor, in that order."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Light
from .harbour import HarbourLayout
from .landcover import open_country
from .noise import Field, fractal_field, smooth_field
from .sea import Sea, paint_sea, paint_wake
from .sensor import Sensor, Sky, cloud_layer, expose, under_sky
from .ships import SyntheticShip, paint_ship

OPEN_COUNTRY = 0.8  # ground rougher than this is not paved


@dataclass(frozen=True)
class View:
    """The piece of ground a picture shows: outer corner of its first pixel (metres) and size in pixels."""

    left: float
    top: float
    width: int
    height: int
    gsd_m: float

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2) world metres -> (..., 2) pixel x, y (corner convention)."""
        return (np.asarray(points, float) - (self.left, self.top)) * (1, -1) / self.gsd_m


@dataclass(frozen=True)
class Conditions:
    """Everything that changes from one date to the next, ships apart."""

    sea: Sea = field(default_factory=Sea)
    light: Light = field(default_factory=Light)
    sky: Sky = field(default_factory=Sky)
    sensor: Sensor = field(default_factory=Sensor)


def supersampling(gsd_m: float) -> int:
    """Cells a pixel side is painted with: finer where things are small against a pixel."""
    return 2 if gsd_m <= 1.5 else 3


def take_picture(
    rng: np.random.Generator,
    view: View,
    conditions: Conditions,
    layout: HarbourLayout,
    ships: Sequence[SyntheticShip],
    *,
    supersample: int | None = None,
) -> tuple[NDArray[np.uint8], Field]:
    """Paint and expose; returns (rgb uint8 (h, w, 3), cloud opacity float32 (h, w) in 0..1)."""
    rgb = paint_ground(rng, view, conditions, layout, ships, supersample=supersample or supersampling(view.gsd_m))
    clouds, shadows = cloud_layer(rng, conditions.sky, conditions.light, rgb.shape[:2], gsd_m=view.gsd_m)
    seen = under_sky(rng, rgb, conditions.sky, clouds, shadows, gsd_m=view.gsd_m)
    return expose(rng, seen, conditions.sensor), clouds


def paint_ground(
    rng: np.random.Generator,
    view: View,
    conditions: Conditions,
    layout: HarbourLayout,
    ships: Sequence[SyntheticShip],
    *,
    supersample: int,
) -> Field:
    """Sea, harbour and ships without atmosphere and sensor; float32 (h, w, 3) in 0..255."""
    shape = (view.height, view.width)
    water = paint_sea(rng, conditions.sea, shape, gsd_m=view.gsd_m)
    for ship in ships:
        if ship.speed_mps > 0:
            paint_wake(rng, water, ship, left=view.left, top=view.top, gsd_m=view.gsd_m)
    canvas = Canvas(water, left=view.left, top=view.top, gsd_m=view.gsd_m, supersample=supersample)
    layout.paint(canvas, conditions.light, overhead=False)
    for ship in ships:
        paint_ship(canvas, ship, conditions.light)
    layout.paint(canvas, conditions.light, overhead=True)
    rgb, rough = canvas.develop()
    return _with_ground_texture(rgb, rough, layout, gsd_m=view.gsd_m) if rough.any() else rgb


def _with_ground_texture(rgb: Field, rough: Field, layout: HarbourLayout, *, gsd_m: float) -> Field:
    """Grain on paving, country on what is not paved. It comes from the layout's seed: every date has the same."""
    rng = np.random.default_rng([layout.seed, 2**31])
    shape = rough.shape
    grain = fractal_field(rng, shape, max(40 / gsd_m, 3.0), octaves=5, gain=0.9)
    # Lorries, boxes, masts and their shadows: sparse bright and dark specks of some metres, on paved ground.
    speck = smooth_field(rng, shape, max(5 / gsd_m, 1.0))
    specks = np.sign(speck) * np.clip(np.abs(speck) - np.float32(1.3), 0, 1) * (rough > 0)
    light = 1 + np.float32(0.13) * rough * grain + np.float32(0.2 * min(1.0, 5 / gsd_m)) * specks
    rgb = rgb * np.clip(light, 0.25, 2.0)[..., None]
    country = np.clip((rough - OPEN_COUNTRY) / (1 - OPEN_COUNTRY), 0, 1)[..., None]
    if country.any():
        rgb = rgb + country * np.float32(0.85) * (open_country(layout.seed, shape, gsd_m=gsd_m) - rgb)
    return rgb
