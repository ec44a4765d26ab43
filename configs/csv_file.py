"""Reading a CSV file that a user typed, with errors that name the file, the line, the column, the value, the way out.

Cells are text until a column is asked for as numbers or times. A byte-order mark and the line ends of Windows are
read over, and so are lines without a word in them.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import BerthwatchError
from .plausible_time import impossible

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"\d{4}-\d{2}")
FREE_COLUMNS = ("source", "note")  # a user's own remarks, welcome in every file


@dataclass(frozen=True)
class CsvTable:
    """A CSV file's cells.

    Attributes:
        path: the file.
        columns: name -> text of each row, stripped; "" where the cell is empty.
        lines: number of each row's line in the file, counted from 1; the names stand on the first.
    """

    path: Path
    columns: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def text(self, name: str) -> tuple[str, ...]:
        """Cells of a column; all "" where the file has no such column."""
        return self.columns.get(name, ("",) * len(self))

    def fault(self, row: int, message: str) -> BerthwatchError:
        """The error for a row, which says where it stands."""
        return BerthwatchError(f"{self.path}: line {self.lines[row]}: {message}")

    def empty(self, thing: str) -> BerthwatchError:
        """The error for a file that lists nothing."""
        return BerthwatchError(f"{self.path}: lists no {thing}; write one a line below the column names")

    def numbers(self, name: str, low: float, high: float, unit: str) -> NDArray[np.float64]:
        """A column as numbers, NaN where the cell is empty.

        Args:
            name: of the column.
            low, high: the least and the greatest that is believed.
            unit: what the number counts, for the error.

        Raises:
            BerthwatchError: a cell is no number, or beyond what is believed.
        """
        values = np.full(len(self), math.nan)
        for row, cell in enumerate(self.text(name)):
            if not cell:
                continue
            if not _NUMBER.fullmatch(cell):
                hint = "with a point and no separator of thousands, such as 3565.5" if "," in cell else "such as 3565"
                raise self.fault(row, f"{name} is '{cell}', not a number; write {unit} {hint}")
            if not low <= float(cell) <= high:
                raise self.fault(row, f"{name} must be within {low:,g} and {high:,g} {unit}, got {cell}")
            values[row] = float(cell)
        return values

    def times(self, name: str) -> pd.Series:
        """A column as UTC times, datetime64[ns, UTC]; a day alone is taken at noon.

        Raises:
            BerthwatchError: a cell is empty, no time, has no time zone, or lies in the future or before 1960.
        """
        times = [self._time(row, name, cell) for row, cell in enumerate(self.text(name))]
        return pd.Series(pd.to_datetime(times, utc=True)).dt.as_unit("ns")

    def _time(self, row: int, name: str, cell: str) -> datetime:
        if _MONTH.fullmatch(cell):
            raise self.fault(row, f"{name} '{cell}' names no day; write one, such as the last of the month")
        try:
            instant = datetime.fromisoformat(cell)
        except ValueError:
            raise self.fault(row, f"{name} is '{cell}'; write YYYY-MM-DD, or a time with its zone") from None
        if _DAY.fullmatch(cell):
            instant = datetime.combine(instant, time(12), tzinfo=UTC)
        elif instant.tzinfo is None:
            raise self.fault(row, f"{name} '{cell}' has no time zone; write {cell}Z if it is UTC, or the day alone")
        if why := impossible(instant):
            raise self.fault(row, f"{name} '{cell}' {why}")
        return instant.astimezone(UTC)


def read_csv(path: str | Path, *, required: Sequence[str], optional: Sequence[str] = ()) -> CsvTable:
    """Read a CSV file: UTF-8, commas, names of the columns on its first line.

    Args:
        path: the file.
        required: columns that it must have.
        optional: columns that it may have besides `FREE_COLUMNS`.

    Raises:
        BerthwatchError: the file cannot be read, is empty or no CSV, a column is missing, unknown or there twice, or a
            line has more cells than there are columns; names line and column.
    """
    path = Path(path)
    example = ",".join(required)
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    lines: list[int] = []
    rows: list[list[str]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append(reader.line_num)
                rows.append([cell.strip() for cell in cells])
    except csv.Error as error:
        raise BerthwatchError(f"{path}: line {reader.line_num}: {error}; close every quotation mark") from error
    if not rows:
        raise BerthwatchError(f"{path}: is empty; its first line names the columns: {example}")
    names = rows[0]
    _check_names(path, names, required, (*required, *optional, *FREE_COLUMNS))
    for line, cells in zip(lines[1:], rows[1:], strict=True):
        if len(cells) > len(names):
            raise BerthwatchError(
                f"{path}: line {line}: has {len(cells)} cells under {len(names)} column names; "
                'put a cell that holds a comma in quotation marks, such as "a, b"'
            )
    filled = [cells + [""] * (len(names) - len(cells)) for cells in rows[1:]]
    columns = {name: tuple(cells[i] for cells in filled) for i, name in enumerate(names)}
    return CsvTable(path, columns, tuple(lines[1:]))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BerthwatchError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BerthwatchError(f"{path}: line {line}: is not UTF-8 text; save the file as CSV in UTF-8") from error
    if "\0" in text:
        raise BerthwatchError(f"{path}: holds zero bytes, as no text does; save the file as CSV in UTF-8")
    return text


def _check_names(path: Path, names: Sequence[str], required: Sequence[str], known: Sequence[str]) -> None:
    first = f"{path}: line 1:"
    if len(names) == 1 and (parted := re.search(r"[;\t|]", names[0])):
        what = "tabs" if parted[0] == "\t" else f"'{parted[0]}'"
        raise BerthwatchError(f"{first} its columns are parted by {what}; save the file with commas between them")
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name.lower(), known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known columns: {', '.join(known)}"
            raise BerthwatchError(f"{first} column '{name}' is unknown; {hint}")
        if names.count(name) > 1:
            raise BerthwatchError(f"{first} column '{name}' comes twice; keep one")
    if missing := [name for name in required if name not in names]:
        raise BerthwatchError(
            f"{first} has no column {', '.join(repr(name) for name in missing)}; "
            f"the first line names the columns, such as {','.join(required)}"
        )
