"""From a sensor's counts to the 8-bit picture a detector sees: one stretch a scene, never one a tile."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .pixels import MOST_IN_PIECES, Pixels, sample_pixels
from .scene import Scene

# The picture runs from the darkest water to bright quays and decks; the brightest roofs may saturate.
_LOW_PERCENTILE, _HIGH_PERCENTILE = 0.5, 98.5
# A little below 1: lifts dark hulls off dark water as display pictures do, and lifts the water's noise little.
_EXPONENT = 0.8
# Where all is water the percentiles lie in its noise. The picture spans at least so much, so that water stays dark
# and flat: 0.1 of reflectance in the usual counts of 1/10000, half the range of an 11-bit sensor; and as much as the
# usual level, for counts that stand for something else.
_LEAST_SPAN_COUNTS, _LEAST_SPAN_REFLECTANCE, _LEAST_SPAN_OF_MEDIAN = 1000.0, 0.1, 1.0
# What is bright over so many metres both ways is cloud, snow or sand, and has no say in how ships are shown.
_BRIGHT_REGION_M = 150.0
_BRIGHT_SHARE = 0.6  # of the way from low to high
# An 8-bit picture without a brighter pixel than this (one in a thousand apart) is underexposed: it is brightened so
# that its brightest pixels come to lie where those of a usual picture do. At most threefold: noise grows too.
_DARK_BELOW, _DARK_TO, _GREATEST_GAIN = 128.0, 220.0, 3.0
_BRIGHTEST_PERCENTILE = 99.9


@dataclass(frozen=True)
class Stretch:
    """Counts to 8 bit: 255 * ((count - low) / (high - low)) ** exponent, clipped; low and high are a band's own."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    exponent: float = 1.0

    @classmethod
    def identity(cls) -> "Stretch":
        """Leaves 8-bit pictures as they are."""
        return cls((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))

    def apply(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Pixels (..., 3) of any real type -> uint8 of the same shape; not-a-numbers become 0."""
        if pixels.dtype == np.uint8 and self == Stretch.identity():
            return pixels.astype(np.uint8, copy=False)
        if pixels.dtype in (np.uint8, np.uint16):
            counts = np.arange(np.iinfo(pixels.dtype).max + 1, dtype=np.float32)
            table = self._curve(np.stack([counts] * 3, axis=-1))
            stretched = np.empty(pixels.shape, dtype=np.uint8)
            for band in range(3):
                stretched[..., band] = table[:, band][pixels[..., band]]
            return stretched
        return self._curve(pixels.astype(np.float32))

    def _curve(self, counts: NDArray[np.float32]) -> NDArray[np.uint8]:
        low, high = np.asarray(self.low, np.float32), np.asarray(self.high, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):  # files hold infinities too
            share = np.clip(np.nan_to_num((counts - low) / (high - low), nan=0.0), 0.0, 1.0)
        return np.rint(255.0 * share**self.exponent).astype(np.uint8)


def estimate_stretch(scene: Scene) -> Stretch:
    """The stretch that shows the whole scene best, from a sample of its valid pixels.

    8-bit pictures are pictures already and stay as they are, but for underexposed ones, which are brightened. Other
    types run from the 0.5th to the 98.5th percentile of each band, large bright regions (clouds) left out. A scene
    without valid pixels gets the identity. Raises BerthwatchError when the file cannot be read.
    """
    samples = (sample for sample in sample_pixels(scene) if sample.valid.any())
    if scene.dtype == "uint8":
        return _brightening(samples)
    samples = list(samples)
    if not samples:
        return Stretch.identity()
    counts = np.concatenate([sample.rgb[sample.valid] for sample in samples]).astype(np.float64)
    low, high = np.percentile(counts, [_LOW_PERCENTILE, _HIGH_PERCENTILE], axis=0)
    counts, high = _without_bright_regions(samples, low, high)
    high = np.maximum(high, low + _least_span(counts))
    return Stretch(_triple(low), _triple(high), _EXPONENT)


def _brightening(samples: Iterable[Pixels]) -> Stretch:
    brightest = np.zeros(0, np.uint8)
    for sample in samples:
        # Band by band: numpy's maximum over an axis of three takes ten times as long.
        brighter = np.maximum(np.maximum(sample.rgb[..., 0], sample.rgb[..., 1]), sample.rgb[..., 2])
        brightest = np.concatenate([brightest, brighter[sample.valid]])
        most = max(len(brightest), MOST_IN_PIECES)
        # So many bright pixels lift the percentile above the limit whatever the samples to come hold.
        if np.count_nonzero(brightest >= _DARK_BELOW) > 1 + (1 - _BRIGHTEST_PERCENTILE / 100) * most:
            return Stretch.identity()
    if not len(brightest) or (level := np.percentile(brightest, _BRIGHTEST_PERCENTILE)) >= _DARK_BELOW:
        return Stretch.identity()
    gain = min(_DARK_TO / max(level, 1.0), _GREATEST_GAIN)
    return Stretch((0.0, 0.0, 0.0), _triple(np.full(3, 255.0 / gain)))


def _without_bright_regions(
    samples: Sequence[Pixels], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The counts that are not in large bright regions, (n, 3), and their high percentile (3,)."""
    counts = np.concatenate([sample.rgb[sample.valid] for sample in samples]).astype(np.float64)
    for _ in range(3):  # without the brightest clouds the picture's white is lower, and thinner ones stand out
        kept = [s.rgb[s.valid & ~_bright_regions(s, float(low.mean()), float(high.mean()))] for s in samples]
        rest = np.concatenate(kept).astype(np.float64)
        if len(rest) < 0.02 * len(counts):  # nearly all is bright: what is left tells nothing
            break
        counts, high = rest, np.percentile(rest, _HIGH_PERCENTILE, axis=0)
    return counts, high


def _bright_regions(sample: Pixels, low: float, high: float) -> NDArray[np.bool_]:
    """Pixels (height, width) in regions at least _BRIGHT_REGION_M wide that are bright all over."""
    size = max(2, round(_BRIGHT_REGION_M / sample.gsd_m))
    with np.errstate(over="ignore", invalid="ignore"):
        brightness = np.nan_to_num(sample.rgb.mean(axis=-1, dtype=np.float32), nan=low, posinf=low, neginf=low)
    return ndimage.grey_opening(brightness, size=(size, size)) > low + _BRIGHT_SHARE * (high - low)


def _least_span(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least that high may lie above low, a band (3,)."""
    brightest = counts.max()
    fixed = _LEAST_SPAN_REFLECTANCE if brightest <= 2.0 else _LEAST_SPAN_COUNTS if brightest > 255 else 1.0
    return np.maximum(fixed, _LEAST_SPAN_OF_MEDIAN * np.median(counts, axis=0))


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
