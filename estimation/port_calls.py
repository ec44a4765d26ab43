"""Simulated truth for the proof of the estimator: ships that call at a berth, and what looks at it show.

Everything that the estimator does not know is drawn from what it believes beforehand: arrival rate, typical stay,
fleet, share of tankers. Its intervals must then hold the truth as often as they say. What it believes wrongly can be
set: a stay that is half or twice as long as assumed, a given number of calls a year.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions
from ..configs.port import Berth
from ..inference.deadweight import dwt_distribution
from .chain import mean_stay_h, stay_shape
from .looks import NO_LOOK, SIGHTING, length_prior, time_axis
from .sightings import Sightings


@dataclass(frozen=True)
class TrueCalls:
    """Calls at P berths, V at most; those that arrive after the period have ``inside`` False. Arrays (P, V).

    Attributes:
        arrival_h, departure_h: hours since the start of the period; the first may have been there at its start.
        inside: bool, there at some time of the period.
        length_m: of the ship.
        ln_dwt: natural logarithm of her deadweight in tonnes, but for the bias common to all ships.
        tanker: bool.
    """

    arrival_h: NDArray[np.float64]
    departure_h: NDArray[np.float64]
    inside: NDArray[np.bool_]
    length_m: NDArray[np.float64]
    ln_dwt: NDArray[np.float64]
    tanker: NDArray[np.bool_]


def simulate_calls(
    cargo: CargoAssumptions,
    berth: Berth,
    *,
    berths: int,
    hours: float,
    rng: np.random.Generator,
    stay_factor: float = 1.0,
    calls_per_year: float | None = None,
) -> TrueCalls:
    """Draw the calls at a number of berths like the given one.

    Args:
        cargo: what is believed of traffic and fleet; the truth is drawn from it.
        berth: gives the usual lengths of ships.
        berths: P.
        hours: length of the period.
        rng: source of randomness.
        stay_factor: true typical stay over the assumed one.
        calls_per_year: rate at which calls come, for all berths; None draws each berth's from the prior.
    """
    traffic, shape = cargo.traffic, stay_shape(cargo.traffic)
    stay = mean_stay_h(traffic) * stay_factor * np.exp(traffic.stay_sd_ln.value * rng.standard_normal(berths))
    if calls_per_year is None:
        a = traffic.arrivals_shape.value
        idle = 24 / (rng.gamma(a, size=berths) * traffic.arrivals_per_day.value / a)
    else:
        # A call takes its stay and the wait for the next: 365.25 * 24 h / 60 calls = 146 h, 27 h of it at the berth.
        idle = np.maximum(365.25 * 24 / calls_per_year - stay, 1.0)
    arrival, departure = _alternate(idle, stay, shape, hours, rng)
    inside = arrival < hours
    label = _returning_hulls(inside, traffic.fleet_concentration.value, rng)
    length_m, ln_dwt = _hulls(berth, label.shape, rng)
    prior, worth = traffic.tanker_share_at_oil_berth.value, traffic.tanker_share_worth_ships.value
    share = rng.beta(worth * prior, worth * (1 - prior), (berths, 1))
    return TrueCalls(
        arrival_h=arrival,
        departure_h=departure,
        inside=inside,
        length_m=np.take_along_axis(length_m, label, axis=1),
        ln_dwt=np.take_along_axis(ln_dwt, label, axis=1),
        tanker=rng.random(label.shape) < share,
    )


def _alternate(
    idle: NDArray[np.float64], stay: NDArray[np.float64], shape: int, hours: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Arrivals and departures (P, V), free and taken by turns, as long after the start of the world."""
    n = len(idle)
    free = rng.random(n) < idle / (idle + stay)
    stages_left = rng.integers(1, shape + 1, n)
    arrival = np.where(free, rng.exponential(idle), 0.0)
    departure = arrival + rng.gamma(np.where(free, shape, stages_left)) * stay / shape
    arrivals, departures = [arrival], [departure]
    while (arrival < hours).any():
        arrival = departures[-1] + rng.exponential(idle)
        departure = arrival + rng.gamma(shape, size=n) * stay / shape
        arrivals.append(arrival)
        departures.append(departure)
    return np.stack(arrivals, axis=1), np.stack(departures, axis=1)


def _returning_hulls(inside: NDArray[np.bool_], concentration: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """(P, V) hull number of each call: one that has called n times comes with weight n, a new one with alpha."""
    berths, width = inside.shape
    label, n = np.zeros((berths, width), np.int64), np.zeros((berths, width))
    everyone = np.arange(berths)
    for v in range(width):
        weight = n.copy()
        weight[everyone, (n > 0).sum(axis=1)] = concentration
        cumulative = np.cumsum(weight, axis=1)
        u = rng.random(berths) * cumulative[:, -1]
        label[:, v] = (u[:, None] >= cumulative).sum(axis=1)
        n[everyone, label[:, v]] += 1
    return label


def _hulls(
    berth: Berth, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Length (m) and ln DWT of hulls, (P, V) each."""
    prior = length_prior([berth.ship_length_m], 0.0)
    mean = prior.centre[0] + prior.centre_sd[0] * rng.standard_normal((shape[0], 1))
    length = np.exp(mean + prior.spread_sd[0] * rng.standard_normal(shape))
    ln_dwt, scatter = dwt_distribution(length, np.zeros(shape))
    return length, ln_dwt + scatter * rng.standard_normal(shape)


@dataclass(frozen=True)
class Watched:
    """Looks at P berths.

    Attributes:
        hour, outcome: as in ``Looks``.
        sightings: what the looks showed, only the length measured.
        call: (S,) int64, the true call that each sighting shows, -1 for a false alarm.
    """

    hour: NDArray[np.int64]
    outcome: NDArray[np.int8]
    sightings: Sightings
    call: NDArray[np.int64]


def look_at(
    truth: TrueCalls,
    cargo: CargoAssumptions,
    berth: Berth,
    *,
    hours: int,
    revisit_days: float,
    cloud: float,
    gsd_m: float,
    length_sd_m: float,
    max_step_h: int,
    rng: np.random.Generator,
) -> Watched:
    """Look at the berths every revisit_days, under cloud now and then, with a detector that misses and imagines ships.

    Args:
        truth: the calls.
        cargo: recall by length in pixels and how wrong it may be at a berth, false alarms.
        berth: lengths of imagined ships.
        hours: length of the period.
        revisit_days: between looks; the first comes at a random time within the first.
        cloud: share of looks that show nothing, independent of each other.
        gsd_m: metres a pixel, for the recall.
        length_sd_m: error of measured lengths.
        max_step_h: longest step of the time axis.
        rng: source of randomness.
    """
    times = np.arange(rng.random() * revisit_days * 24, hours, revisit_days * 24)
    look_h = np.unique(np.minimum(np.rint(times).astype(np.int64), hours))
    axis, row = time_axis(look_h, np.zeros_like(look_h), (0.0, hours * 3600.0), max_step_h)
    berths = len(truth.inside)
    outcome = np.full((len(axis), berths), NO_LOOK, np.int8)
    shown = np.full((len(axis), berths), -1)
    everyone = np.arange(berths)
    scale = 1 + cargo.detector.recall.scale_sd * rng.standard_normal(berths)
    for j, hour in zip(row, look_h, strict=True):
        there = (truth.arrival_h <= hour) & (truth.departure_h > hour)
        call, taken = there.argmax(axis=1), there.any(axis=1)
        recall = scale * cargo.detector.recall.at(truth.length_m[everyone, call], gsd_m)
        found = rng.random(berths) < np.clip(recall, 0.0, 0.99)
        imagined = rng.random(berths) < cargo.detector.false_alarms_per_look.value
        clear = rng.random(berths) >= cloud
        outcome[j, clear] = np.where(taken, found, imagined)[clear]
        shown[j, clear & taken & found] = call[clear & taken & found]
    sightings, call = _measure(truth, axis, outcome, shown, berth, length_sd_m, rng)
    return Watched(axis, outcome, sightings, call)


def _measure(
    truth: TrueCalls,
    axis: NDArray[np.int64],
    outcome: NDArray[np.int8],
    shown: NDArray[np.int64],
    berth: Berth,
    length_sd_m: float,
    rng: np.random.Generator,
) -> tuple[Sightings, NDArray[np.int64]]:
    """Sightings, by berth then time, and the call that each shows."""
    lane, look = np.nonzero((outcome == SIGHTING).T)
    call = shown[look, lane]
    prior = length_prior([berth.ship_length_m], 0.0)
    imagined = prior.centre[0] + np.hypot(prior.centre_sd[0], prior.spread_sd[0]) * rng.standard_normal(len(lane))
    length = np.where(call >= 0, truth.length_m[lane, np.maximum(call, 0)], np.exp(imagined))
    measured = np.maximum(length + length_sd_m * rng.standard_normal(len(lane)), 15.0)
    x, sd = dwt_distribution(measured, np.full(len(lane), length_sd_m))
    _, scatter = dwt_distribution(measured, np.zeros(len(lane)))
    tanker = np.where(call >= 0, truth.tanker[lane, np.maximum(call, 0)], False)
    sightings = Sightings(
        lane=lane,
        look=look,
        at_s=np.asarray(axis[look] * 3600.0, np.float64),
        ln_length=np.log(measured),
        ln_length_sd=length_sd_m / measured,
        x=x,
        error_sd=np.sqrt(np.maximum(sd**2 - scatter**2, 1e-6)),
        scatter_sd=scatter,
        tanker_log_odds=np.where(tanker, 4.0, -4.0),
    )
    return sightings, call
