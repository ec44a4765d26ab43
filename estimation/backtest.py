"""The estimator against published figures: ours beside theirs, and what differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions
from ..configs.case import Case, Published, Ships
from ..inference.deadweight import dwt_distribution
from .calls import Calls
from .cargo import barrels_loaded, draw_cargo, full_cargo

_CAPACITY_SHARES = {"third": "33", "half": "50", "ninetenths": "90"}
_EQUAL = 1e-4  # published figures are whole barrels, or one rounding away


@dataclass(frozen=True)
class Comparison:
    """One published figure and ours.

    Attributes:
        published: theirs.
        mean, p05, p95: ours, barrels; without spread where it is mere arithmetic.
        above: how probable it is by ours that there were more barrels than theirs.
        agrees: as its ``comparison`` asks: equal, or within our 90 % interval; None where it is only shown.
    """

    published: Published
    mean: float
    p05: float
    p95: float
    above: float
    agrees: bool | None


@dataclass(frozen=True)
class BacktestResult:
    """A case and its comparisons."""

    case: Case
    comparisons: tuple[Comparison, ...]


def backtest(case: Case, cargo: CargoAssumptions, *, draws: int = 4000, seed: int = 0) -> BacktestResult:
    """Set our figures beside the published ones. Deterministic for a seed.

    Raises:
        BerthwatchError: the case's product is unknown.
    """
    rng = np.random.default_rng([seed, 1])
    common = draw_cargo(cargo, case.product, draws, rng)
    n = draws * case.calls
    calls = Calls(
        draws=draws,
        draw=np.repeat(np.arange(draws), case.calls),
        at_s=np.zeros(n),
        berth=np.zeros(n, np.int64),
        visit=np.zeros(n, np.int64),
        ln_dwt=_ln_deadweights(case.ships, draws, case.calls, common.fleet_bias_ln, rng).ravel(),
        tanker=np.ones(n, bool),
    )
    ours = {
        "full": calls.sum_by_draw(full_cargo(calls, common)),
        "loaded": calls.sum_by_draw(barrels_loaded(calls, common, cargo, rng)),
    }
    for name, scenario in _CAPACITY_SHARES.items():
        if case.listed_capacity_bbl is not None:
            ours[name] = np.array([cargo.laden.scenarios[scenario].value * case.listed_capacity_bbl])
    return BacktestResult(case, tuple(_compare(figure, ours[figure.ours]) for figure in case.published))


def _compare(published: Published, ours: NDArray[np.float64]) -> Comparison:
    mean, p05, p95 = float(ours.mean()), float(np.quantile(ours, 0.05)), float(np.quantile(ours, 0.95))
    agrees = {
        "equals": abs(mean / published.barrels - 1) < _EQUAL,
        "about": p05 <= published.barrels <= p95,
        "shown": None,
    }[published.comparison]
    return Comparison(published, mean, p05, p95, float((ours > published.barrels).mean()), agrees)


def _ln_deadweights(
    ships: Ships, draws: int, calls: int, fleet_bias_ln: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(draws, calls) ln DWT; known deadweights are free of the regression's bias, which is added to all calls later."""
    shape = (draws, calls)
    if ships.length_m is not None:
        ln_mean, ln_sd = dwt_distribution(ships.length_m, ships.length_sd_m or 0.0)
        return ln_mean + ln_sd * rng.standard_normal(shape)
    if ships.dwt_range_t is not None:
        low, high = np.log(ships.dwt_range_t)
        # Nine in ten within the range: 2 * 1.645 sd.
        ln_dwt = (low + high) / 2 + (high - low) / 3.29 * rng.standard_normal(shape)
    else:
        known = np.log(ships.dwt_t or ())
        # Which of the known ships call how often is unknown: weights drawn anew in each draw (Bayesian bootstrap).
        shares = np.cumsum(rng.dirichlet(np.ones(len(known)), draws), axis=1)
        pick = (rng.random(shape)[:, :, None] > shares[:, None, :]).sum(axis=2)
        ln_dwt = known[np.minimum(pick, len(known) - 1)]
    return ln_dwt - fleet_bias_ln[:, None]
