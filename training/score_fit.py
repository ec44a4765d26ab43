"""What a detector's scores are worth: the probability of a ship, and the threshold where F1 is best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

Floats = NDArray[np.float64]

# Weak normal priors, mean and sd: without data a score is taken at its word, at any sharpness.
_PRIOR_MEAN = np.array([0.0, 1.0, 0.0, 0.0])
_PRIOR_SD = np.array([3.0, 1.0, 1.0, 2.0])
_BOUNDS = [(None, None), (0.05, None), (-2.0, 2.0), (None, None)]


@dataclass(frozen=True)
class ShipFit:
    """From score and sharpness to the probability that a detection is a ship.

    logit(p) = intercept + slope * sensor_px ** slope_power * logit(score) + log_blur * ln(sensor_px), slope above 0.
    The fields are those of the card (`models.metadata.ModelMetadata`).
    """

    intercept: float
    slope: float
    slope_power: float
    log_blur: float

    def probability(self, scores: Floats, sensor_px: Floats) -> Floats:
        """Of n detections, (n,)."""
        steepness = self.slope * sensor_px**self.slope_power
        return expit(self.intercept + steepness * _log_odds(scores) + self.log_blur * np.log(sensor_px))


def fit_ship_probability(scores: Floats, sensor_px: Floats, is_ship: NDArray[np.bool_]) -> ShipFit:
    """A logistic regression with weak priors.

    Platt scaling on the logit of the score, its offset and steepness changing with the picture's sharpness: at 10 m
    breakwaters score like ships do at 3 m. Four numbers, so that some hundred detections carry them, and monotone in
    the score, so that no ranking changes.

    Args:
        scores: (n,) in [0, 1].
        sensor_px: (n,) working pixels that one sample of the sensor spans, at least 1.
        is_ship: (n,) whether a label was found.
    """
    log_odds, log_blur = _log_odds(scores), np.log(sensor_px)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        intercept, slope, power, of_blur = parameters
        bent = sensor_px**power * log_odds
        z = intercept + slope * bent + of_blur * log_blur
        pull = (parameters - _PRIOR_MEAN) / _PRIOR_SD
        excess = expit(z) - is_ship
        gradient = [excess.sum(), excess @ bent, excess @ (slope * bent * log_blur), excess @ log_blur]
        value = (np.logaddexp(0, z) - is_ship * z).sum() + (pull**2).sum() / 2
        return float(value), np.array(gradient) + pull / _PRIOR_SD

    fitted = minimize(loss, _PRIOR_MEAN, jac=True, method="L-BFGS-B", bounds=_BOUNDS).x
    return ShipFit(*fitted.tolist())


def _log_odds(scores: Floats) -> Floats:
    return logit(np.clip(scores, 1e-4, 1 - 1e-4))


def best_threshold(scores: Floats, probability: Floats, ships: int) -> tuple[float, float]:
    """The threshold of the best expected F1, on a grid of hundredths from 0.05 to 0.90, and that F1.

    F1 = 2 * true / (detections + ships), the true ones expected from their probabilities: smoother in the threshold
    than a count of them, whose best value jumps with single detections.

    Args:
        scores, probability: (n,) of the detections that count.
        ships: how many there were to find.
    """
    order = np.argsort(-scores, kind="stable")
    true = np.concatenate([[0.0], np.cumsum(probability[order])])
    thresholds = np.arange(5, 91) / 100
    kept = np.searchsorted(-scores[order], -thresholds, side="right")
    f1 = 2 * true[kept] / np.maximum(kept + ships, 1)
    best = int(np.argmax(f1))
    return float(thresholds[best]), float(f1[best])


def reliability(claimed: Floats, happened: Floats) -> tuple[tuple[float, float, int], ...]:
    """For each fifth of the claimed probability that holds any: (mean claimed, share that came true, how many)."""
    fifths = np.clip((claimed * 5).astype(int), 0, 4)
    return tuple(
        (float(claimed[fifths == i].mean()), float(happened[fifths == i].mean()), int((fifths == i).sum()))
        for i in range(5)
        if (fifths == i).any()
    )


def calibration_error(claimed: Floats, happened: Floats) -> float:
    """Mean distance of claimed from true share over the fifths, weighted by how many they hold; 0 at best."""
    rows = reliability(claimed, happened)
    return float(sum(abs(mean - share) * n for mean, share, n in rows) / max(len(claimed), 1))
