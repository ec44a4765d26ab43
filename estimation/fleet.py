"""The hulls behind the visits: ships come back, and visits by one hull share her size.

Visits draw their hull from an unknown fleet (a Dirichlet process of concentration alpha over lognormal deadweights):
a visit is by a hull that has called n times before with weight n, by a new one with weight alpha. Everything here is on
the scale of x = ln(DWT in tonnes) as the regression reads it from the measured size:

    x of a visit = u of her hull + error of measurement,     u ~ N(M, S^2) over the port's fleet,   M ~ N(M0, T^2),
    ln DWT       = u + scatter of the hull about the regression + bias common to all ships.

Calls that no picture showed draw from the same fleet: mostly hulls that were seen at other times, some new ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHAINS = 16  # partitions of the visits into hulls that are kept; draw d uses chain d % _CHAINS
_SWEEPS = 3
# New hulls with a share of their own; at alpha = 8 those beyond have (8/9)^24 = 6 % of the new ones' calls.
_STICKS = 24
_MAX_HULLS = 64  # seen at one berth; 400 calls at alpha = 8 are by about 31


@dataclass(frozen=True)
class FleetPrior:
    """What is believed of the ships of B berths before any picture; arrays (B,) of ln DWT.

    Attributes:
        centre: M0.
        centre_sd: T, of the fleet's mean about M0.
        spread_sd: S, of hulls about the fleet's mean.
        scatter_sd: of true ln DWT about the regression, for a hull of the usual size.
        concentration: alpha.
    """

    centre: NDArray[np.float64]
    centre_sd: NDArray[np.float64]
    spread_sd: NDArray[np.float64]
    scatter_sd: NDArray[np.float64]
    concentration: float


@dataclass(frozen=True)
class Measured:
    """Measured visits of B lanes, V at most; where ``present`` is False the rest means nothing. Arrays (B, V).

    Attributes:
        present: bool.
        x: ln DWT read from the measured size.
        error_sd: of x, from the measurement alone.
        scatter_sd: of the hull's true ln DWT about the regression.
        real: bool, False for what is likelier a false alarm: it tells nothing of the other ships, nor they of it.
    """

    present: NDArray[np.bool_]
    x: NDArray[np.float64]
    error_sd: NDArray[np.float64]
    scatter_sd: NDArray[np.float64]
    real: NDArray[np.bool_]


@dataclass(frozen=True)
class Fleet:
    """Hulls in each draw.

    Attributes:
        seen_ln_dwt: (B, D, V) ln DWT of each visit's hull (common bias not included).
        share: (B, D, H) cumulative share of calls by each hull, seen and new, for calls that no picture showed.
        ln_dwt: (B, D, H) of those hulls.
    """

    seen_ln_dwt: NDArray[np.float64]
    share: NDArray[np.float64]
    ln_dwt: NDArray[np.float64]

    def unseen_ln_dwt(
        self, lane: NDArray[np.int64], draw: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """ln DWT for calls (m,) that no picture showed, of the given lanes and draws."""
        hulls = self.share.shape[2]
        row = lane * self.share.shape[1] + draw
        # All rows end to end, each raised by its number: one ascending list, in which one search finds row and hull.
        raised = (self.share.reshape(-1, hulls) + np.arange(self.share[..., 0].size)[:, None]).ravel()
        found = np.searchsorted(raised, row + rng.random(len(row)))
        return self.ln_dwt.ravel()[np.clip(found, row * hulls, row * hulls + hulls - 1)]


def sample_fleet(visits: Measured, prior: FleetPrior, *, draws: int, rng: np.random.Generator) -> Fleet:
    """Draw which visits are by one hull, the hulls' sizes, and their shares of the calls.

    Args:
        visits: B lanes of up to V visits.
        prior: for the lanes.
        draws: D.
        rng: source of randomness.
    """
    labels = _partitions(visits, prior, rng)
    lanes = len(visits.x)
    chain = np.arange(draws) % _CHAINS
    n, weight, weighted = _hull_sums(labels, visits)
    centre, centre_sd = _fleet_mean(n, weight, weighted, prior)
    mean = (centre[:, chain] + centre_sd[:, chain] * rng.standard_normal((lanes, draws)))[:, :, None]
    spread, scatter = prior.spread_sd[:, None, None], prior.scatter_sd[:, None, None]

    hulls = _draw_hulls(mean, spread, weight[:, chain], weighted[:, chain], rng)
    hulls += _hull_scatter(labels, visits, prior)[:, chain] * rng.standard_normal(hulls.shape)
    fresh = mean + np.hypot(spread, scatter) * rng.standard_normal((lanes, draws, _STICKS))

    w = visits.error_sd[:, None, :] ** -2.0
    loners = _draw_hulls(mean, spread, w, w * visits.x[:, None, :], rng)
    loners += visits.scatter_sd[:, None, :] * rng.standard_normal(loners.shape)
    label = labels[:, chain]
    return Fleet(
        seen_ln_dwt=np.where(label >= 0, np.take_along_axis(hulls, np.maximum(label, 0), axis=2), loners),
        share=_shares(n[:, chain], prior.concentration, rng),
        ln_dwt=np.concatenate([hulls, fresh], axis=2),
    )


def _draw_hulls(
    mean: NDArray[np.float64],
    spread: NDArray[np.float64],
    weight: NDArray[np.float64],
    weighted: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """u of hulls N(mean, spread^2) measured with precision ``weight``: a draw from the normal posterior."""
    precision = spread**-2.0 + weight
    expected = (mean * spread**-2.0 + weighted) / precision
    return expected + precision**-0.5 * rng.standard_normal(expected.shape)


def _partitions(visits: Measured, prior: FleetPrior, rng: np.random.Generator) -> NDArray[np.int64]:
    """(B, _CHAINS, V) hull number of each visit, by Gibbs sampling; -1 where there is none."""
    lanes, width = visits.x.shape
    labels = np.full((lanes, _CHAINS, width), -1)
    n, weight, weighted = (np.zeros((lanes, _CHAINS, min(width, _MAX_HULLS))) for _ in range(3))
    mean = np.repeat(prior.centre[:, None], _CHAINS, axis=1)
    chain = np.arange(_CHAINS)[None, :]
    for sweep in range(_SWEEPS if width else 0):
        for v in range(width):
            lane = np.flatnonzero(visits.real[:, v])[:, None]
            x, w = visits.x[lane, v], visits.error_sd[lane, v] ** -2.0
            if sweep:
                old = labels[lane, chain, v]
                n[lane, chain, old] -= 1
                weight[lane, chain, old] -= w
                weighted[lane, chain, old] -= w * x
            inside = lane[:, 0]
            # Hulls up to the last that has a visit, and an empty slot.
            hulls = slice(int(np.flatnonzero((n > 0.5).any(axis=(0, 1))).max(initial=-1)) + 2)
            spread = prior.spread_sd[inside, None, None] ** 2
            precision = 1 / spread + weight[inside, :, hulls]
            variance = 1 / precision + 1 / w[:, :, None]
            off = x[:, :, None] - (mean[inside, :, None] / spread + weighted[inside, :, hulls]) / precision
            ln_p = _ln_urn(n[inside, :, hulls], prior.concentration) - 0.5 * (off**2 / variance + np.log(variance))
            # Gumbel's trick: the largest of log probability plus Gumbel noise is a draw from the probabilities.
            noise = rng.gumbel(size=(len(inside), *n.shape[1:]))[:, :, hulls]
            new = np.argmax(ln_p + noise, axis=2)
            n[lane, chain, new] += 1
            weight[lane, chain, new] += w
            weighted[lane, chain, new] += w * x
            labels[lane, chain, v] = new
        centre, centre_sd = _fleet_mean(n, weight, weighted, prior)
        mean = centre + centre_sd * rng.standard_normal(mean.shape)
    return labels


def _ln_urn(n: NDArray[np.float64], concentration: float) -> NDArray[np.float64]:
    """Log weight of each hull's slot for the next visit: n calls before, or alpha for one slot that is still empty."""
    empty = n < 0.5
    first_empty = empty & (np.cumsum(empty, axis=2) == 1)
    with np.errstate(divide="ignore"):
        return np.log(np.where(empty, np.where(first_empty, concentration, 0.0), n))


def _fleet_mean(
    n: NDArray[np.float64], weight: NDArray[np.float64], weighted: NDArray[np.float64], prior: FleetPrior
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(B, _CHAINS) mean and sd of the fleet's mean M given its hulls."""
    safe = np.maximum(weight, 1e-12)
    precision = np.where(n > 0.5, 1 / (prior.spread_sd[:, None, None] ** 2 + 1 / safe), 0.0)
    total = prior.centre_sd[:, None] ** -2.0 + precision.sum(axis=2)
    centre = prior.centre[:, None] * prior.centre_sd[:, None] ** -2.0 + (precision * weighted / safe).sum(axis=2)
    return centre / total, total**-0.5


def _hull_sums(labels: NDArray[np.int64], visits: Measured) -> tuple[NDArray[np.float64], ...]:
    """Calls, precision and precision-weighted x of each hull: three (B, _CHAINS, H) arrays."""
    w = np.where(visits.real, visits.error_sd**-2.0, 0.0)
    return tuple(_add_up(labels, a) for a in (visits.real.astype(np.float64), w, w * visits.x))


def _add_up(labels: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, chains, H): values (B, V) summed by hull."""
    lanes, chains, width = labels.shape
    hulls = min(width, _MAX_HULLS)
    index = np.arange(lanes * chains).reshape(lanes, chains, 1) * hulls + np.maximum(labels, 0)
    spread = np.broadcast_to(values[:, None, :], labels.shape) * (labels >= 0)
    sums = np.bincount(index.ravel(), spread.ravel(), minlength=lanes * chains * hulls)
    return np.asarray(sums, np.float64).reshape(lanes, chains, hulls)


def _hull_scatter(labels: NDArray[np.int64], visits: Measured, prior: FleetPrior) -> NDArray[np.float64]:
    """(B, _CHAINS, H) scatter sd of each hull: mean over her visits."""
    n = _add_up(labels, visits.real.astype(np.float64))
    total = _add_up(labels, np.where(visits.real, visits.scatter_sd, 0.0))
    return np.where(n > 0, total / np.maximum(n, 1), prior.scatter_sd[:, None, None])


def _shares(n: NDArray[np.float64], concentration: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Cumulative shares of calls by seen hulls (n calls each) and new ones, a draw from the Dirichlet process."""
    seen = np.where(n > 0, rng.standard_gamma(np.maximum(n, 1e-9)), 0.0)
    # New hulls break the stick: each takes a Beta(1, alpha) part of what is left, the last one all of it.
    part = rng.beta(1.0, concentration, (*n.shape[:2], _STICKS))
    part[..., -1] = 1.0
    left = np.concatenate([np.ones_like(part[..., :1]), np.cumprod(1 - part, axis=2)[..., :-1]], axis=2)
    new = rng.standard_gamma(concentration, n.shape[:2])[..., None] * part * left
    shares = np.cumsum(np.concatenate([seen, new], axis=2), axis=2)
    return shares / shares[..., -1:]
