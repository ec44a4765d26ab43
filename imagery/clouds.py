"""Our own cloud test, for scenes that come without a cloud mask.

A cloud hides what lies under it, and with it every dark thing: seen from above, a port, a town or a wood is never
bright all over, for there are shadows, roads, water. So what is bright in every band, over 90 m both ways, without
one dark sample, is cloud (after the dark channel prior: He, Sun and Tang, "Single image haze removal using dark channel
prior", CVPR 2009), or one of the few things that look so: beaches and salt (but these are warm in colour), and the
greatest warehouse roofs (but these end sharply, and clouds fade out).
"""

from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .cells import Cells
from .radiometry import Stretch

# Of 255, and cloud white is 230 to 255: a cloud that hides more than half of dark water under it.
_OPAQUE = 150
# Haze round a cloud, which belongs to it up to _FRINGE_M away.
_HAZY = 120
_FRINGE_M = 90.0
# Broader than a ship or a tank.
_LEAST_SIZE_M = 90.0
# A cloud's rim fades: the sharpest step of 10 m there makes less than a certain share of its contrast with what lies
# around. Measured: real and drawn clouds 0.2 to 0.6, roofs of real scenes 0.6 to 1.8. The larger a thing is, the less
# likely a roof: from so many square metres on, the rim may be as sharp as this.
_SHARPEST_RIM = ((0.0, 0.55), (25_000.0, 0.63), (200_000.0, np.inf))
# Counts above the darkest water that are cloud white at the least: 0.2 of reflectance, all of an 11-bit sensor; in an
# 8-bit picture, however dark it is, more than twice the level of open sea (55 to 65 in pictures of 3 m).
_LEAST_WHITE_COUNTS, _LEAST_WHITE_REFLECTANCE, _LEAST_WHITE_8_BIT = 2000.0, 0.2, 160.0

_SQUARE = np.ones((3, 3), dtype=bool)


def cloud_scale(stretch: Stretch) -> Stretch:
    """A straight stretch that shows clouds near white, whatever the sensor: the scene's own, but never too bright.

    The scene's stretch makes the brightest thing of an empty sea white; here it takes a cloud to be white.
    """
    low, high = np.array(stretch.low), np.array(stretch.high)
    if stretch.exponent == 1.0:  # an 8-bit picture
        least = _LEAST_WHITE_8_BIT
    else:
        least = _LEAST_WHITE_REFLECTANCE if high.max() <= 2.0 else _LEAST_WHITE_COUNTS
    red, green, blue = np.maximum(high, low + least)
    return Stretch(stretch.low, (float(red), float(green), float(blue)))


def cloudy_cells(cells: Cells) -> NDArray[np.bool_]:
    """Cells (height, width) under cloud. `cells` were read with `cloud_scale`."""
    # Cells of 30 m: 3. Cells of 27 m: 4, for 3 make but 81 m.
    size = max(2, ceil(_LEAST_SIZE_M / cells.cell_m - 0.1))
    bright = (cells.darkest >= _OPAQUE) & ~cells.warm
    # What lies beyond the scene may go on as it ends: a cloud at the border is not eaten away from there.
    smooth = _opened(np.pad(bright, size, mode="edge"), size)[size:-size, size:-size]
    cloudy = _without_roofs(cells, smooth)
    fringe = max(1, round(_FRINGE_M / cells.cell_m))
    return _grown(cloudy, fringe, within=cloudy | (cells.mean >= _HAZY))


def _without_roofs(cells: Cells, smooth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    regions = np.zeros(smooth.shape, dtype=np.int32)
    ndimage.label(smooth, _SQUARE, output=regions)
    kept = np.zeros(regions.max() + 1, dtype=bool)
    steep = np.asarray(ndimage.maximum_filter(cells.step, 3), np.uint8)
    for number, where in enumerate(ndimage.find_objects(regions), start=1):
        rows, cols = (slice(max(0, side.start - 5), side.stop + 5) for side in where)
        region = regions[rows, cols] == number
        sharpest = max(rim for area_m2, rim in _SHARPEST_RIM if region.sum() * cells.cell_m**2 >= area_m2)
        kept[number] = _rim_sharpness(region, cells.mean[rows, cols], steep[rows, cols]) < sharpest
    return kept[regions]


def _rim_sharpness(region: NDArray[np.bool_], mean: NDArray[np.uint8], steep: NDArray[np.uint8]) -> float:
    """Share of a region's contrast, with what lies three to five cells outside it, that one step makes at its rim.

    steep: the greatest step in a cell or those around it.
    """
    rim = region & _grown(~region, 1)
    around = _grown(region, 5) & ~_grown(region, 3)
    if not (rim.any() and around.any()):
        return 0.0
    contrast = float(np.median(mean[region])) - float(np.median(mean[around]))
    return float(np.median(steep[rim])) / max(contrast, 1.0)


def _grown(area: NDArray[np.bool_], cells: int, within: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    return np.asarray(ndimage.binary_dilation(area, _SQUARE, iterations=cells, mask=within), dtype=bool)


def _opened(area: NDArray[np.bool_], cells: int) -> NDArray[np.bool_]:
    return np.asarray(ndimage.binary_opening(area, np.ones((cells, cells), dtype=bool)), dtype=bool)
