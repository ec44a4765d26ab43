"""What may have happened at a berth, given every look at it: a sample of complete histories.

The berth is the Markov chain of `chain.py`; a clear look at it shows the ship alongside with the detector's recall, or
nothing, or, seldom, a ship that is not there. Consecutive sightings of about the same length are likely one hull. The
forward pass filters the chain through the looks for every point of the grid of arrival rate and mean stay; the
backward pass draws, for each history, first the grid point and then the states from the last look to the first, and the
number of ships that came and went between looks (forward filtering, backward sampling: exact draws from the posterior).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chain import BerthChain
from .looks import NO_LOOK, SIGHTING, VACANT, Looks

_SEGMENT = 64  # looks whose filtered states are held in memory at a time


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
    filtered = _Filter(chain, looks, false_alarm, recall_scale_sd)
    ln_weight = filtered.ln_prior[:, :, None] + filtered.ln_likelihood
    level, point = _draw_grid_points(ln_weight, draws, common_recall, rng)
    return _Backward(filtered, level, point, rng).run()


def _draw_grid_points(
    ln_weight: NDArray[np.float64], draws: int, common_level: bool, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(B, D) levels of recall and grid points from log weights (R, G, B).

    Stratified: each draw comes from its own slice of the distribution.
    """
    levels, _, lanes = ln_weight.shape
    ln_level = np.logaddexp.reduce(ln_weight, axis=1)
    level = np.empty((lanes, draws), np.int64)
    point = np.empty((lanes, draws), np.int64)
    if common_level:
        level[:] = _stratified(ln_level.sum(axis=1), draws, rng)
    for lane in range(lanes):
        if not common_level:
            level[lane] = _stratified(ln_level[:, lane], draws, rng)
        for r in range(levels):
            here = np.flatnonzero(level[lane] == r)
            point[lane, here] = _stratified(ln_weight[r, :, lane], len(here), rng)
    return level, point


def _stratified(ln_weight: NDArray[np.float64], draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(draws,) indices in random order, each from its own slice of the distribution with these log weights."""
    cumulative = np.cumsum(np.exp(ln_weight - ln_weight.max()))
    u = (rng.permutation(draws) + rng.random(draws)) / max(draws, 1) * cumulative[-1]
    return np.minimum(np.searchsorted(cumulative, u), len(ln_weight) - 1)


class _Filter:
    """Forward pass: P(state after look j | looks up to j), normalised over states.

    For each of R levels of recall, G grid points and B lanes; arrays (R, G, B, states).
    """

    def __init__(self, chain: BerthChain, looks: Looks, false_alarm: float, recall_scale_sd: float) -> None:
        self.chain, self.looks, self.false_alarm = chain, looks, false_alarm
        # Three points stand for a normal distribution (Gauss-Hermite): 1 and 1 +- sqrt(3) sd, weighing 4 : 1 : 1.
        exact = recall_scale_sd == 0
        self.scales = np.ones(1) if exact else 1 + np.sqrt(3) * recall_scale_sd * np.array([-1.0, 0.0, 1.0])
        self.ln_prior = chain.ln_prior + np.log(np.ones((1, 1)) if exact else np.array([[1], [4], [1]]) / 6)
        self.steps_h = np.diff(looks.hour)
        lanes = looks.outcome.shape[1]
        shape = (len(self.scales), len(chain.stay_h), lanes)
        self.ln_likelihood = np.zeros(shape)
        start = np.broadcast_to(chain.stationary[None, :, None, :], (*shape, chain.states)).astype(np.float32)
        # Only the states at the start of each segment are kept; the backward pass filters a segment anew.
        self._starts = [self._update(start, 0, self.ln_likelihood)]
        for j in range(1, len(looks.hour)):
            state = self._starts.pop() if (j - 1) % _SEGMENT else self._starts[-1]
            self._starts.append(self._update(self._predict(state, j), j, self.ln_likelihood))

    def segment(self, index: int) -> NDArray[np.float32]:
        """(looks of the segment, R, G, B, states) filtered states."""
        state = self._starts[index]
        states = [state]
        for j in range(index * _SEGMENT + 1, min((index + 1) * _SEGMENT, len(self.looks.hour))):
            state = self._update(self._predict(state, j), j, None)
            states.append(state)
        return np.stack(states)

    def _predict(self, state: NDArray[np.float32], j: int) -> NDArray[np.float32]:
        hours = int(self.steps_h[j - 1])
        return state @ self.chain.step(hours)[0]

    def _update(
        self, state: NDArray[np.float32], j: int, ln_likelihood: NDArray[np.float64] | None
    ) -> NDArray[np.float32]:
        k = self.chain.stages
        if (self.looks.outcome[j] == NO_LOOK).all():
            return state
        after = state * np.repeat(self._weights(j), (1, k, k), axis=2)[:, None]
        # A ship seen is from now on the ship of the last sighting.
        sighting = self.looks.outcome[j] == SIGHTING
        after[:, :, sighting, k + 1 :] += after[:, :, sighting, 1 : k + 1]
        after[:, :, sighting, 1 : k + 1] = 0.0
        total = np.maximum(after.sum(axis=3), 1e-30)
        if ln_likelihood is not None:
            ln_likelihood += np.log(total)
        return after / total[..., None]

    def _weights(self, j: int) -> NDArray[np.float32]:
        """(R, B, 3) likelihood of look j if the berth is free, taken by a ship not seen yet, by the one seen last."""
        looks, outcome = self.looks, self.looks.outcome[j]
        found = np.clip(self.scales[:, None] * (1 - looks.miss[j]), 0.0, 0.99)
        free, unseen = np.ones_like(found), np.ones_like(found)
        same = np.ones_like(found)
        vacant, sighting = outcome == VACANT, outcome == SIGHTING
        free[:, vacant] = 1 - self.false_alarm
        unseen[:, vacant] = same[:, vacant] = 1 - found[:, vacant]
        # Likelihoods of the measured length are relative to another visit's: they neither over- nor underflow.
        free[:, sighting] = self.false_alarm * _ratio(looks.ln_false, looks.ln_new, j)[sighting]
        unseen[:, sighting] = found[:, sighting]
        same[:, sighting] = found[:, sighting] * _ratio(looks.ln_same, looks.ln_new, j)[sighting]
        return np.stack([free, unseen, same], axis=2).astype(np.float32)


def _ratio(ln_of: NDArray[np.float64], ln_to: NDArray[np.float64], j: int) -> NDArray[np.float64]:
    """(B,) ratio of two likelihoods at look j, bounded so that single precision holds it."""
    return np.exp(np.clip(ln_of[j] - ln_to[j], -60, 60))


class _Backward:
    """Backward pass over all draws of all lanes at once; element e is draw e % D of lane e // D."""

    def __init__(
        self, filtered: _Filter, level: NDArray[np.int64], point: NDArray[np.int64], rng: np.random.Generator
    ) -> None:
        self.filtered, self.point, self.rng = filtered, point, rng
        self.chain, self.looks = filtered.chain, filtered.looks
        lanes, draws = point.shape
        self.lane = np.repeat(np.arange(lanes), draws)
        self.level, self.grid = level.ravel(), point.ravel()
        n = len(self.looks.hour)
        self.same = np.zeros((n, lanes * draws), bool)
        self.real = np.zeros((n, lanes * draws), bool)
        self.unseen: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        # The ship of a first sighting whose arrival has not been met yet, going back in time.
        self.awaited = np.zeros(lanes * draws, bool)

    def run(self) -> Histories:
        n = len(self.looks.hour)
        state = np.empty(0, np.int64)
        for index in reversed(range(-(-n // _SEGMENT))):
            states = self.filtered.segment(index)
            for j in reversed(range(index * _SEGMENT, index * _SEGMENT + len(states))):
                belief = states[j - index * _SEGMENT][self.level, self.grid, self.lane]
                if j == n - 1:
                    state = self._pick(belief)
                else:
                    state = self._step_back(j, belief, state)
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
        """Index drawn for each row of weights."""
        cumulative = np.cumsum(weight, axis=1)
        u = self.rng.random(len(weight), np.float32) * cumulative[:, -1]
        return np.minimum((u[:, None] >= cumulative).sum(axis=1), weight.shape[1] - 1)

    def _before_look(self, j: int, state: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Where look j was a sighting of a ship; and how much likelier her length is if she was seen before."""
        k = self.chain.stages
        sighted = (self.looks.outcome[j] == SIGHTING)[self.lane] & (state > k)
        return sighted, _ratio(self.looks.ln_same, self.looks.ln_new, j).astype(np.float32)[self.lane]

    def _step_back(self, j: int, belief: NDArray[np.float32], state: NDArray[np.int64]) -> NDArray[np.int64]:
        """State after look j, given the state after look j + 1; records sightings and arrivals between the two."""
        k, hours = self.chain.stages, int(self.filtered.steps_h[j])
        full, by_count = self.chain.step(hours)
        sighted, ratio = self._before_look(j + 1, state)
        self.real[j + 1] = sighted
        # Just before look j + 1 a sighted ship was either of the sighting before (column state) or not yet seen.
        unseen_state = np.where(sighted, state - k, state)
        to_unseen = full[self.grid, :, unseen_state]
        to_seen = full[self.grid, :, state] * ratio[:, None]
        weight = belief * np.where(sighted[:, None], to_unseen + to_seen, to_unseen)
        before = self._pick(weight)
        everyone = np.arange(len(before))
        share = to_seen[everyone, before] / np.maximum(to_seen[everyone, before] + to_unseen[everyone, before], 1e-30)
        same = sighted & (self.rng.random(len(before), np.float32) < share)
        self.same[j + 1] = same
        ahead = np.where(same, state, unseen_state)
        self.awaited |= sighted & ~same
        self._arrivals(j, hours, before, ahead, by_count)
        return before

    def _arrivals(
        self, j: int, hours: int, before: NDArray[np.int64], ahead: NDArray[np.int64], by_count: NDArray[np.float32]
    ) -> None:
        """Draw how many ships arrived between looks j and j + 1, from the state after j to the one before j + 1."""
        k = self.chain.stages
        # A ship seen before and still there: nobody came. She left and an unseen one is there: at least one came.
        if not hours:
            return
        moved = np.flatnonzero(ahead <= k)
        count_weight = by_count[self.grid[moved], before[moved] - k * (before[moved] > k), ahead[moved]]
        count_weight[(before[moved] > k) & (ahead[moved] > 0), 0] = 0.0
        count = self._pick(count_weight)
        some = count > 0
        element, count = moved[some], count[some]
        # The last to arrive is the one there at look j + 1, if the berth is taken then: she may be seen later.
        met = self.awaited[element]
        self.awaited[element] = False
        unseen = np.repeat(element, count - met)
        start = self.looks.hour[j]
        self.unseen.append((unseen, start + hours * self.rng.random(len(unseen))))

    def _start(self, state: NDArray[np.int64]) -> None:
        """The first look, and ships that were there when the period began."""
        k = self.chain.stages
        sighted, _ = self._before_look(0, state)
        self.real[0] = sighted
        there = (state > 0) & ~sighted & ~self.awaited
        self.unseen.append((np.flatnonzero(there), np.zeros(there.sum())))
        assert not (state > k)[~sighted].any(), "nobody was seen before the first look"
