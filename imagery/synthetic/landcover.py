"""Open country behind the quays: woods, fields, bare ground and streets, as one colour field."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .canvas import RGB
from .noise import Field, fractal_field, smooth_field
from .palette import one_of

WOODS: list[RGB] = [(52, 66, 44), (44, 56, 42), (70, 80, 52), (84, 78, 58)]
FIELDS: list[RGB] = [(116, 116, 80), (142, 128, 98), (96, 110, 72), (160, 146, 116)]
GROUNDS: list[RGB] = [(178, 160, 130), (150, 136, 116), (196, 178, 146)]
STREETS: list[RGB] = [(128, 124, 118), (146, 140, 130)]
TOWN: list[RGB] = [
    (196, 190, 180), (222, 220, 214), (160, 154, 146), (132, 126, 118), (168, 104, 84), (146, 90, 74), (110, 112, 116),
    (86, 96, 72), (70, 84, 58), (98, 92, 84),
]  # fmt: skip


@lru_cache(maxsize=1)  # the dates of one harbour share their country, and it is half the work of painting one
def open_country(seed: int, shape: tuple[int, int], *, gsd_m: float) -> Field:
    """Display colours of open country, float32 (h, w, 3), read-only; the same for the same seed, shape and GSD."""
    rng = np.random.default_rng([seed, 7])
    wood, field, bare, street = (
        np.array(one_of(rng, table, 8), np.float32) for table in (WOODS, FIELDS, GROUNDS, STREETS)
    )
    woodiness = fractal_field(rng, shape, max(450 / gsd_m, 4), octaves=6, gain=0.6)
    worn = fractal_field(rng, shape, max(200 / gsd_m, 3), octaves=5, gain=0.7)
    leaves = 1 + np.float32(0.16) * smooth_field(rng, shape, max(9 / gsd_m, 1.0))
    wooded = _ramp(woodiness + np.float32(rng.normal(0.0, 0.7)), 0.15)[..., None]
    bared = _ramp(worn - np.float32(rng.uniform(0.6, 1.6)), 0.4)[..., None]
    ground = field + bared * (bare - field) + (np.float32(9) * worn)[..., None]
    country = ground + wooded * (wood * leaves[..., None] - ground)
    built = _ramp(fractal_field(rng, shape, max(900 / gsd_m, 6), octaves=4) + np.float32(rng.normal(-0.4, 0.8)), 0.25)
    if built.max() > 0.05:
        houses, opaque = _streets_and_houses(rng, shape, street, gsd_m=gsd_m)
        country = country + (built * opaque)[..., None] * (houses - country)
    country.flags.writeable = False
    return country


def _ramp(field: Field, width: float) -> Field:
    """0 below zero, 1 above, over `width`."""
    return np.clip(field / np.float32(width) + np.float32(0.5), 0, 1)


def _streets_and_houses(
    rng: np.random.Generator, shape: tuple[int, int], street: NDArray[np.float32], *, gsd_m: float
) -> tuple[Field, Field]:
    """A turned grid of plots (roofs, yards, trees) between streets; colours (h, w, 3) and opacity (h, w)."""
    height, width = shape
    plot_m = max(rng.uniform(9, 20), 0.8 * gsd_m)
    # The turned grid must cover the picture's diagonal: 320 px at 3 m is 1,358 m, 97 plots of 14 m.
    plots = int(np.hypot(height, width) * gsd_m / plot_m) + 4
    table = np.array([TOWN[i] for i in rng.integers(0, len(TOWN), 9)], float)
    colours = table[rng.integers(0, len(table), (plots, plots))] + rng.normal(0, 14, (plots, plots, 1))
    every_row, every_col = rng.integers(3, 6), rng.integers(5, 12)
    is_street = (np.arange(plots) % every_row == 0)[:, None] | (np.arange(plots) % every_col == 0)[None]
    colours[is_street] = street
    opaque = np.where(rng.random((plots, plots)) < 0.75, 235, 0)
    opaque[is_street] = 235
    grid = Image.fromarray(np.dstack([np.clip(colours, 0, 255), opaque]).astype(np.uint8))
    turn = rng.uniform(0, np.pi / 2)
    scale = gsd_m / plot_m
    a, b = np.cos(turn) * scale, np.sin(turn) * scale
    middle = plots / 2
    matrix = (
        a, b, middle - a * width / 2 - b * height / 2,
        -b, a, middle + b * width / 2 - a * height / 2,
    )  # fmt: skip
    turned = grid.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)
    laid = np.asarray(turned, np.float32)
    return laid[..., :3], laid[..., 3] / np.float32(255)
