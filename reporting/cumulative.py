"""The chart of cumulative barrels against the cap, laid out as SVG paths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from ..estimation.estimate import Estimate
from . import wording
from .axes import Tick, TimeAxis, ValueAxis
from .tables import rows_of


@dataclass(frozen=True)
class Reading:
    """A day's numbers, for the tooltip over its column."""

    x: float
    width: float
    tip: str


@dataclass(frozen=True)
class CumulativeChart:
    """The chart laid out for one width; all lengths are SVG units.

    Paths are SVG `d` strings, one for each calendar year joined into one, as the sum starts anew on 1 January.
    """

    name: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    band_90: str
    band_50: str
    median: str
    seen: str
    reported: str
    visits_x: tuple[float, ...]
    cap_y: float | None
    cap_label: str
    off_chart_cap: str
    value_ticks: tuple[tuple[float, str], ...]
    time_ticks: tuple[Tick, ...]
    readings: tuple[Reading, ...]
    end_labels: tuple[tuple[float, str, str], ...]


def lay_out_cumulative(estimate: Estimate, *, narrow: bool, enlarged: bool = False) -> CumulativeChart | None:
    """The chart for a page or a telephone; None for less than two days, which make no curve.

    The axis holds the cap unless `enlarged`, which shows the bands alone.
    """
    days = estimate.ledger.by_date
    if len(days) < 2:
        return None
    cap = estimate.ledger.cap_bbl_per_year
    width, height, left, right = (350.0, 260.0, 44.0, 340.0) if narrow else (1000.0, 390.0, 62.0, 836.0)
    highest = max(
        float(days.total_p95.max()), float(days.seen_p95.max()), float(days.reported.max(skipna=True) or 0), 1.0
    )
    holds_cap = cap is not None and not (enlarged and highest < cap)
    axis = ValueAxis(1.08 * max(highest, cap if holds_cap and cap else 0.0), height - 34.0, 16.0)
    start = pd.Timestamp(estimate.period[0]).floor("D")
    times = TimeAxis(start.to_pydatetime(), days.date.iloc[-1].to_pydatetime(), left, right)
    years = [_from_zero(group) for _, group in days.groupby("year", sort=True)]

    def band(low: str, high: str) -> str:
        return " ".join(_area(_points(y, high, times, axis), _points(y, low, times, axis)) for y in years)

    def line(name: str) -> str:
        return " ".join(
            _line(_points(y.dropna(subset=[name]), name, times, axis)) for y in years if y[name].notna().any()
        )

    last = days.iloc[-1]
    return CumulativeChart(
        name=f"{'narrow' if narrow else 'wide'}{'-enlarged' if enlarged else ''}",
        width=width, height=height, left=left, right=right, top=16.0, bottom=height - 34.0,
        band_90=band("total_p05", "total_p95"),
        band_50=band("total_p25", "total_p75"),
        median=line("total_p50"),
        seen=line("seen_p50"),
        reported=line("reported") if days.reported.notna().any() else "",
        visits_x=tuple(times.x(time) for time in estimate.loadings.loaded_at),
        cap_y=axis.y(cap) if holds_cap and cap else None,
        cap_label=f"cap: {wording.barrels(cap)} barrels a year" if cap else "",
        off_chart_cap="" if holds_cap or not cap else f"The cap lies {cap / axis.top:.1f} times as high as this chart.",
        value_ticks=tuple((axis.y(value), _short(value)) for value in axis.values(4 if narrow else 6)),
        time_ticks=tuple(times.ticks(4 if narrow else 10)),
        readings=_readings(days, times),
        end_labels=_end_labels(last, axis),
    )  # fmt: skip


def is_flat(estimate: Estimate) -> bool:
    """Whether the bands take less than a third of a chart that holds the cap, so that an enlarged one helps."""
    cap = estimate.ledger.cap_bbl_per_year
    return cap is not None and len(estimate.ledger.by_date) > 0 and estimate.ledger.by_date.total_p95.max() < cap / 3


def _from_zero(group: pd.DataFrame) -> pd.DataFrame:
    """A year's rows with a row of nothing a day before the first: sums are of all days before the date."""
    zero = group.iloc[[0]].copy()
    quantities = [name for name in group.columns if name not in ("date", "year")]
    zero[quantities] = zero[quantities].where(zero[quantities].isna(), 0.0)
    zero["date"] = zero.date - pd.Timedelta(days=1)
    return pd.concat([zero, group], ignore_index=True)


def _points(days: pd.DataFrame, name: str, times: TimeAxis, axis: ValueAxis) -> list[tuple[float, float]]:
    return [(times.x(date), axis.y(value)) for date, value in zip(days.date, days[name], strict=True)]


def _line(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _area(upper: list[tuple[float, float]], lower: list[tuple[float, float]]) -> str:
    return _line([*upper, *reversed(lower)]) + "Z"


def _short(value: float) -> str:
    """Axis label: 0, 50k, 1.2M."""
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"


def _readings(days: pd.DataFrame, times: TimeAxis) -> tuple[Reading, ...]:
    step = max(1, len(days) // 120)
    chosen = days.iloc[::step]
    width = (times.x_right - times.x_left) / max(1, len(chosen))
    return tuple(
        Reading(
            times.x(day.date) - width,
            width,
            f"Before {wording.day(day.date)}: {wording.barrels(day.total_p50)} barrels, seen and unseen "
            f"(90%: {wording.barrel_range(day.total_p05, day.total_p95)}); {wording.barrels(day.seen_p50)} seen",
        )
        for day in rows_of(chosen)
    )


def _end_labels(last: pd.Series, axis: ValueAxis) -> tuple[tuple[float, str, str], ...]:
    """(y, class, text) of the labels right of the lines' ends, pushed apart where they would touch."""
    wanted = [
        (axis.y(last.total_p95), "quiet", f"{_short(wording.round_significant(last.total_p95, 3))} (95%)"),
        (axis.y(last.total_p50), "total", f"{_short(wording.round_significant(last.total_p50, 3))} seen + unseen"),
        (axis.y(last.seen_p50), "seen", f"{_short(wording.round_significant(last.seen_p50, 3))} seen"),
        (axis.y(last.total_p05), "quiet", f"{_short(wording.round_significant(last.total_p05, 3))} (5%)"),
    ]
    placed, lowest = [], -100.0
    for y, role, text in sorted(wanted, key=lambda item: item[0]):
        lowest = max(y, lowest + 16.0)
        placed.append((lowest, role, text))
    overflow = max(0.0, lowest - axis.y_bottom - 4.0)
    return tuple((y - overflow, role, text) for y, role, text in placed)
