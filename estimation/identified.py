"""Ships that the user knows: a CSV that says which visit was by which ship, and her deadweight."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from ..errors import BerthwatchError

_COLUMNS = ("visit_id", "name", "dwt_t")
_IMO = re.compile(r"(?:IMO\s*)?(\d{7})", re.IGNORECASE)


def read_identified(path: str | Path) -> pd.DataFrame:
    """Read a CSV with the columns ``visit_id``, ``name`` (name or IMO number) and ``dwt_t``, as ``estimate`` takes it.

    Raises:
        BerthwatchError: the file cannot be read, lacks a column, or a line is wrong; names line, column and value.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise BerthwatchError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from error
    missing = [name for name in _COLUMNS if name not in table]
    if missing:
        raise BerthwatchError(
            f"{path}: has no column {', '.join(missing)}; the first line must be: {','.join(_COLUMNS)}"
        )
    for i, (visit_id, name, dwt_t) in enumerate(table[list(_COLUMNS)].itertuples(index=False)):
        where = f"{path}: line {i + 2}"
        if not visit_id or not name:
            raise BerthwatchError(f"{where}: visit_id and name must not be empty")
        if pd.isna(value := pd.to_numeric(dwt_t, errors="coerce")) or not 50 <= value <= 600_000:
            raise BerthwatchError(f"{where}: dwt_t is '{dwt_t}'; write tonnes, 50 to 600000")
        number = _IMO.fullmatch(name.strip())
        if number and not imo_number_is_valid(number[1]):
            raise BerthwatchError(f"{where}: name '{name}' looks like an IMO number, but its last digit does not check")
    return pd.DataFrame(
        {
            "visit_id": table["visit_id"].str.strip(),
            "name": table["name"].str.strip(),
            "dwt_t": pd.to_numeric(table["dwt_t"]).astype("float64"),
        }
    )


def imo_number_is_valid(digits: str) -> bool:
    """Whether seven digits are an IMO number: 8660313 is, for 8*7 + 6*6 + 6*5 + 0*4 + 3*3 + 1*2 = 133 ends in 3."""
    return sum(int(d) * w for d, w in zip(digits[:6], range(7, 1, -1), strict=True)) % 10 == int(digits[6])
