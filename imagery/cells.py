"""A scene in coarse cells: mean colour, unrest and valid share, gathered row band by row band."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from .pixels import read_window, resampling_for
from .raster import open_raster
from .scene import Scene

# Cells are made of so many samples a side: enough to tell a smooth cloud from a port's clutter.
_SAMPLES_A_SIDE = 3
_CELL_ROWS_A_READ = 32


@dataclass(frozen=True)
class Cells:
    """Arrays are (height, width[, 3]) float32; a scene pixel (x, y) lies in cell (x / scale_x, y / scale_y)."""

    mean: NDArray[np.float32]
    """Mean red, green, blue of the valid samples, in the file's counts."""
    spread: NDArray[np.float32]
    """Standard deviation of brightness among the cell's samples, in the file's counts."""
    valid_fraction: NDArray[np.float32]
    scale_x: float
    scale_y: float
    cell_m: float


def read_cells(scene: Scene, *, cell_m: float) -> Cells:
    """Read the scene as cells of about `cell_m` ground metres a side; no finer than its own pixels."""
    width = max(1, round(scene.width * scene.gsd_x_m / cell_m))
    height = max(1, round(scene.height * scene.gsd_y_m / cell_m))
    scale_x, scale_y = scene.width / width, scene.height / height
    n = _SAMPLES_A_SIDE
    mean = np.zeros((height, width, 3), dtype=np.float32)
    spread = np.zeros((height, width), dtype=np.float32)
    valid_fraction = np.zeros((height, width), dtype=np.float32)
    resampling = resampling_for(scale_x / n, scale_y / n)
    with open_raster(scene.source) as dataset:
        for row in range(0, height, _CELL_ROWS_A_READ):
            rows = min(_CELL_ROWS_A_READ, height - row)
            window = Window(0, row * scale_y, scene.width, rows * scale_y)
            samples = read_window(dataset, scene, window, (rows * n, width * n), resampling)
            rgb = samples.rgb.reshape(rows, n, width, n, 3).astype(np.float32)
            valid = samples.valid.reshape(rows, n, width, n, 1)
            count = np.maximum(valid.sum(axis=(1, 3)), 1)
            here = slice(row, row + rows)
            mean[here] = np.where(valid, rgb, 0).sum(axis=(1, 3)) / count
            brightness = rgb.mean(axis=-1, keepdims=True)
            centred = np.where(valid, brightness - brightness.mean(axis=(1, 3), keepdims=True, where=valid), 0)
            spread[here] = np.sqrt((centred**2).sum(axis=(1, 3)) / count)[..., 0]
            valid_fraction[here] = valid.mean(axis=(1, 3))[..., 0]
    return Cells(mean, spread, valid_fraction, scale_x, scale_y, cell_m)
