"""Tiles off the file: row bands read once and ahead by a thread of its own, tiles cut from them."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .pixels import read_window, resampling_for
from .radiometry import Stretch
from .raster import open_raster
from .grid import TileGrid, TileWindow

__all__ = ["TileGrid", "TileWindow", "read_tiles", "row_chunks"]

# Read ahead at most so much: about one row band of a wide scene. It bounds memory whatever the scene.
READ_AHEAD_BYTES = 64 * 1024 * 1024
_ROWS_A_READ = 128


def read_tiles(
    grid: TileGrid, stretch: Stretch, *, batch_size: int
) -> Iterator[tuple[list[TileWindow], NDArray[np.uint8]]]:
    """Yield batches of tiles and their pixels (b, tile_px, tile_px, 3) uint8 RGB, b <= batch_size, by row, then column.

    Tiles without a valid pixel are left out; pixels outside the scene, and invalid ones, are black (0, 0, 0), valid
    ones are at least 1 in every colour. Memory depends on the scene's width, not on its height.

    Raises BerthwatchError when the file cannot be read.
    """
    windows: list[TileWindow] = []
    pixels: list[NDArray[np.uint8]] = []
    for window, tile in _tiles(grid, stretch):
        windows.append(window)
        pixels.append(tile)
        if len(windows) == batch_size:
            yield windows, np.stack(pixels)
            windows, pixels = [], []
    if windows:
        yield windows, np.stack(pixels)


@dataclass(frozen=True)
class _Rows:
    """Working rows [top, top + height) of the grid's columns."""

    top: int
    rgb: NDArray[np.uint8]
    valid: NDArray[np.bool_]


def _tiles(grid: TileGrid, stretch: Stretch) -> Iterator[tuple[TileWindow, NDArray[np.uint8]]]:
    if not grid.tiles:
        return
    left, right = _columns(grid)
    size = grid.tile_px
    rgb = np.zeros((size, right - left, 3), dtype=np.uint8)
    valid = np.zeros((size, right - left), dtype=bool)
    top = filled = 0  # the band holds working rows [top, filled)
    ahead = _ReadAhead(grid, stretch)
    with ahead:
        for y0, row in groupby(grid.tiles, key=lambda tile: tile.y0):
            kept = max(0, filled - y0)
            rgb[:kept], valid[:kept] = rgb[y0 - top :][:kept].copy(), valid[y0 - top :][:kept].copy()
            rgb[kept:], valid[kept:] = 0, False
            top, end = y0, min(y0 + size, grid.height)
            while filled < end:
                rows = ahead.next()
                at = rows.top - top
                rgb[at : at + len(rows.rgb)], valid[at : at + len(rows.rgb)] = rows.rgb, rows.valid
                filled = rows.top + len(rows.rgb)
            for tile in row:
                x = tile.x0 - left
                if valid[:, x : x + size].any():
                    yield tile, _padded(rgb[:, x : x + size], size)


def _columns(grid: TileGrid) -> tuple[int, int]:
    left = min(tile.x0 for tile in grid.tiles)
    return left, min(grid.width, max(tile.x0 for tile in grid.tiles) + grid.tile_px)


def _padded(tile: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    padded = np.zeros((size, size, 3), dtype=np.uint8)
    padded[: tile.shape[0], : tile.shape[1]] = tile
    return padded


def row_chunks(grid: TileGrid) -> list[tuple[int, int]]:
    """Working rows [start, end) to read, in order, each row once, rows that no tile needs left out.

    Tiles of 400 rows at 0, 300 and 900 need [0, 400), [400, 700) and [900, 1300), cut into reads of 128 rows.
    """
    chunks: list[tuple[int, int]] = []
    done = 0
    for y0 in sorted({tile.y0 for tile in grid.tiles}):
        start, end = max(done, y0), min(y0 + grid.tile_px, grid.height)
        chunks += [(row, min(row + _ROWS_A_READ, end)) for row in range(start, end, _ROWS_A_READ)]
        done = end
    return chunks


class _ReadAhead:
    """Reads the grid's rows in a thread with its own handle, never more than READ_AHEAD_BYTES ahead."""

    def __init__(self, grid: TileGrid, stretch: Stretch) -> None:
        self._grid, self._stretch = grid, stretch
        left, right = _columns(grid)
        chunk_bytes = max(1, (right - left) * _ROWS_A_READ * 4)
        self._queue: queue.Queue[_Rows | BaseException] = queue.Queue(maxsize=max(1, READ_AHEAD_BYTES // chunk_bytes))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="berthwatch-read", daemon=True)

    def __enter__(self) -> "_ReadAhead":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():  # the thread may wait for room in the queue
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()

    def next(self) -> _Rows:
        item = self._queue.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def _run(self) -> None:
        try:
            for rows in self._read():
                if self._stop.is_set():
                    return
                self._queue.put(rows)
        except BaseException as error:  # noqa: BLE001: handed to the thread that asked
            self._queue.put(error)

    def _read(self) -> Iterator[_Rows]:
        grid = self._grid
        left, right = _columns(grid)
        resampling = resampling_for(grid.scale_x, grid.scale_y)
        with open_raster(grid.scene.source) as dataset:
            for start, end in row_chunks(grid):
                window = Window(
                    left * grid.scale_x,
                    start * grid.scale_y,
                    (right - left) * grid.scale_x,
                    (end - start) * grid.scale_y,
                )
                pixels = read_window(dataset, grid.scene, window, (end - start, right - left), resampling)
                # Black is kept for what is no picture, so that whoever sees a tile knows where the picture ends.
                rgb = np.maximum(self._stretch.apply(pixels.rgb), 1)
                rgb[~pixels.valid] = 0
                yield _Rows(start, rgb, pixels.valid)
