"""Chart axes: where a value or a time lies in an SVG, and which ticks to draw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.ticker import MaxNLocator


@dataclass(frozen=True)
class Tick:
    """A tick: its place along the axis in SVG units and its label."""

    at: float
    label: str


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
        """Calendar ticks; the first, and each that opens a new year, names the year."""
        locator = AutoDateLocator(tz=UTC, minticks=2, maxticks=n)
        stamps = [num2date(value, tz=UTC) for value in locator.tick_values(self.start, self.end)]  # pyright: ignore[reportArgumentType] times are right
        within = [stamp for stamp in stamps if self.start <= stamp <= self.end]
        ticks, year = [], None
        for stamp in within:
            ticks.append(Tick(self.x(stamp), _date_label(stamp, self.end - self.start, stamp.year != year)))
            year = stamp.year
        return ticks


def _date_label(stamp: datetime, span: timedelta, name_year: bool) -> str:
    if span <= timedelta(days=2):
        return f"{stamp.day} {stamp:%b %H:%M}"
    if span > timedelta(days=365 * 4):
        return f"{stamp.year}"
    date = f"{stamp:%b}" if span > timedelta(days=300) and stamp.day == 1 else f"{stamp.day} {stamp:%b}"
    return f"{date} {stamp.year}" if name_year else date
