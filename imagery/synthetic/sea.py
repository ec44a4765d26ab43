"""Water: its colour, waves and glint, slicks and turbidity, whitecaps and wakes."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .canvas import RGB
from .noise import Field, fractal_field, smooth_field, wave_field
from .ships import SyntheticShip

# Display colours of water in real scenes, with how often they occur there.
WATERS: list[tuple[RGB, float]] = [
    ((26, 54, 62), 0.16),  # PlanetScope harbour
    ((58, 76, 80), 0.10),  # the same, hazier
    ((10, 14, 18), 0.14),  # near black, stretched Sentinel-2
    ((14, 34, 46), 0.08),
    ((4, 26, 46), 0.08),  # navy
    ((36, 48, 36), 0.10),  # green river
    ((74, 84, 56), 0.06),
    ((72, 112, 106), 0.05),  # teal estuary
    ((150, 142, 126), 0.07),  # mud
    ((112, 104, 84), 0.05),
    ((46, 34, 40), 0.05),  # purplish black
    ((118, 120, 116), 0.03),  # full glint
    ((36, 92, 104), 0.03),  # shallow turquoise
]
KELVIN_HALF_ANGLE = np.arctan(1 / np.sqrt(8.0))  # 19.47 degrees, deep water


@dataclass(frozen=True)
class Sea:
    """State of the water.

    colour: display RGB. wind_from_deg clockwise from north. wave_contrast: rms of the wave pattern over the
    colour's brightness (0.01 calm .. 0.3 rough in glint). glint: 0..1, skews waves to bright facets and lifts the
    level. turbidity: 0..1 strength of plumes and slicks. whitecaps: breaking crests per hectare.
    """

    colour: RGB = (30, 56, 64)
    wind_from_deg: float = 300.0
    wavelength_m: float = 18.0
    wave_contrast: float = 0.05
    glint: float = 0.0
    turbidity: float = 0.2
    whitecaps: float = 0.0


def random_sea(rng: np.random.Generator, *, gsd_m: float) -> Sea:
    """A sea as varied as the real pictures."""
    weights = np.array([w for _, w in WATERS])
    colour = np.array(WATERS[rng.choice(len(WATERS), p=weights / weights.sum())][0], float)
    if gsd_m > 6:  # open sea in a coarse scene that is stretched to show land is near black
        colour *= rng.uniform(0.25, 0.9)
    colour = np.clip(colour * rng.uniform(0.7, 1.2) + rng.normal(0, 3, 3), 1, 160)
    visible = np.clip(3.0 / gsd_m, 0.3, 1.0)  # a coarse pixel averages most waves away
    return Sea(
        colour=(float(colour[0]), float(colour[1]), float(colour[2])),
        wind_from_deg=float(rng.uniform(0, 360)),
        wavelength_m=float(np.exp(rng.uniform(np.log(4), np.log(35)))),
        wave_contrast=float(np.exp(rng.uniform(np.log(0.008), np.log(0.16)))) * visible,
        glint=float(rng.choice([0.0, rng.random()], p=[0.6, 0.4])),
        turbidity=float(rng.random() ** 2),
        whitecaps=float(rng.choice([0.0, rng.uniform(0.2, 6)], p=[0.85, 0.15])),
    )


def paint_sea(rng: np.random.Generator, sea: Sea, shape: tuple[int, int], *, gsd_m: float) -> Field:
    """Water of the given shape; float32 (h, w, 3), display values 0..255."""
    colour = np.array(sea.colour, np.float32)
    large = fractal_field(rng, shape, max(1500 / gsd_m, 60), octaves=3, gain=0.4)
    waves = wave_field(
        rng,
        shape,
        wavelength_px=max(sea.wavelength_m / gsd_m, 2.2),
        towards_deg=sea.wind_from_deg + 180,
        spread=0.7,
    )
    # Wind patches make waves stronger and weaker; glint skews them: a few facets mirror the sun.
    waves *= 1 + np.float32(0.35) * np.clip(large, -2, 2)
    skew = np.float32(1.0 + 2.0 * sea.glint)
    pattern = (np.exp(np.clip(waves * skew * np.float32(0.5), -2, 3)) - 1) / skew * 2
    level = 1 + np.float32(sea.wave_contrast) * pattern + np.float32(0.03 + 0.06 * sea.turbidity) * large
    brightness = np.float32(colour.mean())
    water = colour * np.clip(level, 0.2, None)[..., None]
    if sea.glint > 0:
        sky = np.clip(large * np.float32(0.5) + 0.8, 0, None) * np.float32(22 * sea.glint)
        water += (sky * (1 + np.float32(2 * sea.wave_contrast) * pattern))[..., None]
    if sea.turbidity > 0.05:
        water += np.float32(sea.turbidity) * _plumes(rng, shape, gsd_m=gsd_m) * np.float32(6 + 0.14 * brightness)
        water += np.float32(sea.turbidity) * _fronts(rng, shape, gsd_m=gsd_m) * np.float32(12 + 0.3 * brightness)
    if sea.whitecaps > 0:
        _whitecaps(rng, water, sea, gsd_m=gsd_m)
    return np.clip(water, 0, 255)


def _plumes(rng: np.random.Generator, shape: tuple[int, int], *, gsd_m: float) -> Field:
    """Silt, drawn out along the current; (h, w, 3), brown-green."""
    height, width = shape
    # Drawn on a picture squeezed four times along the current, then stretched back.
    along_rows = rng.random() < 0.5
    squeezed = (max(height // 4, 8), width) if along_rows else (height, max(width // 4, 8))
    field = fractal_field(rng, squeezed, max(400 / gsd_m, 20), octaves=5)
    plume = np.asarray(Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC))
    return np.clip(plume - 0.3, 0, 2)[..., None] * np.array([1.5, 1.3, 0.8], np.float32)


def _fronts(rng: np.random.Generator, shape: tuple[int, int], *, gsd_m: float) -> Field:
    """Thin winding lines of foam, and smooth dark slicks, where currents meet; (h, w, 1), about -0.5 to 1."""
    field = fractal_field(rng, shape, max(900 / gsd_m, 40), octaves=4, gain=0.45)
    broken = smooth_field(rng, shape, max(120 / gsd_m, 8)) - np.float32(rng.uniform(0.0, 1.0))
    # The lines are a level of a smooth field: its slope is about one in a cell, so this is some ten metres wide.
    line = np.exp(-(((field - np.float32(rng.normal(0, 0.7))) * np.float32(90)) ** 2)) * np.clip(broken, 0, 1)
    slick = np.exp(-(((field - np.float32(rng.normal(0, 0.7))) * np.float32(9)) ** 2))
    return (line - np.float32(0.4) * slick)[..., None]


def _whitecaps(rng: np.random.Generator, water: Field, sea: Sea, *, gsd_m: float) -> None:
    """Short bright crests across the wind, a metre or two wide."""
    height, width = water.shape[:2]
    count = rng.poisson(min(sea.whitecaps * height * width * gsd_m**2 / 1e4, 6000))
    y, x = rng.uniform(0, height, count), rng.uniform(0, width, count)
    crest = np.deg2rad(sea.wind_from_deg + 90)
    for part in np.linspace(-0.5, 0.5, 5):
        length = rng.uniform(3, 10, count) / gsd_m
        row = (y - np.cos(crest) * part * length).astype(int)
        col = (x + np.sin(crest) * part * length).astype(int)
        inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
        gain = rng.uniform(0.2, 0.6, count) * min(1.0, 1.5 / gsd_m)
        under = water[row[inside], col[inside]]
        water[row[inside], col[inside]] = under + gain[inside, None] * (215 - under)


def paint_wake(
    rng: np.random.Generator, water: Field, ship: SyntheticShip, *, left: float, top: float, gsd_m: float
) -> None:
    """Brighten the water behind a moving ship in place: turbulent trail, Kelvin arms, foam at the bow.

    left, top: world metres of the outer corner of pixel (0, 0).
    """
    height, width = water.shape[:2]
    speed = ship.speed_mps
    trail_m = ship.length_m * rng.uniform(2.0, 5.0) + speed * rng.uniform(10, 70)
    reach_m = trail_m + ship.length_m
    ends = ship.frame.to_world([(ship.length_m * 0.6, 0), (-reach_m, reach_m * 0.35), (-reach_m, -reach_m * 0.35)])
    cols, rows = (ends[:, 0] - left) / gsd_m, (top - ends[:, 1]) / gsd_m
    x0, x1 = int(np.clip(cols.min(), 0, width)), int(np.clip(cols.max() + 1, 0, width))
    y0, y1 = int(np.clip(rows.min(), 0, height)), int(np.clip(rows.max() + 1, 0, height))
    if x1 - x0 < 3 or y1 - y0 < 3:
        return
    east = left + (np.arange(x0, x1) + 0.5) * gsd_m - ship.x
    north = top - (np.arange(y0, y1) + 0.5) * gsd_m - ship.y
    axes = ship.frame.axes
    s = (east[None] * axes[0, 0] + north[:, None] * axes[0, 1]).astype(np.float32)
    t = (east[None] * axes[1, 0] + north[:, None] * axes[1, 1]).astype(np.float32)
    aft = np.maximum(-s - ship.length_m * 0.47, 0)
    t = t + np.float32(rng.normal(0, 0.25) / max(trail_m, 1)) * aft**2  # the ship was turning
    behind = (s < -ship.length_m * 0.47).astype(np.float32)
    fine, coarse = (smooth_field(rng, s.shape, max(size / gsd_m, 1.5)) for size in (4, 12))
    grain = 0.3 * fine + 0.3 * coarse
    half = ship.beam_m * (0.35 + 0.25 * np.sqrt(aft / ship.length_m))
    trail = behind * np.exp(-((t / half) ** 2)) * np.exp(-aft / trail_m) * np.clip(0.8 + grain, 0.05, 2)
    since_bow = np.maximum(ship.length_m * 0.5 - s, 0)
    arm_at = since_bow * np.float32(np.tan(KELVIN_HALF_ANGLE * rng.uniform(0.55, 1.0))) + ship.beam_m * 0.3
    thick = 1.2 + 0.05 * since_bow
    arm = np.exp(-(((np.abs(t) - arm_at) / thick) ** 2) - since_bow / (trail_m * 0.6)) * np.clip(0.6 + grain, 0, 2)
    strength = np.float32(min(1.0, speed / 9.0) * rng.uniform(0.5, 1.2))
    foam = np.clip(strength * (trail + rng.uniform(0.05, 0.45) * arm), 0, 0.85)[..., None]
    white = np.array([200, 212, 206], np.float32)
    water[y0:y1, x0:x1] += foam * (white - water[y0:y1, x0:x1]) * np.float32(rng.uniform(0.35, 0.9))
