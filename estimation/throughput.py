"""Calls that no picture showed, from those that some did, and from when and how well somebody looked.

A call that arrives at time t is seen when at least one clear look falls within its stay and the detector does not miss
it. Let p(t) be the chance of that, over stays, and a = rate of calls with a gamma prior of shape k and rate k/mean.
Calls seen and calls unseen are then independent Poisson counts, so with n seen calls in a period T

    rate | n  ~  Gamma(k + n, k / mean + integral of p(t) dt),
    unseen | rate  ~  Poisson(rate * integral of (1 - p(t)) dt).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from ..configs.cargo import Traffic
from ..configs.port import Berth
from ..inference.deadweight import dwt_distribution
from .calls import Calls
from .cargo import epoch_seconds, visit_deadweight

_DAY_S = 86_400.0
_GRID_S = 3_600.0


@dataclass(frozen=True)
class Throughput:
    """Posterior draws for one berth, float64 (draws,): arrival rate (a day), median stay (hours); and p_seen."""

    arrivals_per_day: NDArray[np.float64]
    stay_h: NDArray[np.float64]
    p_seen: float


def unseen_calls(
    berth: Berth,
    berth_index: int,
    looks: pd.DataFrame,
    visits: pd.DataFrame,
    traffic: Traffic,
    period_s: tuple[float, float],
    draws: int,
    rng: np.random.Generator,
) -> tuple[Calls, Throughput]:
    """Draw the calls at one berth that no picture showed.

    Args:
        berth, berth_index: the berth and its place among the oil berths.
        looks: its observations.
        visits: its seen visits.
        traffic: prior of arrivals and stays.
        period_s: start and end, seconds since 1970 UTC.
        draws: number of draws.
        rng: source of randomness.
    """
    clear = looks[looks["state"] != "unobserved"]
    stay_nodes = _stay_medians(traffic)
    times = np.arange(period_s[0] - 3 * _DAY_S, period_s[1] + _GRID_S, _GRID_S)
    look_s, miss = epoch_seconds(clear["acquired_at"]), clear["miss_probability"].to_numpy()
    p_seen = np.stack([_p_seen(times, median_h, look_s, miss, traffic) for median_h in stay_nodes])
    node = rng.integers(len(stay_nodes), size=draws)
    # Arrivals before the period count when the ship is still there at its start: the stay's mean is added as lead time.
    inside = times >= period_s[0] - stay_nodes[:, None] * 3600
    days = _GRID_S / _DAY_S
    exposure, hidden = (p_seen * inside).sum(axis=1) * days, ((1 - p_seen) * inside).sum(axis=1) * days
    shape = traffic.arrivals_shape.value
    rate = rng.gamma(shape + len(visits), 1.0, draws) / (shape / traffic.arrivals_per_day.value + exposure[node])
    n_unseen = rng.poisson(rate * hidden[node])

    draw = np.repeat(np.arange(draws), n_unseen)
    weights = np.cumsum((1 - p_seen) * inside, axis=1)
    u = rng.random(len(draw))
    at = np.empty(len(draw))
    for i in range(len(stay_nodes)):
        mine = node[draw] == i
        at[mine] = times[np.minimum(np.searchsorted(weights[i], u[mine] * weights[i, -1]), len(times) - 1)]
    calls = Calls(
        draws=draws,
        draw=draw,
        at_s=np.clip(at, *period_s),
        berth=np.full(len(draw), berth_index),
        visit=np.full(len(draw), -1),
        ln_dwt=_unseen_deadweights(berth, visits, draw, draws, rng),
        tanker=_unseen_tankers(visits, traffic, draw, draws, rng),
    )
    share = float((exposure / np.maximum(exposure + hidden, 1e-12)).mean())
    return calls, Throughput(rate, stay_nodes[node], share)


def _stay_medians(traffic: Traffic) -> NDArray[np.float64]:
    """Five equally likely medians of the stay, hours."""
    z = np.array([-1.282, -0.524, 0.0, 0.524, 1.282])
    return traffic.stay_h.mode * np.exp(z * traffic.stay_sd_ln.value)


def _p_seen(
    times: NDArray[np.float64],
    median_h: float,
    look_s: NDArray[np.float64],
    miss: NDArray[np.float64],
    traffic: Traffic,
) -> NDArray[np.float64]:
    """Chance that a call arriving at each time is seen, over lognormal stays of the given median."""
    sigma = np.log(traffic.stay_h.high / traffic.stay_h.low) / 2 / 1.645
    z = (np.arange(20) + 0.5) / 20
    stays_s = median_h * 3600 * np.exp(sigma * ndtri(z))
    order = np.argsort(look_s, kind="stable")
    # All looks within [t, t + stay] must miss: product of misses as a difference of cumulated logarithms.
    ln_miss = np.concatenate([[0.0], np.cumsum(np.log(np.clip(miss[order], 1e-6, 1.0)))])
    first = np.searchsorted(look_s[order], times)
    last = np.searchsorted(look_s[order], times[:, None] + stays_s)
    return 1 - np.exp(ln_miss[last] - ln_miss[first][:, None]).mean(axis=1)


def _unseen_deadweights(
    berth: Berth, visits: pd.DataFrame, draw: NDArray[np.int64], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sizes of unseen ships, as those of the seen ones.

    The seen ones are weighted anew in each draw (Bayesian bootstrap); with the weight of one visit the size is drawn
    from what the port file says of the berth.
    """
    low, high = (float(dwt_distribution(m, 0.0)[0]) for m in berth.ship_length_m)
    ln_mean, ln_sd = visit_deadweight(visits)
    centre = np.append(ln_mean, (low + high) / 2)
    spread = np.append(ln_sd, (high - low) / 2 / 1.645)
    weights = rng.gamma(1.0, size=(draws, len(centre)))
    cumulative = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    pick = (rng.random(len(draw))[:, None] > cumulative[draw]).sum(axis=1)
    pick = np.minimum(pick, len(centre) - 1)
    return centre[pick] + spread[pick] * rng.standard_normal(len(draw))


def _unseen_tankers(
    visits: pd.DataFrame, traffic: Traffic, draw: NDArray[np.int64], draws: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Whether unseen ships are tankers: the share among seen ones, with the prior share worth two visits."""
    p = visits["tanker_probability"].to_numpy()
    prior = traffic.tanker_share_at_oil_berth.value
    share = rng.beta(2 * prior + p.sum(), 2 * (1 - prior) + (1 - p).sum(), draws)
    return rng.random(len(draw)) < share[draw]
