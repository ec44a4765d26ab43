"""Calls at oil berths in many possible histories: the one form in which numbers flow from visits to barrels to ledger.

Each *draw* is one complete history that fits the pictures: every visit seen, with a deadweight that fits its measured
length, and the visits that no picture showed. Anything asked of the estimate is a count or sum within each draw,
and its uncertainty the spread of that sum over the draws.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from .fleet import Fleet
from .histories import Histories
from .sightings import Sightings

_TURNS = 3

QUANTILES: tuple[float, ...] = (0.05, 0.25, 0.50, 0.75, 0.95)
QUANTILE_NAMES: tuple[str, ...] = ("p05", "p25", "p50", "p75", "p95")


@dataclass(frozen=True)
class Calls:
    """One element a call and draw, all arrays (m,).

    Attributes:
        draws: number of draws; ``draw`` runs from 0 to draws - 1, and a draw may have no call.
        draw: int64.
        at_s: float64, seconds since 1970-01-01 UTC; last sighting of a seen call, a likely time of an unseen one.
        berth: int64, index into ``port.berths``.
        visit: int64, row of the visits table, -1 for a call that no picture showed.
        ln_dwt: float64, natural logarithm of deadweight in tonnes.
        tanker: bool, False where the ship alongside is no tanker and loads nothing.
    """

    draws: int
    draw: NDArray[np.int64]
    at_s: NDArray[np.float64]
    berth: NDArray[np.int64]
    visit: NDArray[np.int64]
    ln_dwt: NDArray[np.float64]
    tanker: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.draw)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Whether a picture showed the call."""
        return self.visit >= 0

    def select(self, keep: NDArray[np.bool_]) -> Calls:
        """The calls where keep is True; the number of draws stays."""
        arrays = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name != "draws"}
        return Calls(draws=self.draws, **arrays)

    def numbered_through(self, berths: int) -> Calls:
        """The same calls with draws of its own for each of the berths: draw d of berth b becomes b * draws + d."""
        return replace(self, draws=berths * self.draws, draw=self.berth * self.draws + self.draw)

    def sum_by_draw(self, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(draws,) sum of weights (m,) in each draw; the number of calls when no weights are given."""
        return np.bincount(self.draw, weights, minlength=self.draws).astype(np.float64)


def join_calls(parts: list[Calls]) -> Calls:
    """Calls of several parts that share their draws (same histories)."""
    arrays = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Calls) if f.name != "draws"}
    return Calls(draws=parts[0].draws, **arrays)


def summarise(values: NDArray[np.float64], prefix: str) -> dict[str, float]:
    """Mean and quantiles over draws, as {"<prefix>_mean": ..., "<prefix>_p05": ..., ...}."""
    quantiles = np.quantile(values, QUANTILES)
    return {f"{prefix}_mean": float(values.mean())} | {
        f"{prefix}_{name}": float(q) for name, q in zip(QUANTILE_NAMES, quantiles, strict=True)
    }


def assemble_calls(
    histories: Histories,
    sightings: Sightings,
    visit: NDArray[np.int64],
    fleet: Fleet,
    *,
    tanker_share: float,
    tanker_share_weight: float,
    start_s: float,
    rng: np.random.Generator,
) -> Calls:
    """Calls of all lanes in all draws, from the histories and the hulls.

    In each draw a call seen takes the hull of the visit that its first sighting belongs to; ``visit`` numbers in the
    result are the given ones, ``berth`` is the lane.

    Args:
        histories: D draws of B lanes.
        sightings: S of them, as given to the histories.
        visit: (S,) number of each sighting's visit within its lane.
        fleet: hulls of the lanes.
        tanker_share, tanker_share_weight: prior share of tankers among the ships, and how many ships it is worth.
        start_s: seconds since 1970 at hour 0 of the histories.
        rng: source of randomness.
    """
    seen, evidence = _seen_calls(histories, sightings, visit, fleet)
    tanker, share = _tankers(seen, evidence, histories.stay_h.shape, tanker_share, tanker_share_weight, rng)
    seen = replace(seen, tanker=tanker)
    lane, draw = histories.unseen_lane, histories.unseen_draw
    unseen = Calls(
        draws=seen.draws,
        draw=draw,
        at_s=start_s + 3600 * histories.unseen_hour,
        berth=lane,
        visit=np.full(len(draw), -1),
        ln_dwt=fleet.unseen_ln_dwt(lane, draw, rng),
        tanker=rng.random(len(draw)) < share[lane, draw],
    )
    return join_calls([seen, unseen])


def _seen_calls(
    histories: Histories, sightings: Sightings, visit: NDArray[np.int64], fleet: Fleet
) -> tuple[Calls, NDArray[np.float64]]:
    """Runs of sightings of one ship in each draw; and (m,) log odds that the pictures give for tanker."""
    draws = histories.stay_h.shape[1]
    real = histories.real[sightings.look, sightings.lane]
    starts = real & ~histories.same[sightings.look, sightings.lane]
    first, draw = np.nonzero(starts)
    # Runs in order of draw, then lane and time: run i ends before run i + 1 of its draw begins.
    order = np.lexsort((first, draw))
    first, draw = first[order], draw[order]
    run = np.cumsum(starts.T.ravel()).reshape(draws, -1).T - 1
    members = real.astype(np.float64)
    log_odds = np.bincount(run[real], (members * sightings.tanker_log_odds[:, None])[real], minlength=len(first))
    count = np.bincount(run[real], minlength=len(first))
    last_s = np.zeros(len(first))
    np.maximum.at(last_s, run[real], np.broadcast_to(sightings.at_s[:, None], real.shape)[real])
    lane = sightings.lane[first]
    calls = Calls(
        draws=draws,
        draw=draw,
        at_s=last_s,
        berth=lane,
        visit=visit[first],
        ln_dwt=fleet.seen_ln_dwt[lane, draw, visit[first]],
        tanker=np.ones(len(first), bool),
    )
    # Sightings of one hull by one model err alike: their log odds are averaged.
    return calls, log_odds / np.maximum(count, 1)


def _tankers(
    seen: Calls,
    evidence: NDArray[np.float64],
    shape: tuple[int, ...],
    prior: float,
    weight: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(m,) which of the ships seen are tankers, and (B, D) the berth's share of tankers, in each draw.

    The share tells of each ship and the ships of the share: drawn by turns, each given the other (Gibbs sampling).
    """
    cell = seen.berth * shape[1] + seen.draw
    cells = shape[0] * shape[1]
    ships = np.bincount(cell, minlength=cells)
    share = np.full(cells, prior)
    tanker = np.ones(len(seen), bool)
    for _ in range(_TURNS):
        tanker = rng.random(len(seen)) < expit(evidence + logit(share)[cell])
        tankers = np.bincount(cell, tanker, minlength=cells)
        share = rng.beta(weight * prior + tankers, weight * (1 - prior) + ships - tankers)
        share = np.clip(share, 1e-6, 1 - 1e-6)
    return tanker, share.reshape(shape)
