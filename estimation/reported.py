"""Deliveries that states notified: a CSV to set beside what the pictures tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..configs.csv_file import read_csv

_MOST_BBL = 1e9  # a line above that is in another unit, or a slip of the pen


def read_reported(path: str | Path) -> pd.DataFrame:
    """Read a CSV with the columns ``date`` (YYYY-MM-DD, or a time with its zone) and ``barrels``.

    Returns:
        ``date`` (UTC; noon of a day alone) and ``barrels`` (float64), as the ledger takes them.

    Raises:
        BerthwatchError: the file cannot be read, lacks a column, or a line is wrong; names line, column and value.
    """
    table = read_csv(path, required=("date", "barrels"), optional=("state", "product"))
    if not len(table):
        raise table.empty("delivery")
    barrels = table.numbers("barrels", 0, _MOST_BBL, "barrels")
    for row in np.flatnonzero(np.isnan(barrels)):
        raise table.fault(int(row), "barrels is empty; write how many, 0 if none were reported")
    return pd.DataFrame({"date": table.times("date"), "barrels": barrels})
