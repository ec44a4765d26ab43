"""How far a detector's lengths and beams are off: what the model card tells inference to correct and to expect."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

# Below this many ships a fit of two error terms is noise.
FEWEST_SHIPS = 20


@dataclass(frozen=True)
class SizeErrors:
    """Errors of one measured size: true = measured - bias_px * gsd, sd^2 = (sd_px * gsd)^2 + (sd_fraction * size)^2.

    Pixels are those of the working grid; ships: how many the fit rests on.
    """

    bias_px: float
    sd_px: float
    sd_fraction: float
    ships: int


def fit_size_errors(measured_px: NDArray[np.float64], true_px: NDArray[np.float64]) -> SizeErrors:
    """Maximum likelihood of the error model above, with Student's t (4 degrees of freedom) for the odd wild box.

    measured_px, true_px: (n,) sizes in working pixels of ships that were found and matched with their label. A t
    distribution has heavier shoulders than the normal one of the same scale; the scales are widened to its standard
    deviation, so that what inference takes for sigma covers the wild boxes as well.

    Raises:
        ValueError: fewer than `FEWEST_SHIPS` ships.
    """
    if len(measured_px) < FEWEST_SHIPS:
        raise ValueError(f"{len(measured_px)} ships; at least {FEWEST_SHIPS} are needed to fit an error model")
    degrees = 4.0
    error = measured_px - true_px
    start = np.array([np.median(error), np.log(np.std(error) + 0.1), np.log(0.05)])

    def loss(parameters: NDArray[np.float64]) -> float:
        bias, log_px, log_fraction = parameters
        scale = np.hypot(np.exp(log_px), np.exp(log_fraction) * measured_px)
        t = (error - bias) / scale
        return float(np.sum(np.log(scale) + (degrees + 1) / 2 * np.log1p(t**2 / degrees)))

    bounds = [(None, None), (np.log(0.05), np.log(50.0)), (np.log(0.003), np.log(0.6))]
    bias, log_px, log_fraction = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    widened = float(np.sqrt(degrees / (degrees - 2)))
    return SizeErrors(
        float(bias), float(np.exp(log_px)) * widened, float(np.exp(log_fraction)) * widened, len(measured_px)
    )
