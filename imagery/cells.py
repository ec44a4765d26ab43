"""A scene in coarse cells: how bright, how restless, how valid; gathered from pixels that are read by row bands."""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .grid import TileGrid
from .pixels import Pixels
from .radiometry import Stretch

# A cell of 30 m is made of 3 x 3 samples of 10 m: fine enough for the dark gaps between a port's bright roofs, and
# as coarse as Sentinel-2, so that every sensor's clouds are judged alike.
SAMPLES_A_SIDE = 3
SAMPLE_M = 10.0
# Brighter in red than in blue by more than this is sand, soil or concrete; clouds are white or bluish.
_WARM = 1.12


@dataclass(frozen=True)
class Cells:
    """Arrays are (height, width). A scene pixel (x, y) lies in the cell (x / scale_x - left, y / scale_y - top)."""

    valid: NDArray[np.bool_]
    """At least half of the cell's pixels are valid."""
    darkest: NDArray[np.uint8]
    """The darkest band of the darkest sample: high only where all is bright and nearly white."""
    mean: NDArray[np.uint8]
    """Mean over the samples of their darkest band."""
    step: NDArray[np.uint8]
    """Greatest difference between two neighbouring samples, of their darkest bands."""
    black: NDArray[np.bool_]
    """Zero in all bands of all samples."""
    warm: NDArray[np.bool_]
    """Mean colour, in the file's counts, is that of sand or concrete rather than of cloud."""
    scale_x: float
    scale_y: float
    cell_m: float
    left: int = 0
    """Cells from the scene's corner to the first column and row of the arrays, where only a part was looked at."""
    top: int = 0


@dataclass
class CellGatherer:
    """Makes cells of the row bands of one panel of a picture: bands of the same columns, from the top down.

    Cells that no band covers stay invalid. It holds cells and a few rows, whatever the size of the bands.

    width, height: of the whole picture, in its pixels. scale_x, scale_y: scene pixels a picture pixel. sample_px,
    sample_m: side of a sample in picture pixels and in ground metres. stretch: for brightness.
    """

    width: int
    height: int
    scale_x: float
    scale_y: float
    sample_px: int
    sample_m: float
    stretch: Stretch
    _rows: "_PanelRows | None" = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._side = SAMPLES_A_SIDE * self.sample_px

    @classmethod
    def of(cls, grid: TileGrid, stretch: Stretch) -> "CellGatherer":
        """For the pixels of a panel of a grid's tiles."""
        # Samples are a whole number of working pixels: of 3 m they are 3 a side, of 4 and 5 m 2, and then 1. None is
        # smaller than the scene's own pixels, or edges would look soft: of 10 m read at 4.2 m they are 3 a side.
        sample_px = max(1, round(SAMPLE_M / grid.gsd_m), ceil(grid.scene.gsd_m / grid.gsd_m - 0.1))
        size = grid.width, grid.height, grid.scale_x, grid.scale_y
        return cls(*size, sample_px, sample_px * grid.gsd_m, stretch)

    def add(self, top: int, left: int, pixels: Pixels) -> None:
        """Take rows [top, ...) and columns [left, ...) of the picture."""
        # Cells begin at multiples of their side: what lies before the first of them belongs to the panel before.
        skipped = -left % self._side
        pixels = Pixels(pixels.rgb[:, skipped:], pixels.valid[:, skipped:], pixels.gsd_m)
        left += skipped
        if self._rows is None:
            self._make_room(left, pixels.rgb.shape[1])
        if self._rows is None or self._rows.bottom != top:
            skipped = -top % self._side
            pixels = Pixels(pixels.rgb[skipped:], pixels.valid[skipped:], pixels.gsd_m)
            self._rows = _PanelRows(top + skipped, self.sample_px)
        samples = self._rows.samples(pixels, self.height)
        if samples is not None:
            self._fill(*samples)

    def _make_room(self, left: int, width: int) -> None:
        self._left = left // self._side
        shape = ceil(self.height / self._side), ceil(width / self._side)
        self._valid, self._black, self._warm = (np.zeros(shape, dtype=bool) for _ in range(3))
        self._darkest, self._mean, self._step = (np.zeros(shape, dtype=np.uint8) for _ in range(3))
        self._top, self._bottom = shape[0], 0  # rows looked at

    def cells(self) -> Cells:
        """The cells of the rows that came."""
        rows = slice(min(self._top, self._bottom), self._bottom)
        return Cells(
            valid=self._valid[rows],
            darkest=self._darkest[rows],
            mean=self._mean[rows],
            step=self._step[rows],
            black=self._black[rows],
            warm=self._warm[rows],
            scale_x=self._side * self.scale_x,
            scale_y=self._side * self.scale_y,
            cell_m=SAMPLES_A_SIDE * self.sample_m,
            left=self._left,
            top=rows.start,
        )

    def _fill(self, top: int, rgb: NDArray[Any], valid: NDArray[np.bool_], below: int) -> None:
        """Cells of samples (3 h + below, 3 w); `below` is 1 where the samples' last row only serves as a neighbour."""
        counts = np.ascontiguousarray(np.moveaxis(rgb, -1, 0))  # one band after the other is quicker to work on
        red, green, blue = np.moveaxis(self.stretch.apply(np.moveaxis(counts, 0, -1)), -1, 0)
        grey = np.minimum(np.minimum(red, green), blue)
        inside = slice(0, len(grey) - below)
        height, width = (side // SAMPLES_A_SIDE for side in grey[inside].shape)
        row = top // self._side
        here = np.s_[row : row + height, :width]
        self._top, self._bottom = min(self._top, row), max(self._bottom, row + height)
        self._valid[here] = 2 * _of_cells(np.add, valid[inside], np.uint8) >= SAMPLES_A_SIDE**2
        self._darkest[here] = _of_cells(np.minimum, grey[inside])
        self._mean[here] = np.rint(_of_cells(np.add, grey[inside], np.uint16) / SAMPLES_A_SIDE**2)
        self._step[here] = _of_cells(np.maximum, _steps(grey)[inside])
        counts = counts[:, inside]
        self._black[here] = _of_cells(np.logical_and, (counts[0] == 0) & (counts[1] == 0) & (counts[2] == 0))
        red, _, blue = (_of_cells(np.add, band, np.float32) for band in counts)
        self._warm[here] = red > _WARM * blue


class _PanelRows:
    """Bands that follow each other: pixels and samples that fill no sample or cell yet wait for the next band."""

    def __init__(self, top: int, sample_px: int) -> None:
        self.bottom = top
        self._sample_px = sample_px
        self._top = top  # of the samples that wait
        self._pixels: Pixels | None = None
        self._samples: tuple[NDArray[Any], NDArray[np.bool_]] | None = None

    def samples(self, band: Pixels, height: int) -> tuple[int, NDArray[Any], NDArray[np.bool_], int] | None:
        """Samples of whole cells, as `CellGatherer._fill` takes them; None while there are none."""
        self.bottom += len(band.rgb)
        ends = self.bottom >= height
        pieces = [] if self._samples is None else [self._samples]
        pieces += [
            (_sampled(p.rgb, self._sample_px), _sampled_valid(p.valid, self._sample_px))
            for p in self._whole(band, ends)
        ]
        if not pieces:
            return None
        rgb, valid = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        # One sample row beyond the cells, where there is one, for the step into it.
        count = len(rgb) if ends else (len(rgb) - 1) // SAMPLES_A_SIDE * SAMPLES_A_SIDE
        top, below = self._top, 0 if ends else 1
        self._samples = rgb[count:].copy(), valid[count:].copy()
        self._top += count * self._sample_px
        if count <= 0:
            return None
        rgb, valid = rgb[: count + below], valid[: count + below]
        rows, columns = (-side % SAMPLES_A_SIDE for side in (count, rgb.shape[1]))
        if rows or columns:  # the scene ends within a cell: its last samples count for the missing ones
            rgb = np.pad(rgb, ((0, rows), (0, columns), (0, 0)), mode="edge")
            valid = np.pad(valid, ((0, rows), (0, columns)), mode="edge")
        return top, rgb, valid, below

    def _whole(self, band: Pixels, ends: bool) -> list[Pixels]:
        """The rows that make whole samples. Those that waited are joined by what they lack, not by the whole band."""
        waiting = self._pixels or _rows(band, 0, 0)
        lacking = -len(waiting.rgb) % self._sample_px
        first, rest = _joined(waiting, _rows(band, 0, lacking)), _rows(band, lacking, len(band.rgb))
        if len(first.rgb) % self._sample_px and not ends:  # a band of fewer rows than were lacking
            self._pixels = first
            return []
        whole = len(rest.rgb) if ends else len(rest.rgb) // self._sample_px * self._sample_px
        self._pixels = Pixels(rest.rgb[whole:].copy(), rest.valid[whole:].copy(), band.gsd_m)
        return [piece for piece in (first, _rows(rest, 0, whole)) if len(piece.rgb)]


def _rows(pixels: Pixels, start: int, stop: int) -> Pixels:
    return Pixels(pixels.rgb[start:stop], pixels.valid[start:stop], pixels.gsd_m)


def _joined(rest: Pixels, band: Pixels) -> Pixels:
    return Pixels(np.concatenate([rest.rgb, band.rgb]), np.concatenate([rest.valid, band.valid]), band.gsd_m)


def _sampled(rgb: NDArray[Any], size: int) -> NDArray[Any]:
    """Means over size x size pixels, in the pixels' type; where the picture ends within one its last pixels repeat."""
    if size == 1:
        return rgb
    whole_numbers = np.issubdtype(rgb.dtype, np.integer)
    sum_type = np.uint16 if rgb.dtype == np.uint8 and size <= 16 else np.int64 if whole_numbers else np.float64
    by_row = _folded(np.add, rgb, size, 0, sum_type)
    samples = np.empty((len(by_row), ceil(rgb.shape[1] / size), 3), dtype=rgb.dtype)
    for band in range(3):
        sums = _folded(np.add, by_row[..., band], size, 1)
        samples[..., band] = (sums + size**2 // 2) // size**2 if whole_numbers else sums / size**2
    return samples


def _sampled_valid(valid: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    if size == 1:
        return valid
    if valid.all():
        return np.ones((ceil(valid.shape[0] / size), ceil(valid.shape[1] / size)), dtype=bool)
    return np.asarray(2 * _folded(np.add, _folded(np.add, valid, size, 0, np.uint16), size, 1) >= size**2)


def _of_cells(operation: np.ufunc, samples: NDArray[Any], dtype: DTypeLike | None = None) -> NDArray[Any]:
    """(3 h, 3 w) -> (h, w): the operation over each cell's samples."""
    by_row = _folded(operation, samples, SAMPLES_A_SIDE, 0, dtype)
    return _folded(operation, by_row, SAMPLES_A_SIDE, 1)


def _folded(
    operation: np.ufunc, values: NDArray[Any], size: int, axis: int, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """The operation over each `size` neighbours along an axis, the last value repeated where they do not come out even.

    Slices are combined whole: many times quicker than reducing short axes.
    """
    if len(values) == 0 or values.shape[axis] == 0:
        shape = list(values.shape)
        shape[axis] = 0
        return np.empty(shape, dtype or values.dtype)
    along = np.moveaxis(values, axis, 0)
    folded = along[::size].astype(dtype or values.dtype)
    for i in range(1, size):
        part = along[i::size]
        operation(folded[: len(part)], part, out=folded[: len(part)])
        if len(part) < len(folded):
            operation(folded[-1], along[-1], out=folded[-1])
    return np.moveaxis(folded, 0, axis)


def _steps(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Greatest difference of each sample to its right and lower neighbours."""
    signed = grey.astype(np.int16)
    right = np.abs(np.diff(signed, axis=1, append=signed[:, -1:]))
    below = np.abs(np.diff(signed, axis=0, append=signed[-1:]))
    return np.maximum(right, below).astype(np.uint8)
