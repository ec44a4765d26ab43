"""Calls at oil berths in many possible histories: the one form in which numbers flow from visits to barrels to ledger.

Each *draw* is one complete history that fits the pictures: every visit seen, with a deadweight that fits its measured
length, and the visits that no picture showed. Anything asked of the estimate is a count or sum within each draw,
and its uncertainty the spread of that sum over the draws.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

QUANTILES: tuple[float, ...] = (0.05, 0.25, 0.50, 0.75, 0.95)
QUANTILE_NAMES: tuple[str, ...] = ("p05", "p25", "p50", "p75", "p95")


@dataclass(frozen=True)
class Calls:
    """One element a call and draw, all arrays (m,).

    Attributes:
        draws: number of draws; ``draw`` runs from 0 to draws - 1, and a draw may have no call.
        draw: int64.
        at_s: float64, seconds since 1970-01-01 UTC; last sighting of a seen call, a likely time of an unseen one.
        berth: int64, index into ``port.oil_berths``.
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
