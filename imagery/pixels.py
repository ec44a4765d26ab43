"""Pixels of a scene, red green blue and valid or not, at any scale, straight from the file."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .raster import open_raster
from .scene import Scene


@dataclass(frozen=True)
class Pixels:
    """A piece of a scene."""

    rgb: NDArray[np.generic]
    """(height, width, 3), in the file's own type."""
    valid: NDArray[np.bool_]
    """(height, width); False where the file says nodata, transparent or masked."""


def resampling_for(scale_x: float, scale_y: float) -> Resampling:
    """The kernel for so many scene pixels an output pixel.

    Areas are averaged where at least two pixels make one: that is what a coarser sensor would have seen. Closer
    to one, and finer, a cubic keeps hulls sharp; GDAL widens it when it makes a picture smaller, so nothing aliases.
    """
    return Resampling.average if min(scale_x, scale_y) >= 2.0 else Resampling.cubic


def read_window(
    dataset: DatasetReader,
    band_indexes: tuple[int, int, int],
    window: Window,
    shape: tuple[int, int],
    resampling: Resampling,
) -> Pixels:
    """Read a window (scene pixels, fractions allowed) as `shape` (height, width) pixels.

    GDAL takes the kernel's surroundings from beyond the window, and where the window begins at a whole output
    pixel counted from the raster's corner, a picture read in pieces equals the picture read whole.
    """
    height, width = shape
    rgb = np.empty((height, width, 3), dtype=dataset.dtypes[0])
    if len(set(band_indexes)) == 1:
        dataset.read(band_indexes[0], window=window, out=rgb[..., 0], resampling=resampling)
        rgb[..., 1:] = rgb[..., :1]
    else:
        dataset.read(list(band_indexes), window=window, out=rgb.transpose(2, 0, 1), resampling=resampling)
    return Pixels(rgb, _valid(dataset, band_indexes[0], rgb, window))


def _valid(dataset: DatasetReader, band: int, rgb: NDArray[np.generic], window: Window) -> NDArray[np.bool_]:
    flags = dataset.mask_flag_enums[band - 1]
    shape = rgb.shape[:2]
    if MaskFlags.per_dataset in flags:  # an alpha band, a mask inside the file or beside it
        mask = dataset.read_masks(band, window=window, out_shape=shape, resampling=Resampling.nearest)
        return mask > 0
    if MaskFlags.nodata in flags and dataset.nodata is not None:
        # A dark pixel may hold the nodata value in one band; it is no data only where all bands say so.
        is_nodata = np.isnan(rgb) if np.isnan(dataset.nodata) else rgb == dataset.nodata
        return ~is_nodata.all(axis=-1)
    if np.issubdtype(rgb.dtype, np.floating):
        return np.isfinite(rgb).all(axis=-1)
    return np.ones(shape, dtype=bool)


def read_overview(scene: Scene, *, max_px: int) -> Pixels:
    """The whole scene at no more than `max_px` a side, every n-th pixel of what the file's overviews offer."""
    shrink = max(1.0, max(scene.width, scene.height) / max_px)
    shape = max(1, round(scene.height / shrink)), max(1, round(scene.width / shrink))
    whole = Window(0, 0, scene.width, scene.height)
    with open_raster(scene.source) as dataset:
        return read_window(dataset, scene.band_indexes, whole, shape, Resampling.nearest)
