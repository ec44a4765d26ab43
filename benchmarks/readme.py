"""Put the measured table into a Markdown file: `python -m benchmarks.readme [README.md]`.

It is made anew from results.json and set between the two lines `<!-- benchmarks -->` and `<!-- /benchmarks -->`: the
rows that something is demanded of; all of them stand in results.md.
"""

import json
import sys
from pathlib import Path
from typing import Any

from .parts import PARTS
from .table import markdown

BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def table_of(results: dict[str, Any], *, demanded_only: bool = False) -> str:
    """The table of results.json's content: the parts that were measured, in their order."""
    shown = []
    for name in (name for name in PARTS if name in results["parts"]):
        rows = [row for row in PARTS[name].rows(results["parts"][name]) if row.aim or not demanded_only]
        shown += [(PARTS[name].TITLE, rows)] if rows else []
    return markdown(shown, date=results["date"], machine=results["machine"])


def with_table(text: str, table: str) -> str:
    """The text with the table between its two marks.

    Raises:
        ValueError: it lacks one of them, or they stand the wrong way round.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"needs a line {BEGIN} and, below it, a line {END}")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def _main() -> None:
    here = Path(__file__).parent
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "README.md"
    results = json.loads((here / "results.json").read_text())
    if results["sizes"] != "full":
        sys.exit(f"{here / 'results.json'}: of a toy run, which says nothing; run python -m benchmarks first")
    try:
        target.write_text(with_table(target.read_text(), table_of(results, demanded_only=True)))
    except ValueError as error:
        sys.exit(f"{target}: {error}")


if __name__ == "__main__":
    _main()
