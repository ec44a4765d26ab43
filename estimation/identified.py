"""Ships that the user knows: a CSV that says which visit was by which ship, and her deadweight."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from ..configs.csv_file import CsvTable, read_csv

DWT_RANGE_T = (50.0, 600_000.0)  # from a harbour bunker barge to above the largest tanker ever built
_IMO = re.compile(r"(?:IMO\s*)?(\d{7})", re.IGNORECASE)


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
