"""Measure berthwatch: `python -m benchmarks`, or `make bench`.

Writes results.json and results.md into the folder of this file, or into --out; `python -m benchmarks.readme` then puts
the table into README.md. Every ratio is of two figures of the same run. What each part measures stands at the head of
its module.
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .machine import describe_machine
from .parts import PARTS
from .readme import table_of
from .sizes import FULL, TOY


def main() -> None:
    """Run the parts asked for and write what came of them; parts measured earlier are kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure berthwatch.")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be given again")
    parser.add_argument("--toy", action="store_true", help="so small that it takes seconds and says nothing")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder of results.json and results.md")
    arguments = parser.parse_args()
    sizes = TOY if arguments.toy else FULL
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = arguments.out / "results.json"
    results: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "sizes": "toy" if arguments.toy else "full",
        "machine": describe_machine(),
        "parts": {},
    }
    if arguments.part and kept.exists():
        results = _extended(json.loads(kept.read_text()), results, kept)
    for name in arguments.part or PARTS:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="berthwatch-bench-") as folder:
            results["parts"][name] = PARTS[name].run(sizes, Path(folder))
        kept.write_text(json.dumps(results, indent=1) + "\n")
        sys.stderr.write(f"{name}: {time.perf_counter() - start:.0f} s\n")
    table = table_of(results)
    (arguments.out / "results.md").write_text(table)
    sys.stdout.write(table)


def _extended(earlier: dict[str, Any], now: dict[str, Any], kept: Path) -> dict[str, Any]:
    """Earlier results, to which parts may be added: a table is of one day, machine and size, or it says too much."""
    for what in ("date", "sizes", "machine"):
        then, today = earlier[what], now[what]
        if what == "machine":  # how busy it is may differ
            then, today = ({**machine, "load_before": 0} for machine in (then, today))
        if then != today:
            sys.exit(
                f"{kept}: its {what} is not that of this run; measure all parts, or name another folder with --out"
            )
    return earlier


if __name__ == "__main__":
    main()
