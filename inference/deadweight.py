"""Deadweight of a tanker from its measured length and beam, with the scatter that the answer deserves.

Two regressions over the world tanker fleet (domain facts §1.1: 3,557 tankers of 34-380 m, robust least squares;
lengths in metres, deadweight in tonnes):

(a) length only         ln DWT = 8.5481 + 3.0407 ln(L/100) + 0.8477 ln+(L/130) - 0.9604 ln+(L/185) + 0.6264 ln+(L/240)
(b) length and beam     DWT = 0.04016 L^1.5862 B^1.6189  below 130 m,   0.02278 L^1.9083 B^1.3075  above

where ln+ is max(0, ln). The two branches of (b) do not meet at 130 m, so they are blended over 110-150 m: a longer
or wider ship never comes out lighter.

How much the beam counts depends on how well it was measured. (a) and (b) agree on one beam for each length; that is
the usual beam, and real ships scatter about it by 8 % (§1.1, beam prior). A beam measured to within s of itself is
believed with weight g = 0.08^2 / (0.08^2 + s^2): one measured perfectly gives (b), a hopeless one gives (a), as
happens at 10 m pixels where the beam of a coastal tanker is a pixel and a half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

_BEAM_SCATTER = 0.08  # sd of ln beam about the usual beam of a length, §1.1
_BLEND_M = (110.0, 150.0)

# (LOA m, sd of ln DWT given length and beam, sd given length only). §1.1 lists the residuals of the fits; below 130 m
# they are floored at 0.20 and 0.25, because five coastal tankers outside the fitted fleet all came out 10-36 % heavier
# than predicted, and above it they are widened to the fit's hold-out errors, which were not trimmed of outliers.
_SCATTER = np.array(
    [
        (50.0, 0.30, 0.31),
        (70.0, 0.20, 0.26),
        (120.0, 0.20, 0.25),
        (145.0, 0.12, 0.16),
        (220.0, 0.11, 0.16),
        (247.0, 0.08, 0.10),
        (275.0, 0.06, 0.08),
    ]
)


def _ln_dwt_from_length(ln_length: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Regression (a): ln DWT and its slope d ln DWT / d ln L."""
    ln_dwt = 8.5481 + 3.0407 * (ln_length - np.log(100.0))
    slope = np.full_like(ln_length, 3.0407)
    for knot_m, extra in ((130.0, 0.8477), (185.0, -0.9604), (240.0, 0.6264)):
        beyond = ln_length - np.log(knot_m)
        ln_dwt += extra * np.maximum(0.0, beyond)
        slope += extra * (beyond > 0.0)
    return ln_dwt, slope


def _beam_regression(ln_length: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Regression (b) at a length: ln DWT = intercept + exponent * ln B, blended across 130 m in ln L."""
    # At 130 m, t = ln(130/110) / ln(150/110) = 0.167 / 0.310 = 0.54: a little more of the large-ship branch.
    t = np.clip((ln_length - np.log(_BLEND_M[0])) / np.log(_BLEND_M[1] / _BLEND_M[0]), 0.0, 1.0)
    small = np.log(0.04016) + 1.5862 * ln_length
    large = np.log(0.02278) + 1.9083 * ln_length
    return (1 - t) * small + t * large, (1 - t) * 1.6189 + t * 1.3075


def usual_beam_m(length_m: ArrayLike) -> NDArray[np.float64]:
    """Beam in metres of a tanker of usual proportions, where (a) and (b) agree; same shape as the input."""
    ln_length = np.log(np.asarray(length_m, np.float64))
    intercept, exponent = _beam_regression(ln_length)
    return np.exp((_ln_dwt_from_length(ln_length)[0] - intercept) / exponent)


def dwt_distribution(
    length_m: ArrayLike, length_sd_m: ArrayLike, beam_m: ArrayLike | None = None, beam_sd_m: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Deadweight of tankers as lognormal distributions.

    Args:
        length_m: (n,) or scalar, measured length overall, metres, > 0.
        length_sd_m: its standard deviation, metres, >= 0.
        beam_m: measured beam, metres; None or NaN where there is none.
        beam_sd_m: its standard deviation, metres; needed with beam_m.

    Returns:
        Mean and standard deviation of ln(DWT in tonnes), float64, of the inputs' broadcast shape. exp(mean) is the
        median deadweight. The variance is, by error propagation (domain facts §1.1 (d)),
        ``scatter^2 + (p * sd_L / L)^2`` with p the exponent of length that is left when the beam, to the extent
        that it is believed, is held fixed.

    Raises:
        ValueError: a length or beam is not positive, a standard deviation is negative, or beam_m came without its sd.
    """
    if beam_m is None:
        beam_m, beam_sd_m = np.nan, np.nan
    elif beam_sd_m is None:
        raise ValueError("beam_m was given without beam_sd_m")
    measured = (np.asarray(a, np.float64) for a in (length_m, length_sd_m, beam_m, beam_sd_m))
    length, length_sd, beam, beam_sd = np.broadcast_arrays(*measured)
    if (length <= 0).any() or (beam <= 0).any() or (length_sd < 0).any() or (beam_sd < 0).any():
        raise ValueError("lengths and beams must be positive, their standard deviations must not be negative")

    ln_length = np.log(length)
    ln_dwt_a, slope_a = _ln_dwt_from_length(ln_length)
    intercept, beam_exponent = _beam_regression(ln_length)
    ln_usual_beam = (ln_dwt_a - intercept) / beam_exponent

    # Relative to the usual beam, not to the measured one: else a beam measured too small would also look too certain.
    relative_sd = beam_sd / np.exp(ln_usual_beam)
    weight = np.nan_to_num(_BEAM_SCATTER**2 / (_BEAM_SCATTER**2 + relative_sd**2))
    surplus = np.nan_to_num(np.log(beam) - ln_usual_beam)
    ln_mean = ln_dwt_a + beam_exponent * weight * surplus

    # With weight 1 the exponent of length is that of (b): 1.586 or 1.908; with weight 0 it is that of (a).
    slope_b = np.interp(ln_length, np.log(_BLEND_M), (1.5862, 1.9083))
    length_exponent = weight * slope_b + (1 - weight) * slope_a
    scatter_b, scatter_a = (np.interp(length, _SCATTER[:, 0], _SCATTER[:, i]) for i in (1, 2))
    scatter_squared = weight * scatter_b**2 + (1 - weight) * scatter_a**2
    return ln_mean, np.sqrt(scatter_squared + (length_exponent * length_sd / length) ** 2)


def dwt_quantile(ln_mean: ArrayLike, ln_sd: ArrayLike, probability: float) -> NDArray[np.float64]:
    """Quantile in tonnes of the lognormal deadweight of `dwt_distribution`; same shape as its inputs."""
    return np.exp(np.asarray(ln_mean, np.float64) + ndtri(probability) * np.asarray(ln_sd, np.float64))
