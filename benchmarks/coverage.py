"""Proof of the estimator: `python -m benchmarks.coverage` writes docs/coverage.json, .md and .png.

Each cell of the table is one run of what `berthwatch simulate port-calls` runs, kept in a folder as it is done, so that
a run cut short goes on where it stopped. All together take about eight minutes of processor time.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.port import load_port
from berthwatch.estimation.simulate import Scenario, simulate_port_calls

DOCS = Path(__file__).parent.parent / "docs"
REVISITS, CLOUDS = (1.0, 2.0, 3.0, 5.0), (0.0, 0.3, 0.6)
AIM_50, AIM_90, AIM_BIAS = (0.46, 0.54), (0.87, 0.93), 0.03


@dataclass(frozen=True)
class Cell:
    """A run: the part of the page it belongs to, and the options of `simulate port-calls` that are not as shipped."""

    part: str
    options: tuple[tuple[str, float], ...]

    @property
    def command(self) -> str:
        """What a user types to get this cell."""
        words = [f"--{name.replace('_', '-')} {value:g}" for name, value in self.options]
        return " ".join(["berthwatch simulate port-calls", *words, "--seed 0"])

    @property
    def name(self) -> str:
        """Of the file that keeps it."""
        return "_".join(f"{name}={value:g}" for name, value in self.options)


def cells() -> Iterator[Cell]:
    """Everything that the page shows."""

    def cell(part: str, port_years: int, **options: float) -> Cell:
        return Cell(part, tuple({"port_years": port_years, **options}.items()))

    for revisit in REVISITS:
        for cloud in CLOUDS:
            yield cell("grid", 2000, revisit_days=revisit, cloud=cloud)
    for revisit in (1.0, 3.0):
        for factor in (0.5, 2.0):
            yield cell("stay", 1000, revisit_days=revisit, cloud=0.3, stay_factor=factor)
    for revisit in (1.0, 3.0):
        yield cell("hulls", 1000, revisit_days=revisit, cloud=0.3, hull_recall_sd=0.2)
    yield cell("visits", 500, revisit_days=1.0, cloud=0.0, calls_per_year=64.0)
    for revisit, length_sd_m in ((1.0, 2.0), (1.0, 10.0), (2.0, 10.0)):
        yield cell("visits", 500, revisit_days=revisit, cloud=0.0, length_sd_m=length_sd_m)


def measure(cell: Cell) -> dict[str, Any]:
    """Run a cell; what it found, with its command and processor time."""
    options = {name: int(value) if name == "port_years" else value for name, value in cell.options}
    start = time.process_time()
    result = simulate_port_calls(Scenario(**options), load_cargo(), load_port("vostochny").oil_berths[0])  # type: ignore[arg-type]
    return {"part": cell.part, "command": cell.command, "cpu_s": time.process_time() - start} | result.to_json()


def page(results: Sequence[dict[str, Any]]) -> str:
    """docs/coverage.md."""
    of = {part: [r for r in results if r["part"] == part] for part in ("grid", "stay", "hulls", "visits")}
    return PAGE.format(
        mean_90=sum(r["coverage_90"] for r in of["grid"]) / len(of["grid"]),
        mean_50=sum(r["coverage_50"] for r in of["grid"]) / len(of["grid"]),
        years=f"{of['grid'][0]['scenario']['port_years']:,}",
        cpu_min=sum(r["cpu_s"] for r in results) / 60,
        per_year_ms=1000 * max(r["cpu_s"] / r["scenario"]["port_years"] for r in of["grid"]),
        command=of["grid"][0]["command"],
        grid=_table(of["grid"], ("revisit_days", "cloud")),
        stay=_table(of["stay"], ("revisit_days", "cloud", "stay_factor")),
        hulls=_table(of["hulls"], ("revisit_days", "cloud", "hull_recall_sd")),
        visits=_visits([*of["grid"], *of["visits"]]),
    )


_HEADS = {
    "revisit_days": "days between looks", "cloud": "cloud", "stay_factor": "true stay / assumed",
    "hull_recall_sd": "sd of recall between hulls",
}  # fmt: skip


def _table(results: Sequence[dict[str, Any]], given: Sequence[str]) -> str:
    heads = [_HEADS[name] for name in given]
    heads += [
        "port-years",
        "calls seen",
        "50 % holds",
        "90 % holds",
        "bias",
        "width of 90 %",
        "calls: 90 %",
        "bias of calls",
    ]
    rows = []
    for r in results:
        scenario, calls = r["scenario"], r["calls"]
        row = [f"{scenario[n]:.0%}" if n == "cloud" else f"{scenario[n]:g}" for n in given]
        row += [f"{scenario['port_years']:,}", f"{r['share_seen']:.0%}", f"{r['coverage_50']:.1%}"]
        row += [f"{r['coverage_90']:.1%}", f"{r['bias']:+.1%}", f"{r['width_90']:.0%}"]
        row += [f"{calls['coverage_90']:.1%}", f"{calls['bias']:+.1%}"]
        rows.append(row)
    return _markdown(heads, rows)


def _visits(results: Sequence[dict[str, Any]]) -> str:
    rows = []
    for r in results:
        s = r["scenario"]
        rate = "as believed" if s["calls_per_year"] is None else f"{s['calls_per_year']:g}"
        row = [f"{s['revisit_days']:g}", f"{s['cloud']:.0%}", f"{s['length_sd_m']:g} m", rate]
        rows.append([*row, f"{r['visits_right']:.1%}"])
    return _markdown(["days between looks", "cloud", "length error", "calls a year", "visits right"], rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [heads, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


PAGE = """\
# Do the intervals mean what they say?

<!-- Written by `python -m benchmarks.coverage` from coverage.json; change it there. -->

A port-year is one simulated year of one oil berth. Everything the estimator does not know is drawn, for each port-year
anew, from what it says it believes (`configs/cargo.yaml` and the port's ship lengths): the rate of calls, the typical
stay, each stay and turnaround, the fleet and its sizes, the share of tankers, the error of the deadweight regression,
barrels a tonne, laden fractions, and the factor by which the detector's recall is off. Looks come every so many days,
some under cloud, miss ships, imagine some, and measure lengths with an error of 5 m. The estimator that users get then
runs on the looks. If it reasons rightly, its 90 % intervals hold the truth in 90 % of port-years, its 50 % intervals in
50 %, and its mean is not off on average.

![Coverage by revisit and cloud](coverage.png)

Barrels of a year, seen and unseen together. Bias and width are relative to the mean truth. {years} port-years a cell:
a coverage of 90 % is then sure to 0.7 points (one standard error), one of 50 % to 1.1, a bias to about 1 point. The
cells share a seed, so their errors go together. Wanted: 87-93 %, 46-54 %, bias under 3 %. Over all cells the intervals
hold the truth in {mean_90:.1%} and {mean_50:.1%}: they are a shade narrow.

{grid}

Each row is one command, such as

    {command} --json cell.json

and one port-year costs at most {per_year_ms:.0f} ms of processor time; all tables on this page took {cpu_min:.0f}
minutes of it (`python -m benchmarks.coverage`).

## When an assumption is wrong

The intervals are as good as the beliefs. Here true stays are half or twice as long as `traffic.stay_h` says, which is
three and a half standard deviations off (`stay_sd_ln` is 0.20):

{stay}

Stays half as long: a look shows fewer of the calls than the estimator thinks, and it finds too few; twice as long: too
many. Pictures correct little of it, because a call that was seen once may have been short, or long and missed. The part
that was seen stays right. If stays at a port may be far from those of the file, change `stay_h`, or widen `stay_sd_ln`.

Misses are taken as independent, given the port's recall. If some hulls are missed again and again, the estimator, which
knows of none, errs so:

{hulls}

## Visits

Share of the calls seen whose sightings make up exactly one visit: none split, none merged, no false alarm among them.
Two coastal tankers of about one length on two days in a row cannot be told apart by their lengths; `link_probability`
says how sure each visit is, and is right on average. Wanted: 95 % at one day and 5 m. "As believed" draws the calls a
year of each port-year from the prior, which holds very busy berths; 64 is Vostochny's rate of 2024 (43 calls in 244
days). In a year without a cloud, with very busy berths among them, it is not quite reached.

{visits}
"""


def plot(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Coverage and bias of the grid, with two standard errors."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import PercentFormatter

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    panels = (("coverage_90", "90 % interval holds", AIM_90), ("coverage_50", "50 % interval holds", AIM_50))
    for axis, (key, title, aim) in zip(axes, (*panels, ("bias", "bias", (-AIM_BIAS, AIM_BIAS))), strict=True):
        axis.axhspan(*aim, color="#dfe8df", lw=0)
        for cloud, colour in zip(CLOUDS, ("#1f5fa8", "#c07a1a", "#6b6b6b"), strict=True):
            of = [r for r in results if r["part"] == "grid" and r["scenario"]["cloud"] == cloud]
            days = [r["scenario"]["revisit_days"] + (cloud - 0.3) / 3 for r in of]
            errors = [2 * _standard_error(r, key) for r in of]
            axis.errorbar(days, [r[key] for r in of], errors, fmt="o", ms=4, color=colour, label=f"{cloud:.0%} cloud")
        axis.axhline(sum(aim) / 2, color="#444444", lw=0.8)
        axis.set(title=title, xlabel="days between looks", xticks=REVISITS)
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _standard_error(result: dict[str, Any], key: str) -> float:
    n = result["scenario"]["port_years"]
    if key == "bias":
        # The 90 % interval is 3.29 sd of the posterior wide, and that is how far means are off.
        return result["width_90"] / 3.29 / n**0.5
    return (result[key] * (1 - result[key]) / n) ** 0.5


def main() -> None:
    """Run what is not there yet, then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description="Prove the estimator.")
    parser.add_argument("--kept", type=Path, default=Path("coverage-cells"), help="folder that keeps finished cells")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of coverage.json, coverage.md and coverage.png")
    arguments = parser.parse_args()
    arguments.kept.mkdir(parents=True, exist_ok=True)
    results = []
    for cell in cells():
        kept = arguments.kept / f"{cell.name}.json"
        if not kept.exists():
            partial = kept.with_suffix(".partial")
            partial.write_text(json.dumps(measure(cell), indent=1) + "\n")
            partial.replace(kept)
        results.append(json.loads(kept.read_text()))
        sys.stderr.write(f"{cell.name}: {results[-1]['coverage_50']:.1%} {results[-1]['coverage_90']:.1%}\n")
    (arguments.out / "coverage.json").write_text(json.dumps(results, indent=1) + "\n")
    (arguments.out / "coverage.md").write_text(page(results))
    plot(results, arguments.out / "coverage.png")


if __name__ == "__main__":
    main()
