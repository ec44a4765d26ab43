"""Simulated truth for the proof of the estimator: ships that call at a berth, and what looks at it show.

Everything that the estimator does not know is drawn from what it believes beforehand: arrival rate, typical stay,
fleet, share of tankers. Its intervals must then hold the truth as often as they say. What it believes wrongly can be
set: a stay that is half or twice as long as assumed, a given number of calls a year.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions, Traffic
from ..configs.port import Berth
from ..inference.deadweight import dwt_distribution
from .cargo import beta_shape
from .chain import mean_stay_h, stay_shape
from .looks import NO_LOOK, SIGHTING, length_prior, measured_sizes, time_axis
from .sightings import ALIKE, Sightings

_CLASS_LOG_ODDS = 2.0  # of a tanker, on average: she looks more of a tanker than another ship does in 92 of 100 pairs


@dataclass(frozen=True)
class TrueCalls:
    """Calls at P berths, V at most; those that arrive after the period have ``inside`` False. Arrays (P, V).

    Attributes:
        arrival_h, departure_h: hours since the start of the period; the first may have been there at its start.
        inside: bool, there at some time of the period.
        length_m: of the ship.
        ln_dwt: natural logarithm of her deadweight in tonnes, but for the bias common to all ships.
        tanker: bool.
        hull: int64, number of the ship within her port-year.
    """

    arrival_h: NDArray[np.float64]
    departure_h: NDArray[np.float64]
    inside: NDArray[np.bool_]
    length_m: NDArray[np.float64]
    ln_dwt: NDArray[np.float64]
    tanker: NDArray[np.bool_]
    hull: NDArray[np.int64]


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
        idle = np.maximum(365.25 * 24 / calls_per_year - stay - traffic.turnaround_h.value, 1.0)
    arrival, departure = _alternate(idle, stay, traffic.turnaround_h.value, shape, hours, rng)
    inside = arrival < hours
    hull = _returning_hulls(arrival, departure, traffic, rng)
    length_m, ln_dwt = _hulls(cargo, berth, hull.shape, rng)
    prior, worth = traffic.tanker_share_at_oil_berth.value, traffic.tanker_share_worth_ships.value
    share = rng.beta(worth * prior, worth * (1 - prior), (berths, 1))
    return TrueCalls(
        arrival_h=arrival,
        departure_h=departure,
        inside=inside,
        length_m=np.take_along_axis(length_m, hull, axis=1),
        ln_dwt=np.take_along_axis(ln_dwt, hull, axis=1),
        tanker=rng.random(hull.shape) < share,
        hull=hull,
    )


def _alternate(
    idle: NDArray[np.float64],
    stay: NDArray[np.float64],
    turnaround_h: float,
    shape: int,
    hours: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Arrivals and departures (P, V): free, taken, cleared by turns, as long after the start of the world."""
    n = len(idle)
    at = rng.random(n) * (idle + stay + turnaround_h)
    taken, cleared = at < stay, at > stay + idle
    stages_left = rng.integers(1, shape + 1, n)
    arrival = np.where(taken, 0.0, rng.exponential(idle) + cleared * rng.exponential(turnaround_h, n))
    departure = arrival + rng.gamma(np.where(taken, stages_left, shape)) * stay / shape
    arrivals, departures = [arrival], [departure]
    while (arrival < hours).any():
        arrival = departures[-1] + rng.exponential(turnaround_h, n) + rng.exponential(idle)
        departure = arrival + rng.gamma(shape, size=n) * stay / shape
        arrivals.append(arrival)
        departures.append(departure)
    return np.stack(arrivals, axis=1), np.stack(departures, axis=1)


def _returning_hulls(
    arrival_h: NDArray[np.float64], departure_h: NDArray[np.float64], traffic: Traffic, rng: np.random.Generator
) -> NDArray[np.int64]:
    """(P, V) hull number of each call: one that has called n times comes with weight n, a new one with alpha.

    A hull that left less than her round trip ago does not come.
    """
    berths, width = arrival_h.shape
    label, n = np.zeros((berths, width), np.int64), np.zeros((berths, width))
    back_h = np.zeros((berths, width))
    everyone = np.arange(berths)
    for v in range(width):
        weight = np.where(back_h <= arrival_h[:, v, None], n, 0.0)
        weight[everyone, (n > 0).sum(axis=1)] = traffic.fleet_concentration.value
        cumulative = np.cumsum(weight, axis=1)
        u = rng.random(berths) * cumulative[:, -1]
        hull = (u[:, None] >= cumulative).sum(axis=1)
        label[:, v] = hull
        n[everyone, hull] += 1
        back_h[everyone, hull] = departure_h[:, v] + traffic.round_trip_h.value
    return label


def _hulls(
    cargo: CargoAssumptions, berth: Berth, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Length (m) and ln DWT of hulls, (P, V) each."""
    prior = length_prior([berth.ship_length_m], cargo.traffic)
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
    hull_recall_sd: float = 0.0,
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
        hull_recall_sd: sd of a hull's own recall about that of ships of her length.
    """
    times = np.arange(rng.random() * revisit_days * 24, hours, revisit_days * 24)
    look_h = np.unique(np.minimum(np.rint(times).astype(np.int64), hours))
    axis, row = time_axis(look_h, np.zeros_like(look_h), (0.0, hours * 3600.0), max_step_h)
    berths = len(truth.inside)
    outcome = np.full((len(axis), berths), NO_LOOK, np.int8)
    shown = np.full((len(axis), berths), -1)
    everyone = np.arange(berths)
    recall = cargo.detector.recall.at(truth.length_m, gsd_m) * _recall_factors(truth, cargo, gsd_m, hull_recall_sd, rng)
    for j, hour in zip(row, look_h, strict=True):
        there = (truth.arrival_h <= hour) & (truth.departure_h > hour)
        call, taken = there.argmax(axis=1), there.any(axis=1)
        found = rng.random(berths) < np.clip(recall[everyone, call], 0.0, 0.99)
        imagined = rng.random(berths) < cargo.detector.false_alarms_per_look.value
        clear = rng.random(berths) >= cloud
        outcome[j, clear] = np.where(taken, found, imagined)[clear]
        shown[j, clear & taken & found] = call[clear & taken & found]
    sightings, call = _measure(truth, axis, outcome, shown, cargo, berth, length_sd_m, rng)
    return Watched(axis, outcome, sightings, call)


def _recall_factors(
    truth: TrueCalls, cargo: CargoAssumptions, gsd_m: float, hull_recall_sd: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(P, V) factors on the recall of each call: the port-year's own, times the hull's own if hulls differ."""
    berths, width = truth.hull.shape
    factors = np.repeat(1 + cargo.detector.recall.scale_sd * rng.standard_normal((berths, 1)), width, axis=1)
    if hull_recall_sd:
        mean = float(cargo.detector.recall.at(np.median(truth.length_m), gsd_m))
        a, b = beta_shape(mean, hull_recall_sd)
        factors *= np.take_along_axis(rng.beta(a, b, (berths, width)) / mean, truth.hull, axis=1)
    return factors


def _measure(
    truth: TrueCalls,
    axis: NDArray[np.int64],
    outcome: NDArray[np.int8],
    shown: NDArray[np.int64],
    cargo: CargoAssumptions,
    berth: Berth,
    length_sd_m: float,
    rng: np.random.Generator,
) -> tuple[Sightings, NDArray[np.int64]]:
    """Sightings, by berth then time, and the call that each shows."""
    lane, look = np.nonzero((outcome == SIGHTING).T)
    call = shown[look, lane]
    prior = length_prior([berth.ship_length_m], cargo.traffic)
    imagined = prior.centre[0] + np.hypot(prior.centre_sd[0], prior.spread_sd[0]) * rng.standard_normal(len(lane))
    length = np.where(call >= 0, truth.length_m[lane, np.maximum(call, 0)], np.exp(imagined))
    alike = rng.standard_normal(truth.length_m.shape)[lane, np.maximum(call, 0)]
    error = np.sqrt(ALIKE) * alike + np.sqrt(1 - ALIKE) * rng.standard_normal(len(lane))
    measured = np.maximum(length + length_sd_m * error, 15.0)
    error_m, beam_m, uncut_m = (np.full(len(lane), value) for value in (length_sd_m, np.nan, 0.0))
    # What the pictures say of a ship is the same at each sighting of a call; of nothing, what they say of any ship.
    of_call = _class_evidence(truth.tanker, rng)[lane, np.maximum(call, 0)]
    of_nothing = _class_evidence(rng.random(len(lane)) < cargo.traffic.tanker_share_at_oil_berth.value, rng)
    sightings = Sightings(
        lane=lane,
        look=look,
        at_s=np.asarray(axis[look] * 3600.0, np.float64),
        tanker_log_odds=np.where(call >= 0, of_call, of_nothing),
        **measured_sizes(measured, error_m, beam_m, beam_m, uncut_m),
    )
    return sightings, call


def _class_evidence(tanker: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Log odds that pictures give for tanker, of tanker's shape.

    N(m, 2m) of tankers and N(-m, 2m) of others is evidence that means what it says: the ratio of these two densities at
    x is exp(x).
    """
    mean = np.where(tanker, _CLASS_LOG_ODDS, -_CLASS_LOG_ODDS)
    return mean + np.sqrt(2 * _CLASS_LOG_ODDS) * rng.standard_normal(tanker.shape)
