"""What may have happened at a berth, given every look at it: a sample of complete histories.

The berth is the Markov chain of `chain.py`; a clear look at it shows the ship alongside with the detector's recall, or
nothing, or, seldom, a ship that is not there. Consecutive sightings of about the same length are likely one hull. The
forward pass (`filtering.py`) filters the chain through the looks for every point of the grid of arrival rate and mean
stay. Here, for each history, a grid point is drawn, and then the states from the last look to the first and the number
of ships that came and went between looks: forward filtering, backward sampling, exact draws from the posterior.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chain import MAX_ARRIVALS, BerthChain
from .filtering import SEGMENT, Evidence, Forward, Segments
from .looks import SIGHTING, Looks

_LANES = 32  # berths that are held in memory together, and that one thread works on
_POINTS = 64  # grid points drawn a lane; more histories than that share them


@dataclass(frozen=True)
class Histories:
    """Draws of what happened, D a lane.

    Attributes:
        rate_per_h, stay_h: (B, D) arrival rate and mean stay of each draw.
        same: (n, B, D) bool, at a sighting: it shows the ship of the sighting before.
        real: (n, B, D) bool, at a sighting: there was a ship.
        unseen_lane, unseen_draw: (m,) int64, whose draw each unseen visit belongs to.
        unseen_hour: (m,) float64, when she arrived, hours since the start of the period (0: was there already).
    """

    rate_per_h: NDArray[np.float64]
    stay_h: NDArray[np.float64]
    same: NDArray[np.bool_]
    real: NDArray[np.bool_]
    unseen_lane: NDArray[np.int64]
    unseen_draw: NDArray[np.int64]
    unseen_hour: NDArray[np.float64]


def sample_histories(
    chain: BerthChain,
    looks: Looks,
    *,
    false_alarm: float,
    draws: int,
    rng: np.random.Generator,
    recall_scale_sd: float = 0.0,
    common_recall: bool = True,
) -> Histories:
    """Draw histories of each lane from the posterior given its looks.

    Args:
        chain: the model of a berth.
        looks: at all lanes.
        false_alarm: probability that a look at a free berth shows a ship.
        draws: D.
        rng: source of randomness.
        recall_scale_sd: sd of the factor by which the recall of all looks may be wrong together. That one hull is
            missed more often than another of her length is not in the model.
        common_recall: whether the lanes share that factor, as the berths of one port do; else each has its own.
    """
    starts = range(0, looks.outcome.shape[1], _LANES)
    evidence = [Evidence.of(chain, looks.of_lanes(slice(i, i + _LANES)), false_alarm, recall_scale_sd) for i in starts]
    # Numpy lets go of the interpreter in its loops, so threads use the cores. Their number changes no result.
    with ThreadPoolExecutor(min(len(starts), _usable_processors())) as pool:
        forward = list(pool.map(Forward, evidence))
        ln_weight = [chain.ln_prior[:, None, None] + f.ln_likelihood for f in forward]
        together = np.concatenate(ln_weight, axis=2)
        level = draw_levels(together, evidence[0].ln_level, draws, common_recall, rng)
        jobs = []
        for i, e, f, w, generator in zip(starts, evidence, forward, ln_weight, rng.spawn(len(starts)), strict=True):
            levels = level[:, i : i + _LANES]
            jobs.append(_Backward(e, f, levels, _draw_grid_points(w, levels, generator), draws, generator))
        return _side_by_side(list(pool.map(_Backward.run, jobs)))


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS, Windows


def _side_by_side(parts: list[Histories]) -> Histories:
    """Histories of several parts of the lanes as those of all."""
    before = np.cumsum([0, *(len(part.stay_h) for part in parts)])
    return Histories(
        rate_per_h=np.concatenate([p.rate_per_h for p in parts]),
        stay_h=np.concatenate([p.stay_h for p in parts]),
        same=np.concatenate([p.same for p in parts], axis=1),
        real=np.concatenate([p.real for p in parts], axis=1),
        unseen_lane=np.concatenate([p.unseen_lane + n for p, n in zip(parts, before, strict=False)]),
        unseen_draw=np.concatenate([p.unseen_draw for p in parts]),
        unseen_hour=np.concatenate([p.unseen_hour for p in parts]),
    )


def draw_levels(
    ln_weight: NDArray[np.float64],
    ln_level: NDArray[np.float64],
    draws: int,
    common: bool,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Levels of recall drawn from their posterior, for as many grid points a lane as `draws` histories share.

    Args:
        ln_weight: (G, R, B) log of prior times likelihood of each grid point, the levels' own prior not in it.
        ln_level: (R,) log prior of the levels.
        draws: of histories.
        common: one level for all lanes, whose prior counts once however many they are; else each lane has its own.
        rng: source of randomness.

    Returns:
        (n, B) int64, n <= draws.
    """
    ln_likelihood = np.logaddexp.reduce(ln_weight, axis=0)
    n, lanes = min(draws, _POINTS), ln_likelihood.shape[1]
    if common:
        return np.repeat(_stratified(ln_level + ln_likelihood.sum(axis=1), n, rng)[:, None], lanes, axis=1)
    return np.stack([_stratified(ln_level + ln_likelihood[:, lane], n, rng) for lane in range(lanes)], axis=1)


def _draw_grid_points(
    ln_weight: NDArray[np.float64], level: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """(n, B) grid points from log weights (G, R, B), given the levels (n, B)."""
    point = np.empty_like(level)
    for lane in range(level.shape[1]):
        for r in np.unique(level[:, lane]):
            here = np.flatnonzero(level[:, lane] == r)
            point[here, lane] = _stratified(ln_weight[:, r, lane], len(here), rng)
    return point


def _stratified(ln_weight: NDArray[np.float64], draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(draws,) indices in random order, each from its own slice of the distribution with these log weights."""
    cumulative = np.cumsum(np.exp(ln_weight - ln_weight.max()))
    u = (rng.permutation(draws) + rng.random(draws)) / draws * cumulative[-1]
    return np.minimum(np.searchsorted(cumulative, u), len(ln_weight) - 1)


class _Backward:
    """Backward pass over all draws of some lanes at once; element e is draw e % D of lane e // D.

    Weights of states are held state by state, (states, elements): that is how they are gathered fastest.
    """

    def __init__(
        self,
        evidence: Evidence,
        forward: Forward,
        level: NDArray[np.int64],
        point: NDArray[np.int64],
        draws: int,
        rng: np.random.Generator,
    ) -> None:
        # Draws beyond the number of points share them.
        level, point = (np.resize(a, (draws, a.shape[1])).T for a in (level, point))
        self.evidence, self.point, self.rng = evidence, point, rng
        self.chain, self.looks = evidence.chain, evidence.looks
        self.hours = np.diff(self.looks.hour)
        lanes, levels = len(point), len(evidence.ln_level)
        self.lane, self.grid = np.repeat(np.arange(lanes), draws), point.ravel()
        key = (self.grid * levels + level.ravel()) * lanes + self.lane
        chosen, combination = np.unique(key, return_inverse=True)
        self.segments = Segments(
            evidence, forward, chosen // (levels * lanes), chosen // lanes % levels, chosen % lanes
        )
        self.place = self.segments.place[combination]
        n = len(self.looks.hour)
        self.same = np.zeros((n, lanes * draws), bool)
        self.real = np.zeros((n, lanes * draws), bool)
        self.unseen: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        # The ship of a first sighting whose arrival has not been met yet, going back in time.
        self.awaited = np.zeros(lanes * draws, bool)

    def run(self) -> Histories:
        n = len(self.looks.hour)
        state = np.empty(0, np.int64)
        for index in reversed(range(len(self.segments))):
            for offset, weights in reversed(list(enumerate(self.segments.filtered(index)))):
                j = index * SEGMENT + offset
                belief = np.take(weights, self.place, axis=1, mode="clip")
                state = self._pick(belief) if j == n - 1 else self._step_back(j, belief, state)
        self._start(state)
        lanes, draws = self.point.shape
        element = np.concatenate([e for e, _ in self.unseen])
        return Histories(
            rate_per_h=self.chain.rate_per_h[self.point],
            stay_h=self.chain.stay_h[self.point],
            same=self.same.reshape(n, lanes, draws),
            real=self.real.reshape(n, lanes, draws),
            unseen_lane=element // draws,
            unseen_draw=element % draws,
            unseen_hour=np.concatenate([h for _, h in self.unseen]),
        )

    def _pick(self, weight: NDArray[np.float32]) -> NDArray[np.int64]:
        """Row drawn for each column of weights, which are overwritten by their sums down the rows."""
        for i in range(1, len(weight)):
            weight[i] += weight[i - 1]
        u = self.rng.random(weight.shape[1], np.float32) * weight[-1]
        row = np.zeros(weight.shape[1], np.int8)
        for sums in weight[:-1]:
            row += u >= sums
        return row.astype(np.int64)

    def _sighted(self, j: int, state: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where look j was a sighting of a ship."""
        return (self.looks.outcome[j] == SIGHTING)[self.lane] & self._known(state)

    def _known(self, state: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a ship seen before lies there."""
        return (state > self.chain.stages) & (state <= 2 * self.chain.stages)

    def _step_back(self, j: int, belief: NDArray[np.float32], state: NDArray[np.int64]) -> NDArray[np.int64]:
        """State after look j, given the state after look j + 1; records sightings and arrivals between the two."""
        k, states = self.chain.stages, self.chain.states
        # (from, point * states + to), so that each row is gathered by one index an element.
        table = self.chain.step(int(self.hours[j])).full.transpose(1, 0, 2).reshape(states, -1)
        sighted = self._sighted(j + 1, state)
        self.real[j + 1] = sighted
        # Just before look j + 1 a sighted ship was either of the sighting before (her state) or not yet seen.
        unseen_state = np.where(sighted, state - k, state)
        weight = np.take(table, self.grid * states + unseen_state, axis=1, mode="clip")
        seen = np.flatnonzero(sighted)
        ratio = self.evidence.same_ratio[j + 1, self.lane[seen]]
        to_seen = table[:, self.grid[seen] * states + state[seen]] * ratio
        weight[:, seen] += to_seen
        either = weight[:, seen]
        weight *= belief
        before = self._pick(weight)
        columns = np.arange(len(seen))
        share = to_seen[before[seen], columns] / np.maximum(either[before[seen], columns], 1e-37)
        same = np.zeros(len(before), bool)
        same[seen] = self.rng.random(len(seen), np.float32) < share
        self.same[j + 1] = same
        self.awaited |= sighted & ~same
        self._arrivals(j, before, np.where(same, state, unseen_state))
        return before

    def _arrivals(self, j: int, before: NDArray[np.int64], ahead: NDArray[np.int64]) -> None:
        """Draw how many ships arrived between looks j and j + 1, from the state after j to the one before j + 1."""
        k, hours = self.chain.stages, int(self.hours[j])
        if not hours:
            return
        step = self.chain.step(hours)
        by_count = step.by_count.reshape(-1, MAX_ARRIVALS)
        # A ship seen before and still there: nobody came. She left and an unseen one is there: at least one came.
        moved = np.flatnonzero(~self._known(ahead))
        start, end = before[moved], ahead[moved]
        # Without telling ships seen from others the states are k + 2: a stage, or not yet free, is k less.
        row, column = start - k * (start > k), end - k * (end > k)
        cell = (self.grid[moved] * (k + 2) + row) * (k + 2) + column
        # Mostly nobody came: that is drawn first, for all; how many did, for the few.
        came = self.rng.random(len(moved), np.float32) >= step.nobody.ravel()[cell]
        came = np.flatnonzero(came | (self._known(start) & (end > 0) & (end <= k)))
        element, count = moved[came], 1 + self._pick(np.ascontiguousarray(by_count[cell[came], 1:].T))
        # The last to arrive is the one there at look j + 1, if the berth is taken then: she may be seen later.
        met = self.awaited[element]
        self.awaited[element] = False
        unseen = np.repeat(element, count - met)
        self.unseen.append((unseen, self.looks.hour[j] + hours * self.rng.random(len(unseen))))

    def _start(self, state: NDArray[np.int64]) -> None:
        """The first look, and ships that were there when the period began."""
        sighted = self._sighted(0, state)
        self.real[0] = sighted
        there = np.flatnonzero((state > 0) & (state <= self.chain.stages) & ~sighted & ~self.awaited)
        self.unseen.append((there, np.zeros(len(there))))
