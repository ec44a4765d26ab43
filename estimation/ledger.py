"""Cumulative barrels by date, set against a cap that holds for a calendar year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .calls import QUANTILE_NAMES, QUANTILES, Calls, summarise


@dataclass(frozen=True)
class Ledger:
    """Barrels added up over time, with 50 % and 90 % bands, against a cap.

    Attributes:
        cap_name: name of the cap in ``cargo.caps`` (None: no cap; then cap columns are NaN).
        cap_bbl_per_year: barrels a calendar year (None: no cap).
        by_date: one row a UTC day of the period, both ends included, starting anew at zero each 1 January (nothing
            is carried over): ``date`` (datetime64[ns, UTC] midnight that ends the day's sum: all loaded before it),
            ``year`` int, ``seen_p05`` .. ``seen_p95``, ``seen_mean``, ``total_p05`` .. ``total_p95``,
            ``total_mean`` (cumulative barrels), ``total_laden_33``, ``total_laden_50``, ``total_laden_90``
            (posterior means), ``reported`` (cumulative barrels that states notified; NaN in a year with none).
        by_year: one row a calendar year touched by the period: ``year`` int, ``start``, ``end`` (covered part),
            ``cap_bbl``, ``reported_bbl`` (NaN when none given), ``reported_lines`` (how many deliveries reported that
            is; NaN when none given at all), and for both parts X in {seen, total}:
            ``X_p05`` .. ``X_p95``, ``X_mean`` barrels; ``X_laden_33``, ``X_laden_50``, ``X_laden_90`` (posterior
            means);
            ``X_fraction_of_cap_p05``, ``_p50``, ``_p95``; ``X_probability_cap_passed``;
            ``X_cap_passed_by_p05``, ``_p50``, ``_p95`` (dates by which the cap is passed with probability 5, 50 and
            95 %; NaT when that probability is not reached in the period). Those of X hold no reported barrels, since
            nobody knows which cargoes were both estimated and reported. Two bounds do, under X in
            {total_or_reported, total_plus_reported}, without ``X_mean`` and ``X_laden_``: the larger of the two (every
            delivery reported is one of those estimated, or the other way round) and the sum (no cargo is both).
            Without reported barrels both are NaN and NaT. Caps of years before their first are NaN.
    """

    cap_name: str | None
    cap_bbl_per_year: float | None
    by_date: pd.DataFrame
    by_year: pd.DataFrame


def build_ledger(
    calls: Calls,
    barrels: NDArray[np.float64],
    scenarios: Mapping[str, NDArray[np.float64]],
    period: tuple[datetime, datetime],
    *,
    cap_name: str | None = None,
    cap_bbl_per_year: float | None = None,
    cap_from_year: int = 0,
    reported: pd.DataFrame | None = None,
) -> Ledger:
    """Add the barrels of calls up by date.

    Args:
        calls: of all draws; m elements.
        barrels: (m,) of each call.
        scenarios: "33", "50", "90" -> (m,) barrels.
        period: (start, end), aware.
        cap_name, cap_bbl_per_year: the cap, if any.
        cap_from_year: the first calendar year that the cap holds for.
        reported: columns ``date`` (aware) and ``barrels`` that states notified; ``left_out`` says which do not count.
    """
    days = _days(period)
    day = np.clip(((calls.at_s - days[0].timestamp()) // 86_400).astype(np.int64), 0, len(days) - 1)
    year = days.year.to_numpy()
    reported = None if reported is None else reported[_counts(reported, days)]
    notified = _reported_by_day(reported, days, year)
    columns: dict[str, NDArray[np.float64]] = {}
    rows: list[dict[str, Any]] = [
        {"year": int(y), "start": max(period[0], datetime(y, 1, 1, tzinfo=UTC)),
         "end": min(period[1], datetime(y + 1, 1, 1, tzinfo=UTC)),
         "cap_bbl": (cap_bbl_per_year or np.nan) if y >= cap_from_year else np.nan,
         "reported_bbl": notified[year == y][-1],
         "reported_lines": np.nan if reported is None else float((reported["date"].dt.year == y).sum())}
        for y in np.unique(year)
    ]  # fmt: skip
    for part, keep in (("seen", calls.seen), ("total", np.ones(len(calls), bool))):
        cumulative = _cumulative(calls.draw[keep], day[keep], barrels[keep], calls.draws, year)
        columns |= _quantile_columns(cumulative, part)
        means = {
            name: _cumulative(np.zeros(keep.sum(), np.int64), day[keep], b[keep], 1, year)[0] / calls.draws
            for name, b in scenarios.items()
        }
        if part == "total":
            columns |= {f"total_laden_{name}": m for name, m in means.items()}
        for row in rows:
            of_year = year == row["year"]
            last = int(np.flatnonzero(of_year)[-1])
            row |= summarise(cumulative[:, last], part) | {f"{part}_laden_{n}": m[last] for n, m in means.items()}
            against = {part: cumulative[:, of_year]}
            if part == "total":
                against["total_or_reported"] = np.maximum(against[part], notified[of_year])
                against["total_plus_reported"] = against[part] + notified[of_year]
            for name, together in against.items():
                row |= _quantiles_at_end(together, name) if name != part else {}
                row |= _against_cap(together, days[of_year], row["cap_bbl"], name)
    by_date = pd.DataFrame({"date": (days + pd.Timedelta(days=1)).as_unit("ns"), "year": year, **columns})
    by_date["reported"] = notified
    by_year = pd.DataFrame(rows)
    for name in by_year.columns:
        if name in ("start", "end") or "_passed_by_" in name:
            by_year[name] = pd.to_datetime(by_year[name], utc=True).dt.as_unit("ns")
    return Ledger(cap_name, cap_bbl_per_year, by_date, by_year)


def left_out(reported: pd.DataFrame | None, period: tuple[datetime, datetime]) -> tuple[str, ...]:
    """A warning of the deliveries reported that do not count; none where all do, or none were given."""
    days = _days(period)
    if reported is None or (counts := _counts(reported, days)).all():
        return ()
    n, barrels = int((~counts).sum()), float(reported.loc[~counts, "barrels"].sum())
    lines, are = ("line", ("lies", "is")) if n == 1 else ("lines", ("lie", "are"))
    return (
        f"Of the deliveries reported, {n} {lines} with {barrels:,.0f} barrels {are[0]} outside the period "
        f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d} and {are[1]} left out. Those before it in {days[0].year} count: a "
        "cap is of a calendar year.",
    )


def _counts(reported: pd.DataFrame, days: pd.DatetimeIndex) -> pd.Series:
    """Whether each delivery counts: none after the period's last day, none of a year before its first.

    A cap is of a calendar year, so what was delivered earlier in the first year counts towards it.
    """
    date = reported["date"]
    return (date.dt.year >= days[0].year) & (date < days[-1] + pd.Timedelta(days=1))


def _days(period: tuple[datetime, datetime]) -> pd.DatetimeIndex:
    """Midnights that begin the UTC days of a period; the day that its end begins is not of it."""
    start, end = (pd.Timestamp(t).tz_convert("UTC") for t in period)
    return pd.date_range(start.floor("D"), max(start, end - pd.Timedelta(microseconds=1)).floor("D"), freq="D")


def _cumulative(
    draw: NDArray[np.int64], day: NDArray[np.int64], barrels: NDArray[np.float64], draws: int, year: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(draws, days) barrels since 1 January or the start."""
    n = len(year)
    daily = np.asarray(np.bincount(draw * n + day, barrels, minlength=draws * n), np.float64).reshape(draws, n)
    for y in np.unique(year):
        daily[:, year == y] = np.cumsum(daily[:, year == y], axis=1)
    return daily


def _quantile_columns(cumulative: NDArray[np.float64], part: str) -> dict[str, NDArray[np.float64]]:
    quantiles = np.quantile(cumulative, QUANTILES, axis=0)
    named = {f"{part}_{name}": q for name, q in zip(QUANTILE_NAMES, quantiles, strict=True)}
    return named | {f"{part}_mean": cumulative.mean(axis=0)}


def _reported_by_day(
    reported: pd.DataFrame | None, days: pd.DatetimeIndex, year: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(days,) barrels notified since 1 January; NaN in a year of which none were: that is not to report 0 barrels."""
    total = np.full(len(days), np.nan)
    if reported is None:
        return total
    for i, (midnight, y) in enumerate(zip(days, year, strict=True)):
        of_year = reported["date"].dt.year == y
        if of_year.any():
            total[i] = reported.loc[of_year & (reported["date"] < midnight + pd.Timedelta(days=1)), "barrels"].sum()
    return total


def _quantiles_at_end(cumulative: NDArray[np.float64], part: str) -> dict[str, float]:
    values = np.quantile(cumulative[:, -1], QUANTILES)
    return {f"{part}_{name}": float(value) for name, value in zip(QUANTILE_NAMES, values, strict=True)}


def _against_cap(
    cumulative: NDArray[np.float64], days: pd.DatetimeIndex, cap_bbl: float, part: str
) -> dict[str, object]:
    """Columns of ``Ledger.by_year`` about the cap, for one year's (draws, days) barrels; NaN where either is."""
    passed = (cumulative > cap_bbl).mean(axis=0)
    row: dict[str, object] = {
        f"{part}_fraction_of_cap_{name}": float(np.quantile(cumulative[:, -1] / cap_bbl, p))
        for name, p in (("p05", 0.05), ("p50", 0.50), ("p95", 0.95))
    }
    known = not np.isnan(cumulative[0, -1] / cap_bbl)
    row[f"{part}_probability_cap_passed"] = float(passed[-1]) if known else np.nan
    for name, p in (("p05", 0.05), ("p50", 0.50), ("p95", 0.95)):
        reached = np.flatnonzero(passed >= p) if known else []
        row[f"{part}_cap_passed_by_{name}"] = days[reached[0]] + pd.Timedelta(days=1) if len(reached) else pd.NaT
    return row
