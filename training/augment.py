"""Pixel augmentations that a satellite picture can really suffer; geometry is left to the trainer.

Weather and sensors work on what is seen: pixels without data (0 in every band) stay without data.
"""

from typing import Any

import albumentations as A  # noqa: N812
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Field = NDArray[np.float32]

# The detector's stretch is that of a whole scene: a chip of plain water is never spread over all grey levels.
LEAST_RANGE = 110.0
_OFFSETS = {"ranges": [(-12 / 255, 12 / 255)] * 3}


def pixel_augmentations() -> list[A.BasicTransform]:
    """Haze, thin cloud, sun glint, stretch, gain, offset and white balance, blur, coarser GSD, noise, compression.

    In the order in which light meets them on its way from the sea to the file. All are pixel-level: boxes stay where
    they are. For Ultralytics' `augmentations`.
    """
    return [
        SunGlint(p=0.06),
        Haze(p=0.12),
        ThinCloud(p=0.06),
        A.GaussianBlur(blur_limit=0, sigma_limit=(0.3, 1.1), p=0.25),
        A.Downscale(
            scale_range=(0.5, 0.9),
            interpolation_pair={"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_CUBIC},
            p=0.12,
        ),
        A.GaussNoise(std_range=(0.005, 0.03), p=0.25),
        Stretch(p=0.15),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.25, p=0.5),
        A.RandomGamma(gamma_limit=(75, 135), p=0.4),
        # White balance: an offset and a gain of each band.
        A.AdditiveNoise(noise_type="uniform", spatial_mode="constant", noise_params=_OFFSETS, p=0.3),
        A.MultiplicativeNoise(multiplier=(0.88, 1.12), per_channel=True, elementwise=False, p=0.2),
        A.ImageCompression(quality_range=(55, 95), p=0.12),
        Jpeg2000(p=0.05),
        A.ToGray(p=0.06),
    ]


class _Weather(A.ImageOnlyTransform):
    """A transform whose picture of the air or the sensor is drawn once a picture from its own generator."""

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """The generator of this picture's draws."""
        return {"rng": np.random.default_rng(self.py_random.getrandbits(32))}

    def apply(self, img: Pixels, rng: np.random.Generator, **params: Any) -> Pixels:
        """The picture as it would have been taken; uint8 (h, w, 3) in and out."""
        changed = np.clip(self.seen(img, rng) + 0.5, 1, 255).astype(np.uint8)
        return np.where(img.max(axis=2, keepdims=True) > 0, changed, 0).astype(np.uint8)

    def seen(self, img: Pixels, rng: np.random.Generator) -> Field:
        """Grey levels (h, w, 3) of the changed picture."""
        raise NotImplementedError


class Haze(_Weather):
    """Light scattered by moist air: a nearly even veil, denser on one side."""

    def seen(self, img: Pixels, rng: np.random.Generator) -> Field:  # noqa: D102
        density = rng.uniform(0.06, 0.4) * (0.7 + 0.3 * patches(rng, img, coarsest=2, octaves=1))
        return _veiled(img, density, shade=rng.uniform(150, 235) + rng.uniform(-8, 8, 3))


class ThinCloud(_Weather):
    """Cirrus and wisps: white, patchy, at most half opaque, so that what is labelled below can still be seen."""

    def seen(self, img: Pixels, rng: np.random.Generator) -> Field:  # noqa: D102
        wisps = patches(rng, img, coarsest=int(rng.integers(2, 5)), octaves=5)
        opacity = rng.uniform(0.2, 0.5) * np.clip((wisps - rng.uniform(0.3, 0.6)) / 0.3, 0, 1)
        return _veiled(img, opacity, shade=np.full(3, rng.uniform(225, 255)))


class SunGlint(_Weather):
    """The sun mirrored by facets of waves: bright, grainy, strongest towards one side, and on dark water alone."""

    def seen(self, img: Pixels, rng: np.random.Generator) -> Field:  # noqa: D102
        height, width = img.shape[:2]
        facets = rng.exponential(1.0, (height, width)).astype(np.float32)
        facets = np.asarray(cv2.GaussianBlur(facets, (0, 0), rng.uniform(0.5, 1.2)), np.float32)
        water = np.clip(1 - img.mean(axis=2, dtype=np.float32) / 128, 0, 1)
        strength = rng.uniform(10, 45) * patches(rng, img, coarsest=2, octaves=1) * water
        return img + (strength * facets)[..., None]


class Stretch(_Weather):
    """Another stretch of the sensor's 11 to 16 bits to 8: its ends cut off, bent, and now and then in coarse steps."""

    def seen(self, img: Pixels, rng: np.random.Generator) -> Field:  # noqa: D102
        data = img[img.max(axis=2) > 0]
        if not len(data):
            return img.astype(np.float32)
        low, high = np.percentile(data, [rng.uniform(0, 2), rng.uniform(97, 100)])
        shade = np.clip((img - np.float32(low)) / max(high - low, LEAST_RANGE), 0, 1) ** rng.uniform(0.75, 1.2)
        if rng.random() < 0.4:
            steps = int(rng.integers(24, 96))
            shade = np.round(shade * steps) / steps
        return np.asarray(shade * 254 + 1, np.float32)


class Jpeg2000(_Weather):
    """Blur and ripples of wavelet compression to a tenth or a thirtieth, as Sentinel-2 and Pléiades are delivered."""

    def seen(self, img: Pixels, rng: np.random.Generator) -> Field:  # noqa: D102
        kept = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, int(rng.integers(33, 100))]
        _, code = cv2.imencode(".jp2", img, kept)
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.float32)


def patches(rng: np.random.Generator, img: Pixels, *, coarsest: int, octaves: int) -> Field:
    """Smooth noise in [0, 1], (h, w): a grid of `coarsest` cells a side, and finer ones of half the weight each."""
    height, width = img.shape[:2]
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = coarsest * 2**octave
        noise = rng.random((cells, cells), np.float32)
        total += np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)) / 2**octave
    low, high = total.min(), total.max()
    return (total - low) / max(high - low, 1e-6)


def _veiled(img: Pixels, density: Field, *, shade: NDArray[np.float64]) -> Field:
    cover = density[..., None]
    return np.asarray(img * (1 - cover) + shade.astype(np.float32) * cover, np.float32)
