"""Tiles off the file: row bands read once, ahead, in threads of their own; tiles are cut from the bands."""

import ctypes
import sys
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .grid import TileGrid, TileWindow
from .observed import SeenGatherer
from .pixels import Pixels, open_at_scale, read_window
from .radiometry import Stretch
from .raster import BLOCK_CACHE_BYTES, decode_threads, is_decoded_by_one_thread
from .run_ahead import ReadTimes, RunAhead

__all__ = ["ReadTimes", "TileGrid", "TileWindow", "read_tiles", "row_bands"]

# Read ahead at most so many bytes (one band at the least): memory stays bounded while the detector is busy.
READ_AHEAD_BYTES = 32 * 1024 * 1024
# Bands are a whole number of block rows, of about so many pixel rows.
_BAND_ROWS = 64
_GREATEST_BAND_ROWS = 1024
_VRT_BLOCK = (1024, 1024)
# A wide scene stored in blocks is read in panels of so many working pixels, so that memory does not grow with its
# width either. Stored in strips, each row must be decoded whole, and one panel spans the scene.
_PANEL_PX = 5120


def read_tiles(
    grid: TileGrid,
    stretch: Stretch,
    *,
    batch_size: int,
    seen: SeenGatherer | None = None,
    times: ReadTimes | None = None,
) -> Iterator[tuple[list[TileWindow], NDArray[np.uint8]]]:
    """Yield batches of tiles and their pixels, (b, tile_px, tile_px, 3) uint8 RGB, b <= batch_size.

    Each row of the file is decoded once (where the bands of a file in strips are resampled, the few rows that two of
    them need may be decoded twice); tiles where nothing is seen (no valid pixel, or all black) are left out; pixels
    outside the scene, and invalid ones, are 0, valid ones at least 1. Order: by panel (one up to 5120 px of width),
    row, column. The arrays are the caller's to keep. `seen` is given the same pixels, before the stretch.
    Raises BerthwatchError when the file cannot be read.
    """
    shape = (batch_size, grid.tile_px, grid.tile_px, 3)
    windows: list[TileWindow] = []
    pixels = np.empty(shape, dtype=np.uint8)
    blocks, buffers = _Blocks.of(grid), _Buffers()
    for panel in _panels(grid, blocks):
        with _PanelReader(panel, stretch, blocks, buffers, seen).ahead(times) as bands:
            held: deque[_Band] = deque()
            for window in panel.tiles:
                while held and held[0].bottom <= window.y0:
                    buffers.give_back(held.popleft().buffer)
                while not held or held[-1].bottom < min(window.y0 + grid.tile_px, grid.height):
                    held.append(next(bands))
                tile = pixels[len(windows)]
                if window.x0 + grid.tile_px > grid.width or window.y0 + grid.tile_px > grid.height:
                    tile[:] = 0
                for band in held:
                    band.copy_into(tile, window)
                if tile[::16, ::16].max() <= 1 and tile.max() <= 1:  # most tiles are seen not to be blank at a glance
                    continue
                windows.append(window)
                if len(windows) == batch_size:
                    yield windows, pixels
                    windows, pixels = [], np.empty(shape, dtype=np.uint8)
        _return_freed_memory()
    buffers.let_go()
    if seen:  # outlined here, while the detector works on the last batches
        seen.area()
    _return_freed_memory()
    if windows:
        yield windows, pixels[: len(windows)]


@dataclass(frozen=True)
class _Band:
    """Working rows [top, bottom) and columns [left, ...) of a scene."""

    top: int
    left: int
    rgb: NDArray[np.uint8]
    buffer: NDArray[np.uint8] | None
    """What `rgb` lies in, if it may be used again after the band."""

    @property
    def bottom(self) -> int:
        return self.top + len(self.rgb)

    def copy_into(self, tile: NDArray[np.uint8], window: TileWindow) -> None:
        top, bottom = max(self.top, window.y0), min(self.bottom, window.y0 + len(tile))
        if top < bottom:
            x = window.x0 - self.left
            part = self.rgb[top - self.top : bottom - self.top, x : x + len(tile)]
            tile[top - window.y0 : bottom - window.y0, : part.shape[1]] = part


def row_bands(grid: TileGrid, band_rows: int) -> list[tuple[int, int]]:
    """Working rows [start, end) to read, in order: each once, and only those that a tile needs.

    Bands end at multiples of `band_rows`, where the file's blocks do. Tiles of 400 rows at 0, 300 and 900 need
    [0, 700) and [900, 1300); in bands of 512 rows these are [0, 512), [512, 700), [900, 1024), [1024, 1300).
    """
    needed: list[tuple[int, int]] = []
    for y0 in sorted({tile.y0 for tile in grid.tiles}):
        end = min(y0 + grid.tile_px, grid.height)
        if needed and y0 <= needed[-1][1]:
            needed[-1] = (needed[-1][0], end)
        else:
            needed.append((y0, end))
    bands: list[tuple[int, int]] = []
    for start, end in needed:
        cuts = [start, *range((start // band_rows + 1) * band_rows, end, band_rows), end]
        bands += pairwise(cuts)
    return bands


@dataclass(frozen=True)
class _Blocks:
    """How a scene's file is stored, as far as reading it by bands goes."""

    in_strips: bool
    band_rows: int
    """Working rows of a band."""
    row_bytes: int
    """Of a row of blocks across the scene, decoded."""
    lanes: int
    """Bands to decode at once, by a thread each; 1 where GDAL's own threads share the blocks out."""

    @classmethod
    def of(cls, grid: TileGrid) -> "_Blocks":
        with open_at_scale(grid.scene, min(grid.scale_x, grid.scale_y)) as dataset:
            height, width = dataset.block_shapes[0]
            if dataset.driver == "VRT":  # its own blocks say nothing of those of the files behind it
                height, width = _VRT_BLOCK
            item_bytes = np.dtype(grid.scene.dtype).itemsize
            row_bytes = height * dataset.width * 3 * item_bytes
            height = min(height, _GREATEST_BAND_ROWS)
            scale_y = dataset.height / grid.height
            band_rows = ceil(_BAND_ROWS * max(1.0, scale_y) / height) * height / scale_y
            in_strips, lanes = width >= dataset.width, 1
            if in_strips and is_decoded_by_one_thread(dataset):
                # What is resampled is decoded again where the cache, which lanes share, does not hold a band of each.
                stored_bytes = ceil(band_rows * scale_y) * dataset.width * dataset.count * item_bytes
                lanes = max(1, min(decode_threads(), BLOCK_CACHE_BYTES // stored_bytes))
            return cls(in_strips, max(1, round(band_rows)), row_bytes, lanes)


def _panels(grid: TileGrid, blocks: _Blocks) -> list[TileGrid]:
    """The grid's tiles, shared out to panels that are read one after the other."""
    columns = sys.maxsize if blocks.in_strips else max(1, _PANEL_PX // (grid.tile_px - grid.overlap_px))
    panels: dict[int, list[TileWindow]] = {}
    for tile in grid.tiles:
        panels.setdefault(tile.col // columns, []).append(tile)
    return [replace(grid, tiles=tuple(panels[number])) for number in sorted(panels)]


def _return_freed_memory() -> None:
    """Hand back to the system what was freed: glibc keeps it, in pieces that the next panel does not fit into."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


class _Buffers:
    """Memory of bands that are through, for bands to come.

    Bands are megabytes, and live while small things come and go: made anew each time, they leave holes between those,
    and a long run needs a hundred megabytes more than a short one.
    """

    def __init__(self) -> None:
        self._spare: deque[NDArray[np.uint8]] = deque()

    def take(self, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """An array, its content whatever it was, and the buffer that it lies in."""
        n_bytes = prod(shape) * np.dtype(dtype).itemsize
        buffer = None
        with suppress(IndexError):
            buffer = self._spare.pop()
        if buffer is None or len(buffer) < n_bytes:
            buffer = np.empty(n_bytes, np.uint8)
        return buffer[:n_bytes].view(dtype).reshape(shape), buffer

    def let_go(self) -> None:
        """No band comes any more."""
        self._spare.clear()

    def give_back(self, buffer: NDArray[np.uint8] | None) -> None:
        """Nobody looks at what lies in the buffer any more."""
        if buffer is not None:
            self._spare.append(buffer)


@dataclass(frozen=True)
class _Read:
    """A band as it came from the file."""

    top: int
    pixels: Pixels
    buffer: NDArray[np.uint8]


def _in_turn(lanes: list[RunAhead[_Read]], count: int) -> Generator[_Read, None, None]:
    for number in range(count):
        yield next(lanes[number % len(lanes)])


class _PanelReader:
    """Reads a panel's bands ahead, no more than READ_AHEAD_BYTES: one thread, whose blocks GDAL decodes in threads.

    Strips of few rows are too small to be shared out so. Their bands are decoded in lanes, each a thread with a handle
    of its own, and one more thread finishes them.
    """

    def __init__(
        self, panel: TileGrid, stretch: Stretch, blocks: _Blocks, buffers: _Buffers, seen: SeenGatherer | None
    ) -> None:
        self._panel, self._stretch, self._blocks, self._buffers = panel, stretch, blocks, buffers
        self._seen = seen
        self._left = min(tile.x0 for tile in panel.tiles)
        self._right = min(panel.width, max(tile.x0 for tile in panel.tiles) + panel.tile_px)
        self._bands = row_bands(panel, blocks.band_rows)

    @contextmanager
    def ahead(self, times: ReadTimes | None) -> Iterator[Iterator[_Band]]:
        """The bands, in order."""
        band_px = self._blocks.band_rows * (self._right - self._left)
        # A lane holds a band that waits and one in the making, in the file's own type and with what of them is valid.
        lane_bytes = 2 * band_px * (3 * np.dtype(self._panel.scene.dtype).itemsize + 1)
        lanes = min(self._blocks.lanes, len(self._bands), READ_AHEAD_BYTES // lane_bytes)
        bytes_ahead = READ_AHEAD_BYTES
        with ExitStack() as threads:
            if lanes > 1:
                parts = [RunAhead(self._decoded(self._bands[lane::lanes]), room=1) for lane in range(lanes)]
                decoded = _in_turn([threads.enter_context(part) for part in parts], len(self._bands))
                bytes_ahead -= lanes * lane_bytes
            else:
                decoded = self._decoded(self._bands)
            room = max(1, bytes_ahead // (3 * band_px))
            yield threads.enter_context(RunAhead(self._finished(decoded), room=room, times=times))

    def _decoded(self, bands: list[tuple[int, int]]) -> Generator[_Read, None, None]:
        panel, left, right = self._panel, self._left, self._right
        # A resampled band needs some rows beyond its own: one thread keeps their blocks for the next band.
        scale = min(panel.scale_x, panel.scale_y)
        share = 1.0 if self._blocks.in_strips else (right - left) / panel.width
        with open_at_scale(panel.scene, scale, cache_bytes=round(2 * share * self._blocks.row_bytes)) as dataset:
            for top, bottom in bands:
                x, y = panel.to_scene((left, top))[0]
                window = (x, y, (right - left) * panel.scale_x, (bottom - top) * panel.scale_y)
                shape = (bottom - top, right - left)
                into, buffer = self._buffers.take((*shape, 3), dataset.dtypes[0])
                pixels = read_window(dataset, panel.scene, window, shape, into=into)
                yield _Read(top, pixels, buffer)

    def _finished(self, decoded: Generator[_Read, None, None]) -> Generator[_Band, None, None]:
        with closing(decoded):  # in the thread that it runs in
            for read in decoded:
                if self._seen:
                    self._seen.add(read.top, self._left, read.pixels)
                    if read.top == self._bands[-1][0]:  # here, while the detector works on what was read before
                        self._seen.end_panel()
                yield self._stretched(read)

    def _stretched(self, read: _Read) -> _Band:
        """The band's pixels for the detector; black is kept for what is no picture, so that it sees where one ends."""
        rgb, valid = self._stretch.apply(read.pixels.rgb), read.pixels.valid
        if rgb.min() == 0:
            # By a row of ones: numpy takes ten times as long to compare with a single one.
            np.maximum(rgb, np.ones_like(rgb[:1]), out=rgb)
        if not valid.all():
            rgb[~valid] = 0
        if rgb is read.pixels.rgb:
            return _Band(read.top, self._left, rgb, read.buffer)
        self._buffers.give_back(read.buffer)
        return _Band(read.top, self._left, rgb, None)
