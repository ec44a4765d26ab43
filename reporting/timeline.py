"""The occupancy timeline: a row a berth, a mark a look, a bar a visit. A look that saw nothing is its own mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from ..estimation.estimate import Estimate
from . import wording
from .axes import Tick, TimeAxis
from .tables import rows_of

_MARK_PX = 9.0  # width of a look's mark where there is room


@dataclass(frozen=True)
class Look:
    """A berth in a scene: its place, its state and what to say of it."""

    x: float
    state: str
    tip: str


@dataclass(frozen=True)
class VisitBar:
    """A visit: seen from `x_first` to `x_last`, possible from `x_earliest` to `x_latest`."""

    x_earliest: float
    x_first: float
    x_last: float
    x_latest: float
    visit_id: str
    tip: str


@dataclass(frozen=True)
class Row:
    """A berth and what was seen of it; y is the row's middle."""

    y: float
    name: str
    kind: str
    looks: tuple[Look, ...]
    visits: tuple[VisitBar, ...]


@dataclass(frozen=True)
class Timeline:
    """A timeline laid out for one width; all lengths are SVG units."""

    name: str
    width: float
    height: float
    left: float
    label_above: bool
    label_chars: int
    mark: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


def lay_out_timeline(estimate: Estimate, *, narrow: bool) -> Timeline | None:
    """The timeline for a page (1000 units wide) or a telephone (350); None where no look has a time."""
    looks = estimate.observations.dropna(subset=["acquired_at"])
    # Seconds from the look that counts, their marks would lie upon its own.
    looks = looks[looks.same_pass_as.isna()]
    if looks.empty:
        return None
    # A letter of 13 px sans is about 7 wide; names get up to 230 units on a page and stand above the row otherwise.
    longest = max(len(berth.name) for berth in estimate.port.berths)
    width, left = (350.0, 10.0) if narrow else (1000.0, min(230.0, 24.0 + 7.0 * longest))
    times = [time.to_pydatetime() for time in looks.acquired_at]
    axis = TimeAxis.spanning(times, left, width - 10.0)
    # Two looks an hour apart must not hide each other for want of width: 16 looks have 9 units each, 1,000 have 2.
    mark = min(_MARK_PX, max(2.0, 0.7 * (axis.x_right - axis.x_left) / max(1, looks.scene_id.nunique())))
    row_height = 50.0 if narrow else 38.0
    # Oil berths first: they are what the report is about.
    berths = sorted(estimate.port.berths, key=lambda berth: berth.kind != "oil")
    rows = [
        _row(estimate, looks, berth.id, berth.name, berth.kind, axis, (i + (0.66 if narrow else 0.5)) * row_height)
        for i, berth in enumerate(berths)
    ]
    return Timeline(
        name="narrow" if narrow else "wide",
        width=width,
        height=len(rows) * row_height + 34.0,
        left=left,
        label_above=narrow,
        label_chars=44 if narrow else 29,
        mark=mark,
        rows=tuple(rows),
        ticks=tuple(axis.ticks(4 if narrow else 10)),
    )


def _row(estimate: Estimate, looks: pd.DataFrame, berth_id: str, name: str, kind: str, axis: TimeAxis, y: float) -> Row:
    own = looks[looks.berth_id == berth_id]
    visits = estimate.visits[estimate.visits.berth_id == berth_id]
    return Row(
        y=y,
        name=name,
        kind=kind,
        looks=tuple(Look(axis.x(look.acquired_at), look.state, look_line(look)) for look in rows_of(own)),
        visits=tuple(
            VisitBar(
                x_earliest=axis.x(_or(visit.arrival_earliest, axis.start)),
                x_first=axis.x(visit.first_seen),
                x_last=axis.x(visit.last_seen),
                x_latest=axis.x(_or(visit.departure_latest, axis.end)),
                visit_id=visit.visit_id,
                tip=f"{visit.visit_id}: {visit_span(visit)}",
            )
            for visit in rows_of(visits)
        ),
    )


def _or(time: pd.Timestamp, otherwise: datetime) -> datetime:
    return otherwise if pd.isna(time) else time.to_pydatetime()


def look_line(look: Any) -> str:
    """'7 Mar 2024 02:14 UTC: occupied, 100% of the berth in view'."""
    in_view = wording.percent(look.observed_fraction)
    return f"{wording.short_moment(look.acquired_at)} UTC: {look.state}, {in_view} of the berth in view"


def visit_span(visit: Any) -> str:
    """What is known of a visit's length: 'alongside for at least 9 hours, at most 4.2 days'."""
    at_least = visit.last_seen - visit.first_seen
    least = f"alongside for at least {wording.duration(at_least)}" if at_least else "alongside in one picture"
    if pd.isna(visit.arrival_earliest) or pd.isna(visit.departure_latest):
        return f"{least}, no upper limit: not seen both before and after"
    return f"{least}, at most {wording.duration(visit.departure_latest - visit.arrival_earliest)}"
