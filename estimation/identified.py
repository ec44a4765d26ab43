"""Ships that the user knows: a CSV that says which visit was by which ship, and her deadweight."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ..configs.cargo import CargoAssumptions
from ..configs.csv_file import CsvTable, read_csv
from ..errors import BerthwatchError
from ..inference.deadweight import dwt_distribution, dwt_quantile
from ..inference.size_class import SIZE_CLASSES

DWT_RANGE_T = (50.0, 600_000.0)  # from a harbour bunker barge to above the largest tanker ever built
_IMO = re.compile(r"(?:IMO\s*)?(\d{7})", re.IGNORECASE)
_VISIT = re.compile(r"(?P<berth>.+)-(?P<first_seen>\d{8}T\d{4})")
_NEAR_NAMED = 3
_SIZES = ("length_m", "length_sd_m", "beam_m", "beam_sd_m")


def read_identified(path: str | Path) -> pd.DataFrame:
    """Read a CSV with the columns ``visit_id``, ``name`` (name or IMO number) and ``dwt_t``, as ``estimate`` takes it.

    Column ``told_by`` is added: file and line, for errors.

    Raises:
        BerthwatchError: the file cannot be read, lacks a column, or a line is wrong; names line, column and value.
    """
    table = read_csv(path, required=("visit_id", "name", "dwt_t"))
    if not len(table):
        raise table.empty("ship")
    visit_ids, names = table.text("visit_id"), table.text("name")
    dwt_t = table.numbers("dwt_t", *DWT_RANGE_T, "tonnes")
    for row, (visit_id, name) in enumerate(zip(visit_ids, names, strict=True)):
        if not visit_id or not name or np.isnan(dwt_t[row]):
            raise table.fault(row, "visit_id, name and dwt_t must not be empty")
        if visit_id in visit_ids[:row]:
            raise table.fault(row, f"visit_id '{visit_id}' comes twice; a visit is by one ship")
        check_imo_number(table, row, "name", name)
    told_by = [f"{table.path}: line {line}" for line in table.lines]
    return pd.DataFrame({"visit_id": visit_ids, "name": names, "dwt_t": dwt_t, "told_by": told_by})


def check_imo_number(table: CsvTable, row: int, column: str, name: str) -> None:
    """Refuse a name that is an IMO number whose last digit does not check.

    Raises:
        BerthwatchError: it does not.
    """
    number = _IMO.fullmatch(name)
    if number and not imo_number_is_valid(number[1]):
        raise table.fault(row, f"{column} '{name}' looks like an IMO number, but its last digit does not check")


def imo_number_is_valid(digits: str) -> bool:
    """Whether seven digits are an IMO number: 8660313 is, for 8*7 + 6*6 + 6*5 + 0*4 + 3*3 + 1*2 = 133 ends in 3."""
    return sum(int(d) * w for d, w in zip(digits[:6], range(7, 1, -1), strict=True)) % 10 == int(digits[6])


def identify(visits: pd.DataFrame, identified: pd.DataFrame, period: tuple[datetime, datetime]) -> pd.DataFrame:
    """Visits with the ships that the user knows; her deadweight replaces the one from her size.

    Args:
        visits: columns as ``Estimate.visits``.
        identified: columns ``visit_id``, ``name`` (name or IMO number), ``dwt_t``; ``told_by`` where errors are to say
            more than the row's number.
        period: (start, end), aware, that the visits are of.

    Raises:
        BerthwatchError: a visit does not exist or comes twice, or a deadweight is not positive.
    """
    visits = visits.copy()
    rows = {visit_id: i for i, visit_id in enumerate(visits["visit_id"])}
    done: set[str] = set()
    for line, ship in enumerate(identified.to_dict("records"), 1):
        visit_id, dwt_t = str(ship["visit_id"]), float(ship["dwt_t"])
        where = ship.get("told_by", f"identified ships, row {line}")
        if visit_id not in rows:
            raise BerthwatchError(f"{where}: visit_id '{visit_id}' is no visit: {_why_none(visit_id, visits, period)}")
        if visit_id in done:
            raise BerthwatchError(f"{where}: visit_id '{visit_id}' comes twice; keep one")
        if not dwt_t > 0:
            raise BerthwatchError(f"{where}: dwt_t must be above 0 tonnes, got {ship['dwt_t']}")
        done.add(visit_id)
        i = rows[visit_id]
        visits.loc[i, "identified_as"] = str(ship["name"])
        visits.loc[i, ["dwt_t_p05", "dwt_t_p50", "dwt_t_p95"]] = dwt_t
        known = [float(c.dwt_min_t <= dwt_t < c.dwt_max_t) for c in SIZE_CLASSES]
        visits.at[i, "size_class_probabilities"] = known  # pyright: ignore[reportArgumentType] - a cell may hold a list
        visits.loc[i, "size_class"] = SIZE_CLASSES[known.index(1.0)].name
    return visits


def _why_none(visit_id: str, visits: pd.DataFrame, period: tuple[datetime, datetime]) -> str:
    """Why there is no such visit, and the visits that may be meant: those of the berth, the nearest in time first."""
    named = _VISIT.fullmatch(visit_id)
    at = pd.to_datetime(named["first_seen"], format="%Y%m%dT%H%M", utc=True, errors="coerce") if named else pd.NaT
    here = visits[visits["berth_id"] == (named["berth"] if named else None)]
    near = visits if here.empty else here
    if pd.isna(at):
        why = "an id is a berth and the UTC minute in which the ship was first seen there"
    elif at + pd.Timedelta(minutes=1) <= period[0] or at > period[1]:
        why = f"that is outside the period {period[0]:%Y-%m-%d %H:%M} to {period[1]:%Y-%m-%d %H:%M} UTC"
    elif (during := (here["first_seen"] <= at) & (at <= here["last_seen"])).any():
        why = f"with these pictures the ship there then was seen before, in {here.loc[during, 'visit_id'].iloc[0]}"
    else:
        why = "with these pictures no visit begins there then"
    if pd.notna(at):
        near = near.loc[(near["first_seen"] - at).abs().sort_values(kind="stable").index]
    ships = [f"{v.visit_id} ({v.length_m:.0f} m)" for v in near[:_NEAR_NAMED].itertuples()]
    told = f"; nearest: {', '.join(ships)}; `berthwatch occupancy` lists all" if ships else ""
    return f"{why}{told}. Ids change with the period and with other pictures, so that no name passes to another ship"


def deadweight_misfits(visits: pd.DataFrame, cargo: CargoAssumptions) -> tuple[str, ...]:
    """Warnings of deadweights given that no ship as measured has: a unit mistaken, or another ship's.

    Args:
        visits: ``visit_id``, ``identified_as`` (None: nothing was given), ``dwt_t_p50``, and length and beam with
            their standard deviations, metres, NaN where not measured.
        cargo: the assumed error of the fleet's deadweight.
    """
    given = visits[visits["identified_as"].notna() & visits["length_m"].notna()]
    ln_dwt, sd = dwt_distribution(*(given[c].to_numpy(np.float64) for c in _SIZES))
    ln_dwt, sd = ln_dwt + cargo.deadweight.fleet_bias_ln.value, np.hypot(sd, cargo.deadweight.fleet_bias_sd_ln.value)
    middle, low, high = (dwt_quantile(ln_dwt, sd, p) for p in (0.5, 0.0005, 0.9995))
    return tuple(
        f"{ship.visit_id}: a ship of {ship.length_m:.0f} m has about {middle[i]:,.0f} t of deadweight (99.9 %: "
        f"{low[i]:,.0f} to {high[i]:,.0f} t), not {ship.dwt_t_p50:,.0f} t; the deadweight given is taken as it stands. "
        "Check the ship and the number."
        for i, ship in enumerate(given.itertuples())
        if not low[i] <= ship.dwt_t_p50 <= high[i]
    )
