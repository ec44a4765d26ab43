"""What the commands of those who reckon print and write: berths, barrels, chains, back-tests, simulations."""

import contextlib
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from .console import err, out
from .console_table import show_table
from .errors import BerthwatchError

if TYPE_CHECKING:
    import pandas as pd

    from .estimation.backtest import BacktestResult
    from .estimation.estimate import Estimate
    from .estimation.explain import Step
    from .estimation.simulate import SimulationResult
    from .estimation.visit_list import VisitListEstimate

_OURS = {
    "third": "listed capacity / 3",
    "half": "listed capacity / 2",
    "ninetenths": "listed capacity x 0.9",
    "full": "full cargoes",
    "loaded": "our default",
}
_VERDICTS = {True: "agrees", False: "[red]differs[/]", None: "not judged"}


def show_occupancy(estimate: "Estimate") -> None:
    """Print the looks at each berth, and the visits."""
    table = Table("berth", "scenes", "occupied", "vacant", "unobserved", "visits seen")
    for berth_id, looks in estimate.observations.groupby("berth_id", sort=False):
        counts = [str(int((looks["state"] == state).sum())) for state in ("occupied", "vacant", "unobserved")]
        table.add_row(
            str(berth_id), str(len(looks)), *counts, str(int((estimate.visits["berth_id"] == berth_id).sum()))
        )
    show_table(table, out)
    visits = Table(
        "visit",
        "first seen",
        "last seen",
        "arrived after",
        "left before",
        "length, m",
        "one ship",
    )
    for visit in estimate.visits.itertuples():
        times = [visit.first_seen, visit.last_seen, visit.arrival_earliest, visit.departure_latest]
        size = f"{visit.length_m:.0f} ± {visit.length_sd_m:.0f}"
        visits.add_row(str(visit.visit_id), *(_minute(t) for t in times), size, f"{visit.link_probability:.2f}")
    if len(estimate.visits):
        show_table(visits, out)
    show_notes(estimate.warnings)


def show_barrels(result: "Estimate | VisitListEstimate") -> None:
    """Print each visit's barrels, the totals, and each year against its cap."""
    if len(result.loadings):
        show_table(_barrels_by_visit(result), out)
        if "detection_ids" in result.visits:  # a list of visits is taken as it is
            out.print(
                f"{len(result.loadings)} listed, sightings joined to visits; the counts below allow for false alarms "
                "and wrong joins",
                soft_wrap=True,
            )
    out.print(f"From {_minute(result.period[0])} to {_minute(result.period[1])} UTC:")
    for row in result.totals.itertuples():
        out.print(
            f"{row.part}: visits {row.visits_p50:.0f} (median; 90 %: {row.visits_p05:.0f} to {row.visits_p95:.0f}), "
            f"barrels {row.barrels_p50:,.0f} (median; 50 %: {row.barrels_p25:,.0f} to {row.barrels_p75:,.0f}; "
            f"90 %: {row.barrels_p05:,.0f} to {row.barrels_p95:,.0f}); mean if 33 / 50 / 90 % laden: "
            f"{row.barrels_laden_33:,.0f} / {row.barrels_laden_50:,.0f} / {row.barrels_laden_90:,.0f}",
            soft_wrap=True,
        )
    for year in result.ledger.by_year.to_dict("records"):
        _show_year(year)
    show_notes(result.warnings)


def _barrels_by_visit(result: "Estimate | VisitListEstimate") -> Table:
    visits = result.visits.merge(result.loadings, on=["visit_id", "berth_id"])
    ships = visits["ship" if "ship" in visits else "identified_as"]
    # Beside the visit, not in its place: a ship may come twice, and --explain asks for the visit.
    named = [ships.fillna("").tolist()] if ships.notna().any() else []
    table = Table(
        "visit",
        *("ship" for _ in named),
        "last seen",
        "calls, mean",
        "DWT, t, median",
        "barrels, median",
        "barrels, 90 %",
        "barrels, mean, if 33 / 50 / 90 % laden",
    )
    for i, visit in enumerate(visits.itertuples()):
        laden = (visit.barrels_laden_33, visit.barrels_laden_50, visit.barrels_laden_90)
        table.add_row(
            str(visit.visit_id),
            *(escape(names[i]) for names in named),
            _minute(visit.last_seen),
            f"{visit.calls_mean:.2f}",
            f"{visit.dwt_t_p50:,.0f}",
            f"{visit.barrels_p50:,.0f}",
            f"{visit.barrels_p05:,.0f} to {visit.barrels_p95:,.0f}",
            " / ".join(f"{value:,.0f}" for value in laden),
        )
    return table


def _show_year(year: "Mapping[Hashable, Any]") -> None:
    """A calendar year against its cap, and with what states reported; nothing where there is neither."""
    import pandas as pd

    ways = [("total", "")]
    if year["reported_lines"] == 0:
        out.print(f"{year['year']}: of the deliveries that states reported none lies within the period")
    if pd.notna(year["reported_bbl"]):
        out.print(f"{year['year']}: states reported {year['reported_bbl']:,.0f} barrels")
        ways += [
            ("total_or_reported", ", the larger of estimate and reports"),
            ("total_plus_reported", ", the sum of estimate and reports"),
        ]
    if pd.isna(year["cap_bbl"]):
        return
    for part, words in ways:
        low, middle, high = (year[f"{part}_fraction_of_cap_{q}"] for q in ("p05", "p50", "p95"))
        even = year[f"{part}_cap_passed_by_p50"]
        by = f", at even odds by {even:%Y-%m-%d}" if pd.notna(even) else ""
        out.print(
            f"{year['year']}{words}: {middle:.0%} of the cap of {year['cap_bbl']:,.0f} barrels (median; 90 %: "
            f"{low:.0%} to {high:.0%}); cap passed with probability {year[f'{part}_probability_cap_passed']:.0%}{by}",
            soft_wrap=True,
        )


def show_steps(steps: "Iterable[Step]") -> None:
    """Print the chain of one visit."""
    for step in steps:
        out.print(f"[bold]{escape(step.name)}[/] ({step.status}): {escape(step.text)}", soft_wrap=True)
        out.print(f"    {escape(step.source)}", style="dim", soft_wrap=True)


def show_backtest(result: "BacktestResult", product: str) -> None:
    """Print a case's figures beside ours, what differs, and whose they are; `product` is its name."""
    case = result.case
    table = Table("published", "theirs", "ours", "90 %", "above", "ours are", "")
    for c in result.comparisons:
        spread, above = (f"{c.p05:,.0f} to {c.p95:,.0f}", f"{c.above:.0%}") if c.p95 > c.p05 else ("", "")
        table.add_row(
            escape(c.published.name),
            f"{c.published.barrels:,.0f}",
            f"{c.mean:,.0f}",
            spread,
            above,
            _OURS[c.published.ours],
            _VERDICTS[c.agrees],
        )
    out.print(f"[bold]{escape(case.title)}[/]", soft_wrap=True)
    show_table(table, out)
    out.print(f"{escape(case.differs.strip())}", soft_wrap=True)
    out.print(f"Ours: {case.calls} calls, {product}. Ships: {escape(case.ships.source.strip())}.", soft_wrap=True)
    first_named: dict[str, str] = {}
    for figure in case.published:
        first_named.setdefault(figure.source.strip(), figure.name)
    for source, name in first_named.items():
        out.print(escape(f"Theirs, {name}: {source}."), style="dim", soft_wrap=True)
    out.print()


def show_sensitivity(table: "pd.DataFrame") -> None:
    """Print how the total moves with each assumption."""
    shown = Table("assumption", "low", "high", "mean barrels at low", "at high", "swing")
    for row in table.itertuples():
        ends = (f"{row.low:.3g}", f"{row.high:.3g}", f"{row.barrels_at_low:,.0f}", f"{row.barrels_at_high:,.0f}")
        shown.add_row(f"{row.name}, {row.unit}", *ends, f"{row.swing:,.0f}")
    show_table(shown, out)


def show_simulation(result: "SimulationResult") -> None:
    """Print how often the intervals held the truth."""
    table = Table("", "50 % interval holds", "90 % interval holds", "bias", "width of 90 %")
    for name, c in (("barrels", result.barrels), ("calls", result.calls), ("barrels seen", result.seen_barrels)):
        table.add_row(name, f"{c.coverage_50:.1%}", f"{c.coverage_90:.1%}", f"{c.bias:+.1%}", f"{c.width_90:.0%}")
    show_table(table, out)
    out.print(
        f"{result.scenario.port_years} port-years, {result.mean_calls:.1f} calls each, {result.share_seen:.0%} of them "
        f"seen (counting those alone: {result.naive_bias:+.0%}); {result.visits_right:.1%} of calls seen are right "
        f"visits; {result.run_time_s:.0f} s",
        soft_wrap=True,
    )


def show_notes(warnings: "Sequence[str]") -> None:
    """Print what a reader must know."""
    for warning in warnings:
        err.print(f"[yellow]note[/]: {escape(warning)}", soft_wrap=True)


def _minute(time: Any) -> str:
    return "" if time is None or time != time else f"{time:%Y-%m-%d %H:%M}"


def write_tables(folder: Path | None, tables: "dict[str, pd.DataFrame]") -> None:
    """Write a CSV a table; nothing without a folder.

    Raises:
        BerthwatchError: it cannot be written.
    """
    if folder is None:
        return
    for name, table in tables.items():
        flat = table.copy()
        for column in flat.columns:
            if flat[column].map(lambda v: isinstance(v, list)).any():
                flat[column] = [" ".join(str(part) for part in value) for value in flat[column]]
        write_text(folder / f"{name}.csv", flat.to_csv(index=False))
    out.print(f"written: {escape(str(folder))}", soft_wrap=True)


def check_writable(path: Path) -> None:
    """See that a file can be written, before any work is done for it.

    Raises:
        BerthwatchError: it cannot be.
    """
    probe = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BerthwatchError(f"{path}: cannot be written ({error.strerror or error})") from error


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise BerthwatchError(f"{path}: cannot be written ({error.strerror or error})") from error
