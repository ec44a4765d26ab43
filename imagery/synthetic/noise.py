"""Random fields that textures are made of."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft

# float32 when run; checkers lose the width where a Python float takes part.
Field = NDArray[np.floating]


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], cell_px: float) -> Field:
    """White noise on a grid of `cell_px` cells, interpolated; float32 (h, w), about zero mean and unit variance."""
    height, width = shape
    # A cell of 64 px on a 320 px side: 320 / 64 = 5 cells, and 2 more so that the crop can start anywhere.
    rows, cols = int(height / cell_px) + 3, int(width / cell_px) + 3
    grid = Image.fromarray(rng.standard_normal((rows, cols), dtype=np.float32))
    x, y = rng.uniform(0.5, 1.5, 2)
    box = (x, y, min(x + width / cell_px, cols), min(y + height / cell_px, rows))
    # Interpolation averages neighbours and lowers the variance of the field to about (2/3)^2.
    return np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC, box=box)) * np.float32(1.4)


def fractal_field(
    rng: np.random.Generator, shape: tuple[int, int], cell_px: float, *, octaves: int = 4, gain: float = 0.55
) -> Field:
    """Sum of smooth fields, each half as coarse and `gain` as strong as the last; unit variance, float32 (h, w)."""
    total = np.zeros(shape, np.float32)
    weight, power = 1.0, 0.0
    for _ in range(octaves):
        total += np.float32(weight) * smooth_field(rng, shape, max(cell_px, 1.0))
        power += weight**2
        if cell_px <= 1.0:
            break
        cell_px, weight = cell_px / 2, weight * gain
    return total / np.float32(np.sqrt(power))


def wave_field(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    wavelength_px: float,
    towards_deg: float,
    spread: float,
) -> Field:
    """Wind waves: noise with a log-normal band about `wavelength_px`, running towards `towards_deg`.

    towards_deg is clockwise from north (up). spread is the width of the band in ln(wavenumber). Unit variance,
    float32 (h, w). Waves shorter than two pixels are lost, as a sensor loses them.
    """
    height, width = shape
    rows = fft.next_fast_len(height, real=True) or height
    cols = fft.next_fast_len(width, real=True) or width
    ky = fft.fftfreq(rows).astype(np.float32)[:, None]
    kx = fft.rfftfreq(cols).astype(np.float32)[None, :]
    k = np.sqrt(kx**2 + ky**2)
    k[0, 0] = 1.0
    angle = np.deg2rad(towards_deg)
    along = (kx * np.sin(angle) - ky * np.cos(angle)) / k
    band = np.exp(-0.5 * (np.log(k * np.float32(wavelength_px)) / np.float32(spread)) ** 2)
    amplitude = band * (np.float32(0.08) + along**2) / np.sqrt(k)
    amplitude[0, 0] = 0.0
    spectrum = fft.rfft2(rng.standard_normal((rows, cols), dtype=np.float32)) * amplitude
    waves = np.asarray(fft.irfft2(spectrum, (rows, cols)))[:height, :width]
    return (waves / max(float(waves.std()), 1e-6)).astype(np.float32)
