"""What a reader must know before quoting a figure, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    found += _of_berths([(berth, observations[observations["berth_id"] == berth.id]) for berth in port.oil_berths])
    for berth in port.oil_berths:
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


def _of_berths(looks_of: Sequence[tuple[Berth, pd.DataFrame]]) -> list[str]:
    """What is to be said of berths and looks at them, a sentence a kind: the same of ten berths is said once."""
    told: dict[str, list[str]] = {}
    for berth, looks in looks_of:
        for statement, count in _of_looks(berth, looks):
            told.setdefault(statement, []).append(f"{berth.id} ({count})" if count else berth.id)
    return [
        statement.format(each=" each", berths=f"berths {_listed(berths)}")
        if len(berths) > 1
        else statement.format(each="", berths=f"berth {berths[0]}")
        for statement, berths in told.items()
    ]


def _of_looks(berth: Berth, looks: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Statements with places for {berths} and {each}, and the count that goes with this berth, "" where none does."""
    clear = looks["state"] != "unobserved"
    n_clear = int(clear.sum())
    if berth.approximate:
        yield "The position of {berths} is approximate; redraw it on a picture before relying on it.", ""
    if not n_clear:
        yield "No scene shows {berths} unobscured: the total there rests on assumptions alone.", ""
    elif n_clear == 1:
        yield (
            "Only 1 clear look{each} at {berths}: one look tells no traffic, so visits unseen rest on the traffic "
            "assumed.",
            "",
        )
    elif n_clear < _FEW_LOOKS:
        yield f"Only {n_clear} clear looks{{each}} at {{berths}}: the total there rests mostly on assumptions.", ""
    several = int((looks["rafted_ids"].str.len().gt(0) | looks["detection_ids"].str.len().gt(1))[clear].sum())
    if several:
        yield (
            "At {berths} lay more than one ship; one is counted, so the barrels may be too low.",
            _count(several, "scene"),
        )
    stood_for = looks["same_pass_as"].notna()
    blocked = int((looks["blocking_ids"].str.len().gt(0) & ~clear & ~stood_for).sum())
    if blocked:
        yield (
            "A neighbour's ship lay across {berths}: she is counted at her own berth, and such a look tells nothing of "
            "the other.",
            _count(blocked, "scene"),
        )
    found = looks["detection_ids"].str.len().gt(0)
    hidden = int((found & ~clear & ~stood_for).sum())
    if hidden:
        yield (
            "A ship was found alongside {berths} where cloud or the scene's mask hides her; she is not counted. Look "
            "at the picture: a mask that hides what can be seen is wrong.",
            _count(hidden, "scene"),
        )
    vacant = looks.loc[looks["state"] == "vacant", "scene_id"]
    overruled = int((found & looks["same_pass_as"].isin(vacant)).sum())
    if overruled:
        yield (
            "A ship was found alongside {berths} in one scene and none in another of the same pass, which shows as "
            "much of the berth or more and counts. Look at both pictures.",
            _count(overruled, "scene"),
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


def _listed(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}"
