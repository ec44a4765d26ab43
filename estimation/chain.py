"""One berth as a Markov chain in continuous time: free, taken by a ship, being cleared, free again.

A free berth is taken at the rate of arrivals (exponential waiting time). The ship then stays for a gamma-distributed
time of whole shape k, which is the time to pass k stages of equal exponential length (Erlang's method of stages): the
chain remembers by its stage how long the ship has been there. When she has left, the berth is clear for the next ship
after an exponential time. Since a berth holds one ship, an arrival needs a free berth; at low traffic this is the
Poisson process.

States, numbered as in every array here:

    0              free
    1 .. k         taken, stage 1 .. k, by a ship that no picture has shown yet
    k+1 .. 2k      taken, stage 1 .. k, by the ship of the last sighting
    2k+1           empty, not yet free

Arrival rate and mean stay are unknown. They live on a grid of G points with prior weights: the posterior over the grid
is exact up to its spacing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.special import ndtri
from scipy.stats import gamma, norm, poisson

from ..configs.cargo import Traffic

MAX_ARRIVALS = 8  # in one step; a step is at most STEP_STAYS mean stays, in which eight ships never come and go
STEP_STAYS = 3.0
_RATES = 32
_STAYS = 5


@dataclass(frozen=True)
class Step:
    """What happens in a number of hours.

    Attributes:
        full: (G, states, states) probability from state (row) to state (column).
        by_count: (G, k+2, k+2, MAX_ARRIVALS) probability from free, a stage or not yet free to one of these with n
            arrivals between, whether seen or not.
        nobody: (G, k+2, k+2) share of the latter without an arrival.
    """

    full: NDArray[np.float32]
    by_count: NDArray[np.float32]
    nobody: NDArray[np.float32]


@dataclass(frozen=True)
class BerthChain:
    """The chain over a grid of arrival rates and mean stays; times are whole hours.

    Attributes:
        stages: k.
        rate_per_h: (G,) arrivals an hour at a free berth.
        stay_h: (G,) mean stay in hours.
        ln_prior: (G,) log prior weight, sums to one.
        turnaround_h: mean time until the berth is free after a ship has left, hours.
    """

    stages: int
    rate_per_h: NDArray[np.float64]
    stay_h: NDArray[np.float64]
    ln_prior: NDArray[np.float64]
    turnaround_h: float
    _steps: dict[int, Step] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, traffic: Traffic) -> BerthChain:
        """The chain that a traffic section describes."""
        shape = stay_shape(traffic)
        # Stays: means of _STAYS equally likely slices of the normal distribution of their logarithm.
        edges = norm.pdf(ndtri(np.linspace(0, 1, _STAYS + 1)))
        z = -np.diff(edges) * _STAYS
        stay = mean_stay_h(traffic) * np.exp(z * traffic.stay_sd_ln.value)
        mean = traffic.arrivals_per_day.value / 24
        # Rates: evenly in the logarithm; from 1/60 of the prior mean (nothing comes) to eight times it (1 in 3,000).
        rate = mean * np.geomspace(1 / 60, 8, _RATES)
        prior_shape = traffic.arrivals_shape.value
        ln_weight = gamma.logpdf(rate, prior_shape, scale=mean / prior_shape) + np.log(rate)
        ln_weight -= np.logaddexp.reduce(ln_weight)
        return cls(
            stages=shape,
            rate_per_h=np.repeat(rate, _STAYS),
            stay_h=np.tile(stay, _RATES),
            ln_prior=np.repeat(ln_weight, _STAYS) - np.log(_STAYS),
            turnaround_h=traffic.turnaround_h.value,
        )

    @property
    def states(self) -> int:
        """Number of states, 2k + 2."""
        return 2 * self.stages + 2

    @property
    def max_step_h(self) -> int:
        """Longest step that `step` may be asked for, hours."""
        return max(1, int(STEP_STAYS * self.stay_h.min()))

    @cached_property
    def stationary(self) -> NDArray[np.float64]:
        """(G, states) probabilities long after any start, no ship seen: each state's share of a cycle."""
        cycle_h = 1 / self.rate_per_h + self.stay_h + self.turnaround_h
        taken = np.repeat((self.stay_h / self.stages / cycle_h)[:, None], self.stages, axis=1)
        free, cleared = 1 / self.rate_per_h / cycle_h, self.turnaround_h / cycle_h
        return np.concatenate([free[:, None], taken, np.zeros_like(taken), cleared[:, None]], axis=1)

    def step(self, hours: int) -> Step:
        """What happens in a number of hours, 0 to ``max_step_h``."""
        if hours not in self._steps:
            self._steps[hours] = self._compute_step(hours)
        return self._steps[hours]

    def _compute_step(self, hours: int) -> Step:
        # With arrivals marked by z the transition matrix is sum over n of T_n z^n: a Fourier transform at the roots of
        # unity gives the T_n. Conjugates are left out, as for any real series.
        marked = np.broadcast_to(np.eye(self.stages + 2, dtype=complex), self._powers[0].shape)
        for bit, power in enumerate(self._powers):
            if hours >> bit & 1:
                marked = marked @ power
        by_count = np.fft.irfft(np.conj(marked), MAX_ARRIVALS, axis=1)
        by_count = np.maximum(np.moveaxis(by_count, 1, -1), 0.0)
        total = by_count.sum(axis=-1)

        k = self.stages
        # The ship on the berth stays: she passes j - i of the stages, a Poisson number.
        passed = np.arange(k)[None, :] - np.arange(k)[:, None]
        stays = poisson.pmf(passed, (k * hours / self.stay_h)[:, None, None])
        full = np.zeros((len(self.stay_h), self.states, self.states))
        unseen = np.array([*range(k + 1), 2 * k + 1])
        full[:, unseen[:, None], unseen] = total
        full[:, k + 1 : -1, unseen] = total[:, 1:-1]
        full[:, k + 1 : -1, 1 : k + 1] = np.maximum(total[:, 1:-1, 1:-1] - stays, 0.0)
        full[:, k + 1 : -1, k + 1 : -1] = stays
        nobody = by_count[..., 0] / np.maximum(total, 1e-30)
        return Step(full.astype(np.float32), by_count.astype(np.float32), nobody.astype(np.float32))

    @cached_property
    def _powers(self) -> list[NDArray[np.complex128]]:
        """(G, MAX_ARRIVALS // 2 + 1, k+2, k+2) marked transition matrices of 1, 2, 4, ... hours."""
        k, g = self.stages, len(self.rate_per_h)
        z = np.exp(2j * np.pi * np.arange(MAX_ARRIVALS // 2 + 1) / MAX_ARRIVALS)
        generator = np.zeros((g, len(z), k + 2, k + 2), complex)
        generator[..., 0, 0] = -self.rate_per_h[:, None]
        generator[..., 0, 1] = self.rate_per_h[:, None] * z
        passing = (k / self.stay_h)[:, None]
        for i in range(1, k + 1):
            generator[..., i, i] = -passing
            generator[..., i, i + 1] = passing
        generator[..., k + 1, k + 1] = -1 / self.turnaround_h
        generator[..., k + 1, 0] = 1 / self.turnaround_h
        powers = [np.asarray(expm(generator), np.complex128)]
        while 2 ** len(powers) <= self.max_step_h:
            powers.append(powers[-1] @ powers[-1])
        return powers


def stay_shape(traffic: Traffic) -> int:
    """Shape k of the gamma distribution of stays whose 95 % point is as many times its 5 % point as the file says.

    Stays of 12 to 48 h, a ratio of 4.0, give k = 6 (ratio 4.02).
    """
    ratio = traffic.stay_h.high / traffic.stay_h.low
    shapes = np.arange(1, 9)
    ratios = gamma.ppf(0.95, shapes) / gamma.ppf(0.05, shapes)
    return int(shapes[np.argmin(np.abs(np.log(ratios / ratio)))])


def mean_stay_h(traffic: Traffic) -> float:
    """Mean of the gamma distribution of stays whose median is the file's, hours: 25.4 h for a median of 24 h."""
    shape = stay_shape(traffic)
    return traffic.stay_h.mode / float(gamma(shape, scale=1 / shape).ppf(0.5))
