"""From light to the 8-bit picture a provider delivers: cloud, haze, blur, noise, stretch, compression."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .canvas import Light
from .noise import Field, fractal_field

BAND_ROWS = 128
BLUR_REACH = 3  # pixels


@dataclass(frozen=True)
class Sky:
    """What lies between sensor and sea.

    cloud_cover: fraction of the picture under cloud, 0..1. cloud_opacity: of the thick parts. haze: 0..1.
    cell_m: size of the clouds. height_m: of the cloud base, sets where the shadows fall.
    """

    cloud_cover: float = 0.0
    cloud_opacity: float = 1.0
    cell_m: float = 900.0
    height_m: float = 1200.0
    haze: float = 0.05


@dataclass(frozen=True)
class Sensor:
    """How a satellite blurs, samples and stretches.

    psf_px: sigma of the point spread in pixels. noise: rms in display levels over dark water. sharpening: unsharp
    mask strength as providers apply it. gain, offset, gamma and white_balance: the visual stretch.
    jpeg_quality: None for lossless.
    """

    psf_px: float = 0.55
    noise: float = 1.5
    chroma_noise: float = 0.6
    sharpening: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    gamma: float = 1.0
    saturation: float = 1.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    jpeg_quality: int | None = None


def random_sky(rng: np.random.Generator) -> Sky:
    """Mostly clear; now and then thin or broken cloud."""
    return Sky(
        cloud_cover=float(rng.choice([0.0, rng.uniform(0.03, 0.5)], p=[0.86, 0.14])),
        cloud_opacity=float(rng.uniform(0.35, 1.0)),
        cell_m=float(np.exp(rng.uniform(np.log(150), np.log(2500)))),
        height_m=float(rng.uniform(500, 3000)),
        haze=float(rng.random() ** 3 * 0.45),
    )


def random_sensor(rng: np.random.Generator, *, gsd_m: float) -> Sensor:
    """A camera and a stretch; coarse scenes come as raw reflectance and are stretched harder."""
    hard = gsd_m > 6
    return Sensor(
        psf_px=float(rng.uniform(0.35, 0.95)),
        noise=float(np.exp(rng.uniform(np.log(0.4), np.log(5.0)))),
        chroma_noise=float(rng.uniform(0.2, 1.2)),
        sharpening=float(rng.choice([0.0, rng.uniform(0.3, 1.6)], p=[0.5, 0.5])),
        gain=float(rng.uniform(0.95, 1.7) if hard else rng.uniform(0.7, 1.3)),
        offset=float(rng.uniform(-22, 2) if hard else rng.uniform(-10, 8)),
        gamma=float(rng.uniform(0.8, 1.2)),
        saturation=float(rng.uniform(0.6, 1.3)),
        white_balance=tuple(float(v) for v in rng.normal(1.0, 0.028, 3)),  # type: ignore[arg-type]
        jpeg_quality=int(rng.integers(55, 96)) if rng.random() < 0.5 else None,
    )


def cloud_layer(
    rng: np.random.Generator, sky: Sky, light: Light, shape: tuple[int, int], *, gsd_m: float
) -> tuple[Field, Field]:
    """(clouds, their shadows): opacity float32 (h, w) in 0..1; about `cloud_cover` is at least half opaque."""
    if sky.cloud_cover <= 0:
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    # Clouds are smooth at this scale: made on a grid of four pixels, then enlarged. The field is larger than the
    # picture by the way the shadows are thrown, so that shadows of clouds outside fall into it.
    step = 4
    east, north = light.shadow_per_metre * sky.height_m / (step * gsd_m)
    dx, dy = round(float(np.clip(east, -400, 400))), round(float(np.clip(-north, -400, 400)))
    rows, cols = -(-shape[0] // step), -(-shape[1] // step)
    cell = max(sky.cell_m / (step * gsd_m), 8.0)
    field = fractal_field(rng, (rows + abs(dy), cols + abs(dx)), cell, octaves=7, gain=0.6)
    y, x = max(dy, 0), max(dx, 0)
    seen = field[y : y + rows, x : x + cols]
    edge = np.quantile(seen, 1 - sky.cloud_cover) if sky.cloud_cover < 1 else seen.min() - 1
    opacity = np.clip((field - edge) / np.float32(0.5) + 0.5, 0, 1)
    opacity = opacity * opacity * (3 - 2 * opacity) * np.float32(sky.cloud_opacity)
    clouds = opacity[y : y + rows, x : x + cols]
    # A shadow seen at a pixel is thrown by the cloud (dx, dy) towards the sun.
    shadows = opacity[y - dy : y - dy + rows, x - dx : x - dx + cols]
    return _enlarged(clouds, step, shape), _enlarged(shadows, step, shape)


def _enlarged(grid: Field, step: int, shape: tuple[int, int]) -> Field:
    size = (grid.shape[1] * step, grid.shape[0] * step)
    picture = Image.fromarray(np.ascontiguousarray(grid, np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(picture)[: shape[0], : shape[1]], 0, 1)


def under_sky(rng: np.random.Generator, rgb: Field, sky: Sky, clouds: Field, shadows: Field, *, gsd_m: float) -> Field:
    """The scene as seen through haze, clouds and their shadows; float32 (h, w, 3)."""
    if sky.haze > 0:
        veil = np.array([168, 178, 190], np.float32)
        rgb = rgb + np.float32(sky.haze) * (veil - rgb)
    if sky.cloud_cover > 0:
        rgb = rgb * (1 - np.float32(0.55) * shadows[..., None])
        puff = fractal_field(rng, clouds.shape, max(sky.cell_m / gsd_m / 5, 2.0), octaves=4)
        white = np.clip(226 + 14 * puff, 0, 255)[..., None]
        rgb = rgb + clouds[..., None] * (white - rgb)
    return rgb


def expose(rng: np.random.Generator, rgb: Field, sensor: Sensor) -> NDArray[np.uint8]:
    """Blur, sample noise and stretch; float32 (h, w, 3) in 0..255 -> uint8 (h, w, 3)."""
    height = rgb.shape[0]
    exposed = np.empty(rgb.shape, np.uint8)
    # In bands that stay in the processor's cache: several times as quick as whole scenes. Blur and sharpening reach
    # three rows each, so rows 128..255 are seen from rows 122..261 and six rows are cut off at either end.
    for top in range(0, height, BAND_ROWS):
        bottom = min(top + BAND_ROWS, height)
        first, last = max(top - 2 * BLUR_REACH, 0), min(bottom + 2 * BLUR_REACH, height)
        seen = _blurred_and_sharpened(rgb[first:last], sensor)[top - first : bottom - first]
        exposed[top:bottom] = _stretched(_with_noise(rng, seen, sensor), sensor)
    if sensor.jpeg_quality is None:
        return exposed
    packed = io.BytesIO()
    Image.fromarray(exposed).save(packed, "JPEG", quality=sensor.jpeg_quality)
    return np.asarray(Image.open(packed))


def _blurred_and_sharpened(rgb: Field, sensor: Sensor) -> Field:
    blurred = _blur(rgb, sensor.psf_px)
    if sensor.sharpening > 0:
        blurred = blurred + np.float32(sensor.sharpening) * (blurred - _blur(blurred, 1.1))
    return blurred


def _with_noise(rng: np.random.Generator, rgb: Field, sensor: Sensor) -> Field:
    """Photon noise grows with the root of the light; the rest is read-out and quantisation."""
    if sensor.noise <= 0:
        return rgb
    level = np.sqrt(np.clip(rgb.mean(2), 0, 255) / np.float32(60) + np.float32(0.4)) * np.float32(sensor.noise)
    shared = rng.standard_normal(level.shape, dtype=np.float32)[..., None]
    own = rng.standard_normal(rgb.shape, dtype=np.float32) * np.float32(sensor.chroma_noise)
    return rgb + level[..., None] * (shared + own)


def _stretched(rgb: Field, sensor: Sensor) -> NDArray[np.uint8]:
    """The visual product's colours: saturation, gain, white balance, soft highlights, gamma, eight bits."""
    grey = rgb.mean(2, keepdims=True)
    picture = grey + np.float32(sensor.saturation) * (rgb - grey)
    picture = picture * np.float32(sensor.gain) + np.float32(sensor.offset)
    picture *= np.array(sensor.white_balance, np.float32)
    # Bright ground is compressed before it clips, as a display stretch does.
    bright = picture > 200
    picture[bright] = 200 + 55 * np.tanh((picture[bright] - 200) / 70)
    if sensor.gamma != 1.0:
        # A table in eighths of a level: finer than the eight bits that come out.
        curve = 255 * (np.arange(2041, dtype=np.float32) / 2040) ** np.float32(1 / sensor.gamma)
        picture = curve[np.clip(picture * 8, 0, 2040).astype(np.int16)]
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _blur(rgb: Field, sigma: float) -> Field:
    """Gaussian blur by a separable kernel of 2 * BLUR_REACH + 1 taps: exact enough up to sigma 1.3 px, and quick."""
    if sigma < 0.15:
        return rgb
    taps = np.exp(-0.5 * (np.arange(-BLUR_REACH, BLUR_REACH + 1) / sigma) ** 2).astype(np.float32)
    taps /= taps.sum()
    for axis in (0, 1):
        pad = [(BLUR_REACH, BLUR_REACH) if a == axis else (0, 0) for a in range(rgb.ndim)]
        padded = np.pad(rgb, pad, mode="edge")
        length = rgb.shape[axis]
        out = np.zeros_like(rgb)
        for i, tap in enumerate(taps):
            if tap > 1e-4:
                out += tap * padded[(slice(None),) * axis + (slice(i, i + length),)]
        rgb = out
    return rgb
