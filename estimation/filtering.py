"""The forward pass: how likely each state of a berth is after each look, given the looks so far.

First for every grid point of arrival rate and stay, every level of recall and every lane at once, for the likelihood of
the looks (`Forward`). Then once more, from kept states and a segment of looks at a time, for the few points that the
histories were drawn for (`Segments`), in the form that the backward pass needs. Single precision; states are scaled
to sum to one every few looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chain import BerthChain
from .looks import NO_LOOK, SIGHTING, VACANT, Looks

SEGMENT = 64  # looks between kept states
_SCALE_EVERY = 4  # looks; each changes a state by a factor of 10^-7 to 10^7 at most, and single precision ends at 10^38
_MAX_LN_RATIO = 15.0  # a length that fits one ship three million times better than another decides


@dataclass(frozen=True)
class Evidence:
    """What each look says, for R levels of recall and B lanes.

    Attributes:
        chain, looks: the model and the looks.
        ln_level: (R,) log prior weight of the levels of recall.
        weight: (n, R, B, 4) float32 likelihood of each look if the berth is free, taken by a ship not seen before, by
            the ship seen last, not yet free. Likelihoods of lengths are relative to those of another visit's ship.
        same_ratio: (n, B) float32, of a sighting: how much better its length fits the ship seen last than another.
    """

    chain: BerthChain
    looks: Looks
    ln_level: NDArray[np.float64]
    weight: NDArray[np.float32]
    same_ratio: NDArray[np.float32]

    @classmethod
    def of(cls, chain: BerthChain, looks: Looks, false_alarm: float, recall_scale_sd: float) -> Evidence:
        """Judge the looks; arguments as of ``sample_histories``."""
        # Three points stand for a normal distribution (Gauss-Hermite): 1 and 1 +- sqrt(3) sd, weighing 4 : 1 : 1.
        exact = recall_scale_sd == 0
        scales = np.ones(1) if exact else 1 + np.sqrt(3) * recall_scale_sd * np.array([-1.0, 0.0, 1.0])
        ln_level = np.zeros(1) if exact else np.log(np.array([1.0, 4.0, 1.0]) / 6)
        same_ratio = _ratio(looks.ln_same, looks.ln_new)
        found = np.clip(scales[:, None] * (1 - looks.miss[:, None, :]), 0.0, 0.99)
        outcome = np.broadcast_to(looks.outcome[:, None, :], found.shape)
        free = np.where(outcome == VACANT, 1 - false_alarm, 1.0)
        free = np.where(outcome == SIGHTING, false_alarm * _ratio(looks.ln_false, looks.ln_new)[:, None, :], free)
        taken = np.where(outcome == VACANT, 1 - found, np.where(outcome == SIGHTING, found, 1.0))
        same = np.where(outcome == SIGHTING, taken * same_ratio[:, None, :], taken)
        weight = np.stack([free, taken, same, free], axis=3).astype(np.float32)
        return cls(chain, looks, ln_level, weight, same_ratio.astype(np.float32))

    def by_state(self, j: int) -> NDArray[np.float32]:
        """(R, B, states) likelihood of look j in each state."""
        k = self.chain.stages
        return np.repeat(self.weight[j], (1, k, k, 1), axis=2)

    def is_empty(self, j: int) -> bool:
        """Whether row j of the time axis holds no look at any lane."""
        return bool((self.looks.outcome[j] == NO_LOOK).all())


def _ratio(ln_of: NDArray[np.float64], ln_to: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(np.clip(ln_of - ln_to, -_MAX_LN_RATIO, _MAX_LN_RATIO))


class Forward:
    """The pass over all points.

    Attributes:
        ln_likelihood: (G, R, B) of each lane's looks, prior weights not in it.
        kept: states (G, R, B, states) after looks 0, SEGMENT, 2 SEGMENT, ...
    """

    def __init__(self, evidence: Evidence) -> None:
        chain, n = evidence.chain, len(evidence.looks.hour)
        levels, lanes = evidence.weight.shape[1:3]
        shape = (len(chain.stay_h), levels, lanes)
        self.ln_likelihood = np.zeros(shape)
        self.kept: list[NDArray[np.float32]] = []
        state = np.broadcast_to(chain.stationary[:, None, None, :], (*shape, chain.states)).astype(np.float32)
        for j in range(n):
            if j:
                hours = int(evidence.looks.hour[j] - evidence.looks.hour[j - 1])
                flat = state.reshape(shape[0], levels * lanes, chain.states)
                state = (flat @ chain.step(hours).full).reshape(*shape, chain.states)
            if not evidence.is_empty(j):
                state *= evidence.by_state(j)
                sighting = evidence.looks.outcome[j] == SIGHTING
                if sighting.any():
                    state[:, :, sighting] = _seen(state[:, :, sighting], chain.stages)
            if j % _SCALE_EVERY == 0 or j == n - 1:
                total = np.maximum(state.sum(axis=3), 1e-37)
                self.ln_likelihood += np.log(total)
                state /= total[..., None]
            if j % SEGMENT == 0:
                self.kept.append(state.copy())


class Segments:
    """The pass anew for P chosen (point, level, lane) combinations, a segment at a time.

    Combinations are held in blocks by grid point, (blocks, width, states) with idle places at the end of most, so
    that a step is one product of matrices a block.

    Attributes:
        place: (P,) int64, flat place of each combination in blocks x width.
    """

    def __init__(
        self,
        evidence: Evidence,
        forward: Forward,
        point: NDArray[np.int64],
        level: NDArray[np.int64],
        lane: NDArray[np.int64],
    ) -> None:
        self._evidence, self._forward = evidence, forward
        self._points, block, count = np.unique(point, return_inverse=True, return_counts=True)
        # Places within a block: combinations are numbered from the first of their point.
        order = np.argsort(block, kind="stable")
        within = np.empty(len(point), np.int64)
        within[order] = np.arange(len(point)) - np.repeat(np.cumsum(count) - count, count)
        shape = (len(count), int(count.max()))
        self.place = block * shape[1] + within
        self._level, self._lane = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._level.ravel()[self.place] = level
        self._lane.ravel()[self.place] = lane

    def __len__(self) -> int:
        return len(self._forward.kept)

    def filtered(self, index: int) -> list[NDArray[np.float32]]:
        """(states, blocks x width) after each look of a segment; of each place only the proportions matter."""
        evidence, n = self._evidence, len(self._evidence.looks.hour)
        state = self._forward.kept[index][self._points[:, None], self._level, self._lane]
        after = [_by_state(state)]
        for j in range(index * SEGMENT + 1, min((index + 1) * SEGMENT, n)):
            hours = int(evidence.looks.hour[j] - evidence.looks.hour[j - 1])
            state = state @ evidence.chain.step(hours).full[self._points]
            if not evidence.is_empty(j):
                state *= evidence.by_state(j)[self._level, self._lane]
                sighting = (evidence.looks.outcome[j] == SIGHTING)[self._lane]
                state[sighting] = _seen(state[sighting], evidence.chain.stages)
            if j % _SCALE_EVERY == 0:
                state /= np.maximum(state.sum(axis=2, keepdims=True), 1e-37)
            after.append(_by_state(state))
        return after


def _by_state(state: NDArray[np.float32]) -> NDArray[np.float32]:
    """(blocks, width, states) -> (states, blocks x width), each state's row in one piece."""
    return np.ascontiguousarray(state.reshape(-1, state.shape[2]).T)


def _seen(state: NDArray[np.float32], stages: int) -> NDArray[np.float32]:
    """States after a sighting: the ship there is from now on the ship seen last."""
    after = state.copy()
    after[..., stages + 1 : -1] += state[..., 1 : stages + 1]
    after[..., 1 : stages + 1] = 0.0
    return after
