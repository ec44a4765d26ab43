"""Pictures that show the same: copies, re-encodings, other sizes and exposures, turned and mirrored ones."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from scipy.fft import dctn

from ..imagery.pixels import read_window
from ..imagery.raster import open_raster
from ..imagery.scene import Scene

THUMBNAIL_PX = 32
_LOWEST_WAVES = 16
# Measured on 621 crops of ships and altered copies of them (half the size, exposure, noise of 10 grey levels, JPEG at
# quality 30): of 100 copies 95 differ from their original in at most 24 of the hash's 255 bits and correlate above
# 0.95 with it. Lone boats on plain water have like hashes too; they correlate up to 0.91.
MOST_DIFFERING_BITS = 40
LEAST_CORRELATION = 0.93
# A picture whose grey levels spread less shows nothing that could be compared.
LEAST_SPREAD = 2.0
_BLOCK = 2048


def read_thumbnail(scene: Scene) -> NDArray[np.uint8]:
    """A picture shrunk to 32 x 32 grey pixels, its range stretched to 0 to 255; all 0 where it is of one grey.

    Raises:
        BerthwatchError: the file cannot be read.
    """
    with open_raster(scene.source) as dataset:
        window = (0, 0, scene.width, scene.height)
        pixels = read_window(dataset, scene, window, (THUMBNAIL_PX, THUMBNAIL_PX), Resampling.average)
    grey = np.where(pixels.valid, np.nan_to_num(pixels.rgb.astype(np.float64)).mean(axis=2), 0.0)
    low, high = grey.min(), grey.max()
    if grey.std() < LEAST_SPREAD:
        return np.zeros_like(grey, np.uint8)
    return np.rint((grey - low) * (255 / (high - low))).astype(np.uint8)


def near_duplicates(thumbnails: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), i < j, of thumbnails (n, 32, 32) that show the same, turned and mirrored copies included.

    Perceptual hashes (which of the lowest waves of the picture's cosine transform are above their median, Zauner
    2010) find the candidates, the correlation of the thumbnails decides. Whole pictures are compared: a crop of
    another picture is not found.
    """
    shown = np.flatnonzero(thumbnails.any(axis=(1, 2)))
    if not len(shown):
        return
    upright = thumbnails[shown]
    hashes, greys = _hashes(upright), _normalised(upright)
    for turned in _turns_and_mirrors(upright):
        turned_hashes, turned_greys = _hashes(turned), _normalised(turned)
        for start in range(0, len(shown), _BLOCK):
            # With bits as +1 and -1, the product counts equal bits less differing ones.
            equal = turned_hashes[start : start + _BLOCK] @ hashes.T
            first, second = np.nonzero(equal >= hashes.shape[1] - 2 * MOST_DIFFERING_BITS)
            first += start
            first, second = first[first < second], second[first < second]
            alike = np.einsum("ij,ij->i", turned_greys[first], greys[second]) >= LEAST_CORRELATION
            yield from zip(shown[first[alike]].tolist(), shown[second[alike]].tolist(), strict=True)


def _turns_and_mirrors(pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Pictures (n, s, s) in their eight orientations."""
    for transposed in (pictures, pictures.transpose(0, 2, 1)):
        for rows in (transposed, transposed[:, ::-1]):
            yield from (rows, rows[:, :, ::-1])


def _hashes(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """+1 or -1 a wave, (n, 255): the 16 x 16 lowest, less the mean grey."""
    waves = np.asarray(dctn(pictures.astype(np.float64), axes=(1, 2), norm="ortho"))
    lowest = waves[:, :_LOWEST_WAVES, :_LOWEST_WAVES].reshape(len(pictures), -1)[:, 1:]
    return np.where(lowest > np.median(lowest, axis=1, keepdims=True), 1, -1).astype(np.float32)


def _normalised(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures as vectors (n, s * s) of mean 0 and length 1, whose products are correlations."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)
