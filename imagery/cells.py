"""A scene in coarse cells: how bright, how restless, how valid; gathered row band by row band."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pixels import read_window, resampling_for
from .radiometry import Stretch
from .raster import open_raster
from .scene import Scene

# A cell of 30 m is made of 3 x 3 samples of 10 m: fine enough for the dark gaps between a port's bright roofs, and
# as coarse as Sentinel-2, so that every sensor's clouds are judged alike.
SAMPLES_A_SIDE = 3
_CELL_ROWS_A_READ = 32
# Brighter in red than in blue by more than this is sand, soil or concrete; clouds are white or bluish.
_WARM = 1.12


@dataclass(frozen=True)
class Cells:
    """Arrays are (height, width). A scene pixel (x, y) lies in the cell (x / scale_x, y / scale_y)."""

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


def read_cells(scene: Scene, stretch: Stretch, *, cell_m: float) -> Cells:
    """Read the scene as cells of about `cell_m` ground metres a side, brightness after `stretch`."""
    width = max(1, round(scene.width * scene.gsd_x_m / cell_m))
    height = max(1, round(scene.height * scene.gsd_y_m / cell_m))
    scale_x, scale_y = scene.width / width, scene.height / height
    valid, black, warm = np.zeros((3, height, width), dtype=bool)
    darkest, mean, step = np.zeros((3, height, width), dtype=np.uint8)
    resampling = resampling_for(scale_x / SAMPLES_A_SIDE, scale_y / SAMPLES_A_SIDE)
    with open_raster(scene.source) as dataset:
        for top in range(0, height, _CELL_ROWS_A_READ):
            rows = slice(top, min(top + _CELL_ROWS_A_READ, height))
            # One sample row beyond the band where there is one, for the step into the next band.
            count = (rows.stop - top) * SAMPLES_A_SIDE + (rows.stop < height)
            window = (0.0, top * scale_y, scene.width, count * scale_y / SAMPLES_A_SIDE)
            pixels = read_window(dataset, scene, window, (count, width * SAMPLES_A_SIDE), resampling)
            grey = stretch.apply(pixels.rgb).min(axis=-1)
            inside = slice(0, (rows.stop - top) * SAMPLES_A_SIDE)
            valid[rows] = _blocks(pixels.valid[inside]).mean(axis=(1, 3)) >= 0.5
            black[rows] = ~_blocks(pixels.rgb[inside].any(axis=-1)).any(axis=(1, 3))
            darkest[rows] = _blocks(grey[inside]).min(axis=(1, 3))
            mean[rows] = np.rint(_blocks(grey[inside]).mean(axis=(1, 3)))
            step[rows] = _blocks(_steps(grey)[inside]).max(axis=(1, 3))
            red, blue = (_blocks(pixels.rgb[inside, :, i]).mean(axis=(1, 3), dtype=np.float32) for i in (0, 2))
            warm[rows] = red > _WARM * blue
    return Cells(valid, darkest, mean, step, black, warm, scale_x, scale_y, cell_m)


def _blocks(samples: NDArray[Any]) -> NDArray[Any]:
    """(3 h, 3 w) -> (h, 3, w, 3): the samples of cell (i, j) at [i, :, j, :]."""
    height, width = samples.shape
    return samples.reshape(height // SAMPLES_A_SIDE, SAMPLES_A_SIDE, width // SAMPLES_A_SIDE, SAMPLES_A_SIDE)


def _steps(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Greatest difference of each sample to its right and lower neighbours."""
    signed = grey.astype(np.int16)
    right = np.abs(np.diff(signed, axis=1, append=signed[:, -1:]))
    below = np.abs(np.diff(signed, axis=0, append=signed[-1:]))
    return np.maximum(right, below).astype(np.uint8)
