"""The numbers that the report shows large beside its first sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..estimation.estimate import Estimate
from . import unobserved, wording


@dataclass(frozen=True)
class Figure:
    """A number to show large, what it is, and what must be said with it."""

    label: str
    value: str
    notes: tuple[str, ...]


def figures(
    estimate: Estimate, looks: pd.DataFrame, seen: Mapping[str, float], total: Mapping[str, float]
) -> tuple[Figure, ...]:
    """Looks, visits and barrels of the oil berths, and each year's share of the cap.

    Args:
        estimate: the estimate.
        looks: rows of its `observations` that are of oil berths.
        seen, total: its totals of visits seen, and of those seen and unseen.
    """
    n_clear = int(looks.state.ne("unobserved").sum())
    shown = [
        Figure(
            "Looks at the oil berths" if looks.berth_id.nunique() > 1 else "Looks at the oil berth",
            f"{n_clear} of {len(looks)}",
            (
                f"in {wording.figure(len(estimate.records), 'scene')}",
                f"unobserved: {unobserved.in_words(estimate, looks)}" if n_clear < len(looks) else "none unobserved",
            ),
        ),
        Figure(
            "Visits seen",
            f"{int(estimate.visits.counts.sum())}",
            (
                f"sightings joined to visits; {wording.quantile_range(seen, 'visits')} (90%, median "
                f"{seen['visits_p50']:.0f}) allowing for false alarms and wrong joins",
                f"seen and unseen together: {wording.quantile_range(total, 'visits')} (90%)",
            ),
        ),
        Figure(
            "Barrels, visits seen",
            wording.barrels(seen["barrels_p50"]),
            ("without visits that no picture shows", *_bands(seen)),
        ),
        Figure("Barrels, seen and unseen", wording.barrels(total["barrels_p50"]), _bands(total)),
    ]
    for year in years_with_cap(estimate):
        low, high = (wording.percent(year[f"total_fraction_of_cap_{q}"]) for q in ("p05", "p95"))
        cap = f"of {wording.barrels(year['cap_bbl'])} barrels a year"
        shown += [
            Figure(
                f"Share of the {year['year']} cap",
                wording.percent(year["total_fraction_of_cap_p50"]),
                (cap, f"90%: {low} to {high}"),
            ),
            Figure(
                f"Probability that the {year['year']} cap was passed",
                wording.probability(year["total_probability_cap_passed"]),
                (f"by {wording.day(year['end'])}", f"by seen visits alone: {_passed_by_seen(year)}"),
            ),
        ]
    return tuple(shown)


def _passed_by_seen(year: Mapping[Any, Any]) -> str:
    return wording.probability(year["seen_probability_cap_passed"])


def _bands(part: Mapping[str, float]) -> tuple[str, str]:
    return (
        f"50%: {wording.barrel_range(part['barrels_p25'], part['barrels_p75'])}",
        f"90%: {wording.barrel_range(part['barrels_p05'], part['barrels_p95'])}",
    )


def years_with_cap(estimate: Estimate) -> list[dict[Any, Any]]:
    """Rows of the ledger's years that have a cap and a picture; the others are all assumption, left to the table."""
    pictured = {record.acquired_at.year for record in estimate.records if record.acquired_at is not None}
    years = estimate.ledger.by_year
    return [dict(y) for y in years.to_dict("records") if pd.notna(y["cap_bbl"]) and y["year"] in pictured]
