"""Sightings of ships at berths as plain arrays: their sizes, which of them show one hull, and fused sizes of visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .fleet import Measured

if TYPE_CHECKING:
    from .histories import Histories

# Two sightings in a row are one visit when at least so many histories say so. To join two visits spoils two, to split
# one spoils one: with probability p of one visit, 2 (1 - p) against p, even at p = 2/3.
LINK_THRESHOLD = 2 / 3

# Errors of one detector on one ship at one berth are alike in part: this share of their variance no number of sightings
# averages out, so that the error falls to half of a single one's and no further. Assumed.
ALIKE = 0.25


@dataclass(frozen=True)
class Sightings:
    """S sightings, ordered by lane (berth), then look. Arrays (S,).

    Attributes:
        lane, look: int64, the berth and the row of the looks' time axis.
        at_s: float64, seconds since 1970-01-01 UTC.
        ln_length, ln_length_sd: logarithm of measured length (metres) and the sd of its error.
        x, error_sd, scatter_sd: ln DWT read from the measured size, sd of its measurement error, and sd of true ln DWT
            about the regression.
        tanker_log_odds: of the detector's class probabilities.
    """

    lane: NDArray[np.int64]
    look: NDArray[np.int64]
    at_s: NDArray[np.float64]
    ln_length: NDArray[np.float64]
    ln_length_sd: NDArray[np.float64]
    x: NDArray[np.float64]
    error_sd: NDArray[np.float64]
    scatter_sd: NDArray[np.float64]
    tanker_log_odds: NDArray[np.float64]

    @property
    def first_of_lane(self) -> NDArray[np.bool_]:
        """(S,) True where no sighting of the same berth comes before."""
        return np.concatenate([[True], self.lane[1:] != self.lane[:-1]])[: len(self.lane)]


@dataclass(frozen=True)
class LengthPrior:
    """Lengths of the ships that use each of B berths, before any picture; (B,) arrays of ln(length in metres).

    Attributes:
        centre, centre_sd: of the mean over the berth's ships.
        spread_sd: of ships about that mean.
        returns: probability that two calls are by one hull.
        round_trip_h: hours from one call of a hull to her next at least.
    """

    centre: NDArray[np.float64]
    centre_sd: NDArray[np.float64]
    spread_sd: NDArray[np.float64]
    returns: float
    round_trip_h: float


def length_likelihoods(
    sightings: Sightings, prior: LengthPrior
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """How likely each measured length is for the ship of another visit, of the sighting before, and for no ship.

    Returns:
        Three (S,) arrays of log densities of ln length (the second -inf for a lane's first sighting). Two sightings of
        one ship in one visit are jointly normal: each has variance spread^2 + error^2, and they share spread^2 and part
        of the error. Another visit is mostly by another hull, of the berth's usual lengths; one by the same hull, after
        her round trip, shares spread^2 alone. A false alarm has any of the lengths thought possible beforehand.
    """
    m, m_variance = _usual_length_by_the_others(sightings, prior)
    spread = prior.spread_sd[sightings.lane] ** 2
    error = sightings.ln_length_sd**2
    ln_other = _ln_normal(sightings.ln_length - m, spread + m_variance + error)
    before = np.maximum(np.arange(len(m)) - 1, 0)

    def ln_given_before(shared: NDArray[np.float64]) -> NDArray[np.float64]:
        share = shared / (spread + error[before])
        expected = m + share * (sightings.ln_length[before] - m)
        ln_density = _ln_normal(sightings.ln_length - expected, spread + error - share * shared)
        return np.where(sightings.first_of_lane, -np.inf, ln_density)

    ln_same = ln_given_before(spread + ALIKE * np.sqrt(error * error[before]))
    # A sighting two days after the last is not of a ship that made her round trip of three in between.
    been_away = (sightings.at_s - sightings.at_s[before] >= 3600 * prior.round_trip_h) & ~sightings.first_of_lane
    returns = np.where(been_away, prior.returns, 0.0)
    with np.errstate(divide="ignore"):
        ln_new = np.logaddexp(np.log1p(-returns) + ln_other, np.log(returns) + ln_given_before(spread))
    prior_variance = (prior.centre_sd**2)[sightings.lane] + spread
    ln_false = _ln_normal(sightings.ln_length - prior.centre[sightings.lane], prior_variance + error)
    return ln_new, ln_same, ln_false


def _usual_length_by_the_others(
    sightings: Sightings, prior: LengthPrior
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(S,) mean ln length of the ships at each sighting's berth and its variance, given the berth's other sightings.

    A sighting must not vouch for itself. Ships come back, so n calls are not n independent ships: two calls share their
    hull with probability ``returns``.
    """
    lane = sightings.lane
    n = np.bincount(lane)[lane] - 1 if len(lane) else lane
    safe = np.maximum(n, 1)
    average = (np.bincount(lane, sightings.ln_length)[lane] - sightings.ln_length) / safe
    error = (np.bincount(lane, sightings.ln_length_sd**2)[lane] - sightings.ln_length_sd**2) / safe
    variance = prior.spread_sd[lane] ** 2 * (1 / safe + prior.returns * (1 - 1 / safe)) + error / safe
    known = prior.centre_sd[lane] ** -2.0
    weight = np.where(n > 0, 1 / variance, 0.0)
    return (prior.centre[lane] * known + weight * average) / (known + weight), 1 / (known + weight)


def _ln_normal(off: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    return -0.5 * (off**2 / variance + np.log(2 * np.pi * variance))


def link(
    sightings: Sightings, histories: Histories
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Which sightings make up one visit.

    Returns:
        (S,) number of the visit within its lane, from 0; (S,) share of histories in which the sighting shows the ship
        of the one before (0 for the first of a lane); (S,) share of those in which it shows a ship at all.
    """
    same, real = (a[sightings.look, sightings.lane].mean(axis=1) for a in (histories.same, histories.real))
    first = sightings.first_of_lane
    starts = (same <= LINK_THRESHOLD) | first
    number = np.cumsum(starts)
    offset = np.maximum.accumulate(np.where(first, number, 0)) if len(number) else number
    return number - offset, same, real


def fuse(sightings: Sightings, visit: NDArray[np.int64], real: NDArray[np.float64], lanes: int) -> Measured:
    """Measured size of each visit, sightings weighted by their precision.

    Args:
        sightings: S of them.
        visit: (S,) number of the visit within its lane.
        real: (S,) probability that the sighting shows a ship.
        lanes: B.

    Their errors are alike in part (``ALIKE``).
    """
    width = int(visit.max()) + 1 if len(visit) else 0
    cell = sightings.lane * width + visit
    total = lambda values: np.bincount(cell, values, minlength=lanes * width).reshape(lanes, width)  # noqa: E731
    w = sightings.error_sd**-2.0
    n, weight = total(np.ones(len(w))), total(w)
    present = n > 0
    safe = np.where(present, weight, 1.0)
    return Measured(
        present=present,
        x=total(w * sightings.x) / safe,
        error_sd=np.where(present, np.sqrt(fused_variance(safe, n)), 1.0),
        scatter_sd=np.where(present, total(w * sightings.scatter_sd) / safe, 1.0),
        real=total(real) > 0.5 * n,
    )


def fused_variance(weight: NDArray[np.float64], n: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance of the mean of n measurements of one ship whose precisions sum to weight; any shape.

    Two of 4 m: weight 2/16, so 8 m2 if their errors were independent, and 16 * (0.25 + 0.75 / 2) = 10 m2 as they are.
    """
    return (1 - ALIKE + ALIKE * n) / weight
