"""A picture of a scene, or of a part of it, for people: north-up or not, as the sensor saw it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import BerthwatchError
from .pixels import open_at_scale, read_window
from .radiometry import Stretch, estimate_stretch
from .scene import Scene


@dataclass(frozen=True)
class Preview:
    """A picture and where on the ground its pixels lie."""

    rgb: NDArray[np.uint8]
    """(height, width, 3); 0 outside the scene and where it has no valid pixel."""
    to_pixel: Callable[[ArrayLike], NDArray[np.float64]]
    """Longitude, latitude (n, 2) in degrees -> x, y (n, 2) in this picture's pixels."""


def read_preview(
    scene: Scene,
    *,
    bounds_lonlat: tuple[float, float, float, float] | None = None,
    max_px: int = 1200,
    stretch: Stretch | None = None,
) -> Preview:
    """Read a picture of at most `max_px` a side whose pixels are square on the ground, never finer than the scene.

    `bounds_lonlat` (lon_min, lat_min, lon_max, lat_max) cuts out a part; what of it lies outside the scene is not in
    the picture. `stretch` is the scene's own by default. Raises BerthwatchError when the part misses the scene.
    """
    left, top, right, bottom = _pixel_bounds(scene, bounds_lonlat)
    gsd_m = max(scene.gsd_m, (right - left) * scene.gsd_x_m / max_px, (bottom - top) * scene.gsd_y_m / max_px)
    width = max(1, min(max_px, round((right - left) * scene.gsd_x_m / gsd_m)))
    height = max(1, min(max_px, round((bottom - top) * scene.gsd_y_m / gsd_m)))
    scale = np.array([(right - left) / width, (bottom - top) / height])
    with open_at_scale(scene, float(scale.min())) as dataset:
        pixels = read_window(dataset, scene, (left, top, right - left, bottom - top), (height, width))
    rgb = (stretch or estimate_stretch(scene)).apply(pixels.rgb)
    rgb[~pixels.valid] = 0
    origin = np.array([left, top])
    return Preview(rgb, lambda lonlat: (scene.from_lonlat(lonlat) - origin) / scale)


def _pixel_bounds(scene: Scene, bounds_lonlat: tuple[float, float, float, float] | None) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) in whole scene pixels, inside the scene."""
    if bounds_lonlat is None:
        return 0, 0, scene.width, scene.height
    west, south, east, north = bounds_lonlat
    along = np.linspace(0.0, 1.0, 17)
    lon, lat = west + along * (east - west), south + along * (north - south)
    sides = [
        (lon, np.full(17, south)),
        (lon, np.full(17, north)),
        (np.full(17, west), lat),
        (np.full(17, east), lat),
    ]
    xy = scene.from_lonlat(np.concatenate([np.column_stack(side) for side in sides]))
    left, top = np.maximum(np.floor(xy.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(xy.max(axis=0)), (scene.width, scene.height)).astype(int)
    if left >= right or top >= bottom:
        raise BerthwatchError(
            f"{scene.scene_id}: does not cover {bounds_lonlat} (lon_min, lat_min, lon_max, lat_max); "
            f"it covers {tuple(round(value, 4) for value in scene.footprint().bounds)}"
        )
    return int(left), int(top), int(right), int(bottom)
