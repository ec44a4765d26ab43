"""What a reader must know before quoting a figure, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pandas as pd

from ..configs.cargo import CargoAssumptions
from ..configs.port import Berth, Port

_FEW_LOOKS = 5
_STEP_OF_TIME = timedelta(hours=1)  # the histories know no shorter time


def reader_warnings(
    port: Port,
    period: tuple[datetime, datetime],
    observations: pd.DataFrame,
    visits: pd.DataFrame,
    cargo: CargoAssumptions,
    *,
    pump_limit: bool = False,
) -> tuple[str, ...]:
    """The sentences; the tables and the period are those of the ``Estimate``."""
    if not port.oil_berths:
        return (f"Port {port.name} has no berth of kind oil: nothing enters the barrels.",)
    found = [_of_pumping(visits, cargo)] if pump_limit else []
    if period[1] - period[0] < _STEP_OF_TIME:
        found.append(
            f"All looks are of one moment, {period[0]:%Y-%m-%d %H:%M} UTC, and so is the period: unseen are only the "
            "ships missed at that moment; those before and after it are not estimated. For a longer time give --from "
            "and --to; what is unseen in it then rests on the traffic assumed."
        )
    for berth in port.oil_berths:
        looks = observations[observations["berth_id"] == berth.id]
        found += _of_looks(berth, looks)
        found += _of_long_stays(visits[visits["berth_id"] == berth.id], cargo)
    return tuple(found)


def _of_pumping(visits: pd.DataFrame, cargo: CargoAssumptions) -> str:
    counted = visits[visits["counts"]]
    bounded = int((counted["arrival_earliest"].notna() & counted["departure_latest"].notna()).sum())
    if not bounded:
        return "The pump limit bounds nothing: no visit seen has a clear look without her before it and one after it."
    rate, other = cargo.pumping.rate_m3_per_h, cargo.pumping.other_h
    return (
        f"Barrels of {bounded} of {_count(len(counted), 'visit')} seen are bounded by what can be pumped ({rate.low:g} "
        f"to {rate.high:g} m3 an hour, {other.low:g} to {other.high:g} h at the berth without pumping; {rate.source}) "
        "between the looks that bound the stay."
    )


def _of_looks(berth: Berth, looks: pd.DataFrame) -> Iterator[str]:
    n_clear = int((looks["state"] != "unobserved").sum())
    if berth.approximate:
        yield f"The position of berth {berth.id} is approximate; redraw it on a picture before relying on it."
    if not n_clear:
        yield f"No scene shows berth {berth.id} unobscured: its total rests on assumptions alone."
    elif n_clear == 1:
        yield (
            f"Only 1 clear look at berth {berth.id}: one look tells no traffic, so its visits unseen rest on the "
            "traffic assumed."
        )
    elif n_clear < _FEW_LOOKS:
        yield f"Only {n_clear} clear looks at berth {berth.id}: its total rests mostly on assumptions."
    several = int(((looks["rafted_ids"].str.len() > 0) | (looks["detection_ids"].str.len() > 1)).sum())
    if several:
        yield (
            f"Berth {berth.id} held more than one ship in {_count(several, 'scene')}; one is counted, so the barrels "
            "may be too low."
        )
    blocked = int(((looks["blocking_ids"].str.len() > 0) & (looks["state"] == "unobserved")).sum())
    if blocked:
        yield (
            f"In {_count(blocked, 'scene')} a ship of the berth beside it lay across berth {berth.id}: she is counted "
            "there, and such a look tells nothing of this berth."
        )


def _of_long_stays(visits: pd.DataFrame, cargo: CargoAssumptions) -> Iterator[str]:
    lasted_h = (visits["last_seen"] - visits["first_seen"]).dt.total_seconds() / 3600
    long = visits[lasted_h > 2 * cargo.traffic.stay_h.high]
    if len(long):
        yield (
            f"{', '.join(long['visit_id'])} lasted more than twice the longest usual stay "
            f"({cargo.traffic.stay_h.high:g} h): a ship laid up, or a structure taken for one? Look at the picture."
        )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
