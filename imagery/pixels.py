"""Pixels of a scene, red green blue and valid or not, at any scale, straight from the file."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .raster import decode_threads, open_raster
from .scene import Scene

_SMALL_SCENE_PX = 4096 * 4096
_PIECE_PX, _PIECES_AN_AXIS, _PIECE_STEP = 512, 5, 4
MOST_IN_PIECES = (_PIECES_AN_AXIS * _PIECE_PX // _PIECE_STEP) ** 2
"""Pixels that come of `sample_pixels` at most, where they come in pieces."""


@dataclass(frozen=True)
class Pixels:
    """A piece of a scene."""

    rgb: NDArray[Any]
    """(height, width, 3), in the file's own type."""
    valid: NDArray[np.bool_]
    """(height, width); False where the file says nodata, transparent or masked, or holds NaN or infinity."""
    gsd_m: float
    """Ground metres a pixel."""


@contextmanager
def open_at_scale(scene: Scene, scale: float, *, cache_bytes: int = 0) -> Iterator[DatasetReader]:
    """Open the scene's file at its coarsest overview that is not coarser than `scale` scene pixels a pixel.

    GDAL would choose one by itself, but then pieces do not fit together at their seams.
    """
    with open_raster(scene.source, cache_bytes=cache_bytes) as dataset:
        factors = dataset.overviews(scene.band_indexes[0])
        level = max((i for i, factor in enumerate(factors) if factor <= scale * 1.01), default=None)
        if not factors:
            yield dataset
            return
    level_option = "NONE" if level is None else f"{level}only"
    with open_raster(scene.source, cache_bytes=cache_bytes, OVERVIEW_LEVEL=level_option) as dataset:
        yield dataset


def read_window(
    dataset: DatasetReader,
    scene: Scene,
    window: tuple[float, float, float, float],
    shape: tuple[int, int],
    resampling: Resampling | None = None,
    *,
    into: NDArray[Any] | None = None,
) -> Pixels:
    """Read a window (x, y, width, height; scene pixels, fractions allowed) as `shape` (height, width) pixels.

    `dataset` is the scene's file, or an overview of it. GDAL takes the kernel's surroundings from beyond the window,
    and where the window begins at a whole output pixel counted from the raster's corner, a picture read in pieces from
    `open_at_scale` equals the picture read whole. `resampling` fits the scale by default. `into`, of
    the shape (height, width, 3) and the file's type, receives the pixels.
    """
    height, width = shape
    bands = scene.band_indexes
    shrunk_x, shrunk_y = dataset.width / scene.width, dataset.height / scene.height
    x, y, across, down = window[0] * shrunk_x, window[1] * shrunk_y, window[2] * shrunk_x, window[3] * shrunk_y
    there = Window(x, y, across, down)  # pyright: ignore[reportCallIssue]
    kernel = resampling or _resampling_for(across / width, down / height)
    rgb = np.empty((height, width, 3), dtype=dataset.dtypes[0]) if into is None else into
    if len(set(bands)) == 1:
        dataset.read(bands[0], window=there, out=rgb[..., 0], resampling=kernel)
        rgb[..., 1:] = rgb[..., :1]
    else:
        dataset.read(list(bands), window=there, out=rgb.transpose(2, 0, 1), resampling=kernel)
    gsd_m = scene.gsd_m * sqrt(window[2] / width * window[3] / height)
    return Pixels(rgb, _valid(dataset, bands[0], rgb, there), gsd_m)


def _resampling_for(scale_x: float, scale_y: float) -> Resampling:
    """The kernel for so many pixels of the file an output pixel.

    Areas are averaged where at least two pixels make one: that is what a coarser sensor would have seen. Closer
    to one, and finer, a cubic keeps hulls sharp; GDAL widens it when it makes a picture smaller, so nothing aliases.
    """
    return Resampling.average if min(scale_x, scale_y) >= 2.0 else Resampling.cubic


def _valid(dataset: DatasetReader, band: int, rgb: NDArray[Any], window: Window) -> NDArray[np.bool_]:
    declared = _declared_valid(dataset, band, rgb, window)
    if np.issubdtype(rgb.dtype, np.floating):  # mosaics hold NaN whatever else the file declares as no data
        return declared & np.isfinite(rgb).all(axis=-1)
    return declared


def _declared_valid(dataset: DatasetReader, band: int, rgb: NDArray[Any], window: Window) -> NDArray[np.bool_]:
    flags = dataset.mask_flag_enums[band - 1]
    shape = rgb.shape[:2]
    if MaskFlags.per_dataset in flags:  # an alpha band, a mask inside the file or beside it
        mask = dataset.read_masks(band, window=window, out_shape=shape, resampling=Resampling.nearest)
        return np.asarray(mask > 0)
    if MaskFlags.nodata in flags and dataset.nodata is not None and not np.isnan(dataset.nodata):
        # A dark pixel may hold the nodata value in one band; it is no data only where all bands say so.
        return np.asarray((rgb != dataset.nodata).any(axis=-1))
    return np.ones(shape, dtype=bool)


def sample_pixels(scene: Scene) -> Iterator[Pixels]:
    """Pixels from all over the scene, to learn its radiometry from: shrunk, at most about a million.

    The whole scene at a glance where it is small or the file holds overviews; else 25 pieces of 512 pixels, evenly
    spread: 5 % of a Sentinel-2 tile. The same pixels whatever part of the scene is searched, so that a ship looks the
    same to the detector whether or not an area is given. Pieces are read ahead, and who has seen enough stops: the rest
    is not read.
    """
    width, height = scene.width, scene.height
    with open_raster(scene.source) as dataset:
        whole = width * height <= _SMALL_SCENE_PX or dataset.overviews(scene.band_indexes[0])
        if whole:
            yield _shrunk(dataset, scene, (0, 0, width, height), max(1.0, max(width, height) / 1024))
            return

    def piece_at(corner: tuple[int, int]) -> Pixels:
        x, y = corner
        with open_raster(scene.source) as own:
            return _shrunk(own, scene, (x, y, min(_PIECE_PX, width - x), min(_PIECE_PX, height - y)), _PIECE_STEP)

    # A piece is a block or a few, too little for GDAL to share out to cores.
    threads = ThreadPoolExecutor(decode_threads())
    try:
        yield from threads.map(piece_at, ((x, y) for y in _spread(height) for x in _spread(width)))
    finally:
        threads.shutdown(cancel_futures=True)


def _shrunk(dataset: DatasetReader, scene: Scene, window: tuple[int, int, int, int], step: float) -> Pixels:
    shape = max(1, round(window[3] / step)), max(1, round(window[2] / step))
    return read_window(dataset, scene, window, shape)


def _spread(length: int) -> list[int]:
    """Starts of at most five pieces along an axis, multiples of a block: 10980 px -> 1024, 3072, 5632, 7680, 9728."""
    pieces = -(-length // _PIECE_PX)
    return sorted({int((i + 0.5) * pieces / _PIECES_AN_AXIS) * _PIECE_PX for i in range(_PIECES_AN_AXIS)})
