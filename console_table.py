"""Tables that fit the console they are printed to."""

from rich.console import Console
from rich.measure import Measurement, measure_renderables
from rich.table import Table

_UNBOUNDED = 10_000  # columns: what a table would take if no terminal bound it


def show_table(table: Table, console: Console) -> None:
    """Print a table of strings with no word or figure cut: cells wrap between words, the first columns first.

    Where the longest word of each column is too much for the console, each row becomes a few lines, a cell a line.
    """
    unbounded = console.options.update(max_width=_UNBOUNDED)
    spare = console.width - Measurement.get(console, unbounded, table).minimum
    if spare >= 0:
        for column in reversed(table.columns):
            least, most = measure_renderables(console, unbounded, [column.header, *column.cells])
            column.width = min(most, least + spare)
            spare -= column.width - least
        console.print(table)
        return
    if table.title:
        console.print(table.title, soft_wrap=True)
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for i, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
            if cell:
                named = f"{column.header}: " if column.header else ""
                console.print(f"{'  ' if i else ''}{named}{cell}", soft_wrap=True)
