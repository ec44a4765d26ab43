"""The tables of the page, cell by cell as they are printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..configs.cargo import load_cargo
from ..estimation.estimate import Estimate
from . import wording
from .summary import cap_title, oil_looks
from .tables import rows_of

_MAX_LOOKS = 400
_TRAFFIC, _FROM_VOSTOCHNY = "Stays, round trips, arrivals", "defaults taken from the Vostochny trade; for another trade"
Cells = tuple[str, ...]


def throughput(estimate: Estimate) -> list[Cells]:
    """How busy each oil berth was."""
    names: dict[str, str] = {berth.id: berth.name for berth in estimate.port.berths}

    def interval(row: Any, name: str, digits: int) -> str:
        low, mid, high = (getattr(row, f"{name}_{q}") for q in ("p05", "p50", "p95"))
        return f"{mid:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"

    return [
        (
            names[row.berth_id], f"{row.n_looks}", f"{row.n_clear}", f"{row.n_occupied}",
            wording.percent(row.occupancy), interval(row, "arrivals_per_day", 2), interval(row, "stay_h", 0),
            interval(row, "visits", 0), wording.probability(row.p_seen),
        )
        for row in rows_of(estimate.throughput)
    ]  # fmt: skip


def look_table(estimate: Estimate) -> list[Cells]:
    """Looks as a table, of all berths while that is readable, else of the oil berths, else none (there is CSV)."""
    names: dict[str, str] = {berth.id: berth.name for berth in estimate.port.berths}
    looks = estimate.observations
    if len(looks) > _MAX_LOOKS:
        looks = oil_looks(estimate)
    if len(looks) > _MAX_LOOKS:
        return []
    return [
        (
            wording.short_moment(look.acquired_at), names[look.berth_id], look.state,
            wording.percent(look.observed_fraction), look.scene_id,
        )
        for look in rows_of(looks)
    ]  # fmt: skip


def totals(estimate: Estimate) -> list[Cells]:
    """Visits and barrels of the whole period, seen, unseen and together."""
    names = {"seen": "Seen", "unseen": "Unseen", "total": "Seen and unseen"}
    rows = []
    for part, name in names.items():
        total = estimate.total(part)
        rows.append((
            name, wording.quantile_range(total, "visits"), wording.barrels(total["barrels_p50"]),
            wording.barrel_range(total["barrels_p25"], total["barrels_p75"]),
            wording.barrel_range(total["barrels_p05"], total["barrels_p95"]),
            *(wording.barrels(total[f"barrels_laden_{s}"]) for s in (33, 50, 90)),
        ))  # fmt: skip
    return rows


def years(estimate: Estimate) -> list[Cells]:
    """Each calendar year against the cap; none without a cap."""
    rows = []
    for year in estimate.ledger.by_year.to_dict("records"):
        if pd.isna(year["cap_bbl"]):
            continue
        low, mid, high = (wording.percent(year[f"total_fraction_of_cap_{q}"]) for q in ("p05", "p50", "p95"))
        passed_by = year["total_cap_passed_by_p50"]
        rows.append((
            str(year["year"]), wording.period(year["start"], year["end"]), wording.barrels(year["cap_bbl"]),
            _no_reports(year) if pd.isna(year["reported_bbl"]) else wording.barrels(year["reported_bbl"]),
            f"{mid} ({low} to {high})", wording.probability(year["seen_probability_cap_passed"]),
            wording.probability(year["total_probability_cap_passed"]), _with_reported(year),
            "not in this period" if pd.isna(passed_by) else wording.day(passed_by),
        ))  # fmt: skip
    return rows


def _with_reported(year: Mapping[Any, Any]) -> str:
    """Share of the cap when estimate and reports are of the same cargoes, and when no cargo is in both."""
    if pd.isna(year["reported_bbl"]):
        return _no_reports(year)
    larger, total = (year[f"total_{how}_reported_fraction_of_cap_p50"] for how in ("or", "plus"))
    return f"{wording.percent(larger)} (larger of both) to {wording.percent(total)} (sum)"


def _no_reports(year: Mapping[Any, Any]) -> str:
    """What stands in place of reported barrels: no list was given, or no line of it counts."""
    return "none within the period" if year["reported_lines"] == 0 else "none given"


def cap_source(estimate: Estimate) -> str:
    """The cap's name and where it comes from; empty without a cap."""
    cap = estimate.cargo.caps.get(estimate.ledger.cap_name or "")
    return f"{wording.capitalised(cap_title(estimate))}. Source: {cap.source}." if cap else ""


def size_classes(estimate: Estimate) -> list[Cells]:
    """Visits and barrels by part and size class."""
    return [
        (
            row.part, row.size_class, f"{row.visits_mean:.1f}", wording.barrels(row.barrels_mean),
            wording.barrel_range(row.barrels_p05, row.barrels_p95),
        )
        for row in rows_of(estimate.by_size_class)
    ]  # fmt: skip


@dataclass(frozen=True)
class Knowledge:
    """A number that the answer rests on, as text, and where it comes from."""

    name: str
    value: str
    source: str


def knowledge(estimate: Estimate) -> list[tuple[str, list[Knowledge]]]:
    """Numbers by status: observed, assessed, assumed."""
    groups: dict[str, list[Knowledge]] = {"observed": _observed(estimate), "assessed": [], "assumed": []}
    for row in rows_of(estimate.assumptions):
        groups[row.status].append(Knowledge(row.name, _number_with_range(row), row.source))
    return list(groups.items())


def _observed(estimate: Estimate) -> list[Knowledge]:
    """What the pictures themselves show."""
    looks, pictures = oil_looks(estimate), "the pictures listed under Provenance"
    n_clear, n_occupied = int(looks.state.ne("unobserved").sum()), int(looks.state.eq("occupied").sum())
    entries = [Knowledge("pictures searched", f"{len(estimate.records)}", "files and their SHA-256 under Provenance")]
    if len(looks):
        entries += [
            Knowledge("clear looks at an oil berth", f"{n_clear} of {len(looks)}", pictures),
            Knowledge("of these, a ship alongside", f"{n_occupied}", pictures),
        ]
    counted = estimate.visits[estimate.visits.counts]
    if len(counted):
        low, high = counted.length_m.min(), counted.length_m.max()
        lengths = f"{low:.0f} m" if round(low) == round(high) else f"{low:.0f} to {high:.0f} m"
        entries.append(Knowledge("lengths of the ships alongside", lengths, "measured on the hull boxes drawn above"))
    return entries


def defaults_note(estimate: Estimate) -> str:
    """Which of the assumptions are those of another trade unless the user chose them; "" where none are."""
    shipped = load_cargo()
    if estimate.cargo.traffic != shipped.traffic:
        return ""
    if (estimate.product, estimate.cargo.products) != (shipped.default_product, shipped.products):
        return f"{_TRAFFIC} are {_FROM_VOSTOCHNY} give --cargo."
    return f"{_TRAFFIC} and the product are {_FROM_VOSTOCHNY} give --cargo and --product."


def _number_with_range(row: Any) -> str:
    unit = f" {row.unit}" if row.unit else ""
    value = "" if pd.isna(row.value) else f"{row.value:,.4g}"
    if pd.isna(row.low) or pd.isna(row.high):
        return f"{value}{unit}"
    return f"{value} ({row.low:,.4g} to {row.high:,.4g}){unit}"
