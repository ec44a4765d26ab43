"""Chart axes: where a value or a time lies in an SVG, and which ticks to draw."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pandas as pd
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.ticker import MaxNLocator


@dataclass(frozen=True)
class Tick:
    """A tick: its place along the axis in SVG units, its label ("" where there is no room), and that text's anchor."""

    at: float
    label: str
    anchor: str = "middle"

    def span(self) -> tuple[float, float]:
        """From where to where the label reaches; a letter of 13 px sans takes about 7 units."""
        width = 7.0 * len(self.label)
        left = self.at - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return left, left + width


@dataclass(frozen=True)
class ValueAxis:
    """Values from 0 to `top` on a vertical axis from `y_bottom` up to `y_top` (SVG units, y down)."""

    top: float
    y_bottom: float
    y_top: float

    def y(self, value: float) -> float:
        """SVG y of a value."""
        return self.y_bottom + (value / self.top) * (self.y_top - self.y_bottom)

    def values(self, n: int = 5) -> list[float]:
        """Round tick values within the axis, at most about `n` + 1 of them."""
        ticks = MaxNLocator(nbins=n, steps=[1, 2, 2.5, 5, 10]).tick_values(0.0, self.top)
        return [float(value) for value in ticks if 0 <= value <= self.top * 1.0001]


@dataclass(frozen=True)
class TimeAxis:
    """Times (UTC) from `start` to `end` on a horizontal axis from `x_left` to `x_right` (SVG units)."""

    start: datetime
    end: datetime
    x_left: float
    x_right: float

    @classmethod
    def spanning(cls, times: list[datetime], x_left: float, x_right: float) -> TimeAxis:
        """An axis that holds all `times` with a margin of 2 % (12 hours at least) on either side."""
        start, end = min(times), max(times)
        margin = max((end - start) * 0.02, timedelta(hours=12))
        return cls(start - margin, end + margin, x_left, x_right)

    def x(self, time: datetime | pd.Timestamp) -> float:
        """SVG x of a time; times beyond the axis are drawn at its ends."""
        share = (pd.Timestamp(time) - pd.Timestamp(self.start)).total_seconds() / (
            self.end - self.start
        ).total_seconds()
        return self.x_left + min(max(share, 0.0), 1.0) * (self.x_right - self.x_left)

    def ticks(self, n: int = 7) -> list[Tick]:
        """Calendar ticks; the first, and each that opens a new year, names the year. No two labels overlap."""
        locator = AutoDateLocator(tz=UTC, minticks=2, maxticks=n)
        with warnings.catch_warnings():
            # Where no interval gives so few ticks it warns and takes its longest: labels too many are dropped below.
            warnings.simplefilter("ignore", UserWarning)
            values = locator.tick_values(self.start, self.end)  # pyright: ignore[reportArgumentType] times are right
        stamps = [num2date(value, tz=UTC) for value in values]
        within = [stamp for stamp in stamps if self.start <= stamp <= self.end]
        ticks, year = [], None
        for stamp in within:
            tick = Tick(self.x(stamp), _date_label(stamp, self.end - self.start, stamp.year != year))
            left, right = tick.span()
            anchor = "start" if left < 0 else "end" if right > self.x_right + 10 else "middle"
            ticks.append(replace(tick, anchor=anchor))
            year = stamp.year
        return _without_overlap(ticks)


def _without_overlap(ticks: list[Tick]) -> list[Tick]:
    """The ticks, of two labels that overlap only the longer, as that names the year; else the earlier."""
    kept: list[Tick] = []
    for tick in ticks:
        before = next((i for i in reversed(range(len(kept))) if kept[i].label), None)
        if before is not None and kept[before].span()[1] + 6 > tick.span()[0]:
            if len(tick.label) > len(kept[before].label):
                kept[before] = replace(kept[before], label="")
            else:
                tick = replace(tick, label="")
        kept.append(tick)
    return kept


def _date_label(stamp: datetime, span: timedelta, name_year: bool) -> str:
    if span <= timedelta(days=2):
        return f"{stamp.day} {stamp:%b %H:%M}"
    if span > timedelta(days=365 * 4):
        return f"{stamp.year}"
    date = f"{stamp:%b}" if span > timedelta(days=300) and stamp.day == 1 else f"{stamp.day} {stamp:%b}"
    return f"{date} {stamp.year}" if name_year else date
