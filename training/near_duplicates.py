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
# Of 255 bits, so many may differ. Measured on 156 crops of ships, 95 of 100 times each: half the size 8, half the
# exposure 19, noise of 10 grey levels 22, JPEG at quality 30 24; of different pictures 1 pair in 1,000 is below 52.
MOST_DIFFERING_BITS = 26
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

    Compared are perceptual hashes: which of the lowest waves of the picture's cosine transform are above their
    median (Zauner 2010). Whole pictures are compared; a crop of another picture is not found.
    """
    shown = np.flatnonzero(thumbnails.reshape(len(thumbnails), -1).any(axis=1))
    waves = _waves(thumbnails[shown])
    upright = _bits(waves)
    turned = [_bits(variant) for variant in _turns_and_mirrors(waves)]
    length = upright.shape[1]
    for start in range(0, len(shown), _BLOCK):
        block = slice(start, start + _BLOCK)
        alike = np.zeros((len(upright[block]), len(shown)), bool)
        for bits in turned:
            # With bits as +1 and -1, the product counts equal bits less differing ones.
            alike |= bits[block] @ upright.T >= length - 2 * MOST_DIFFERING_BITS
        for i, j in np.argwhere(alike):
            if start + i < j:
                yield int(shown[start + i]), int(shown[j])


def _waves(thumbnails: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The lowest waves (n, 16, 16) along y and x of each thumbnail."""
    transformed = np.asarray(dctn(thumbnails.astype(np.float64), axes=(1, 2), norm="ortho"))
    return transformed[:, :_LOWEST_WAVES, :_LOWEST_WAVES]


def _turns_and_mirrors(waves: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """The waves of a picture's eight orientations: mirroring an axis changes the sign of its odd waves."""
    odd = np.where(np.arange(_LOWEST_WAVES) % 2, -1.0, 1.0)
    for transposed in (waves, waves.transpose(0, 2, 1)):
        for along_y in (np.ones(_LOWEST_WAVES), odd):
            for along_x in (np.ones(_LOWEST_WAVES), odd):
                yield transposed * along_y[:, None] * along_x


def _bits(waves: NDArray[np.float64]) -> NDArray[np.float32]:
    """+1 or -1 a wave, the mean grey left out: (n, 255)."""
    flat = waves.reshape(len(waves), -1)[:, 1:]
    if not len(flat):
        return np.zeros(flat.shape, np.float32)
    return np.where(flat > np.median(flat, axis=1, keepdims=True), 1, -1).astype(np.float32)
