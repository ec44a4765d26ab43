"""The commands of those who reckon: berths, barrels, proof. `cli` hangs them beside its own."""

import contextlib
import json
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from . import arguments as arg
from .console import StepProgress, err, out
from .errors import BerthwatchError

if TYPE_CHECKING:
    import pandas as pd

    from .configs.cargo import CargoAssumptions
    from .estimation.estimate import Estimate
    from .estimation.simulate import SimulationResult
    from .estimation.visit_list import VisitListEstimate
    from .watch import Question

app = typer.Typer()
simulate_app = typer.Typer(help="Simulations that prove the estimator; no pixels.", no_args_is_help=True)
app.add_typer(simulate_app, name="simulate")

_OURS = {
    "third": "listed capacity / 3",
    "half": "listed capacity / 2",
    "ninetenths": "listed capacity x 0.9",
    "full": "full cargoes",
    "loaded": "our default",
}
_VERDICTS = {True: "agrees", False: "[red]differs[/]", None: "not judged"}

FolderOption = Annotated[Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the tables, CSV.")]


@app.command()
def occupancy(
    port: arg.PortArgument,
    store: arg.StoreArgument,
    cargo: arg.CargoOption = None,
    since: arg.FromOption = None,
    until: arg.ToOption = None,
    folder: FolderOption = None,
    seed: arg.SeedOption = 0,
) -> None:
    """Which berth was occupied in which scene, and the visits that follow, from the detections in STORE."""
    from .configs.cargo import load_cargo

    run = _of_store(port, store, arg.read_question(cargo, None, since, until, None, seed))
    estimate = run(load_cargo(cargo))
    table = Table("berth", "scenes", "occupied", "vacant", "unobserved", "visits seen")
    for berth_id, looks in estimate.observations.groupby("berth_id", sort=False):
        counts = [str(int((looks["state"] == state).sum())) for state in ("occupied", "vacant", "unobserved")]
        table.add_row(
            str(berth_id), str(len(looks)), *counts, str(int((estimate.visits["berth_id"] == berth_id).sum()))
        )
    out.print(table)
    visits = Table("visit", "first seen", "last seen", "arrived after", "left before", "length, m", "one ship")
    for visit in estimate.visits.itertuples():
        times = [visit.first_seen, visit.last_seen, visit.arrival_earliest, visit.departure_latest]
        size = f"{visit.length_m:.0f} ± {visit.length_sd_m:.0f}"
        visits.add_row(str(visit.visit_id), *(_minute(t) for t in times), size, f"{visit.link_probability:.2f}")
    if len(estimate.visits):
        out.print(visits)
    _notes(estimate.warnings)
    _write_tables(folder, {"observations": estimate.observations, "visits": estimate.visits})


@app.command()
def barrels(
    port: Annotated[str | None, typer.Argument(metavar="[PORT]", help="A port, as for watch.")] = None,
    store: Annotated[Path | None, typer.Argument(metavar="[STORE]", help="Folder that detect or watch wrote.")] = None,
    visits: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="A list of visits in place of PORT and STORE: date, length_m or dwt_t, ship, …"
        ),
    ] = None,
    cap: Annotated[str | None, typer.Option(help="Cap to set the barrels against; PORT's own if left out.")] = None,
    identified: arg.IdentifiedOption = None,
    pump_limit: arg.PumpLimitOption = False,
    explain: Annotated[
        str | None, typer.Option(metavar="VISIT", help="Print the chain of one visit, step by step, with sources.")
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="How the total moves with each assumption (estimates 20 times).")
    ] = False,
    product: arg.ProductOption = None,
    cargo: arg.CargoOption = None,
    since: arg.FromOption = None,
    until: arg.ToOption = None,
    reported: arg.ReportedOption = None,
    folder: FolderOption = None,
    seed: arg.SeedOption = 0,
) -> None:
    """Barrels loaded, seen and unseen, against a cap: from the detections in STORE, or from a list of visits."""
    from .configs.cargo import load_cargo
    from .estimation.explain import explain_visit

    assumptions = load_cargo(cargo)
    if visits is not None:
        if port or store or since or until or identified or pump_limit:
            raise BerthwatchError(
                "--visits stands alone: leave PORT, STORE, --from, --to, --identified (the list's own columns ship and "
                "dwt_t do that) and --pump-limit (no look bounds a listed stay) out"
            )
        run = _of_visit_list(visits, product, cap, reported, seed)
    elif port and store:
        question = arg.read_question(
            cargo, product, since, until, reported, seed, identified=identified, pump_limit=pump_limit
        )
        run = _of_store(port, store, question, cap=cap)
    else:
        raise BerthwatchError("give PORT and STORE, or --visits CSV")
    result = run(assumptions)
    steps = explain_visit(result, explain, assumptions, pump_limit=pump_limit) if explain is not None else []
    _show_barrels(result)
    for step in steps:
        out.print(f"[bold]{escape(step.name)}[/] ({step.status}): {escape(step.text)}", soft_wrap=True)
        out.print(f"    {escape(step.source)}", style="dim", soft_wrap=True)
    tables = {"visits": result.visits, "loadings": result.loadings, "totals": result.totals}
    tables |= {"by_size_class": result.by_size_class, "assumptions": result.assumptions}
    tables |= {"ledger_by_date": result.ledger.by_date, "ledger_by_year": result.ledger.by_year}
    if sensitivity:
        tables["sensitivity"] = _show_sensitivity(run, assumptions, result.product, traffic=visits is None)
    _write_tables(folder, tables)


@app.command()
def backtest(cargo: arg.CargoOption = None, seed: arg.SeedOption = 0) -> None:
    """Public cases with published figures: ours beside theirs, and what differs."""
    from .configs.cargo import load_cargo
    from .configs.case import load_cases
    from .estimation.backtest import backtest as run_case

    assumptions, disagree = load_cargo(cargo), 0
    for case in load_cases():
        result = run_case(case, assumptions, seed=seed)
        table = Table("published", "theirs", "ours", "90 %", "more than theirs", "ours are", "")
        for c in result.comparisons:
            disagree += c.agrees is False
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
        out.print(table)
        product = assumptions.product(case.product).name
        out.print(f"{escape(case.differs.strip())}", soft_wrap=True)
        out.print(f"Ours: {case.calls} calls, {product}. Ships: {escape(case.ships.source.strip())}.", soft_wrap=True)
        first_named: dict[str, str] = {}
        for figure in case.published:
            first_named.setdefault(figure.source.strip(), figure.name)
        for source, name in first_named.items():
            out.print(escape(f"Theirs, {name}: {source}."), style="dim", soft_wrap=True)
        out.print()
    if disagree:
        which = "One published figure differs" if disagree == 1 else f"{disagree} published figures differ"
        raise BerthwatchError(f"{which} from ours beyond the interval; the tables above say which")


@simulate_app.command("port-calls")
def simulate_port_calls(
    port_years: Annotated[int, typer.Option(help="Simulated years of one berth.")] = 2000,
    revisit_days: Annotated[float, typer.Option(help="Days between looks.")] = 1.0,
    cloud: Annotated[float, typer.Option(help="Share of looks under cloud, 0 to 0.99.")] = 0.3,
    length_sd_m: Annotated[float, typer.Option(help="Error of measured lengths, metres.")] = 5.0,
    gsd_m: Annotated[float, typer.Option(help="Metres a pixel; sets the recall.")] = 3.0,
    stay_factor: Annotated[float, typer.Option(help="True typical stay over the assumed one.")] = 1.0,
    hull_recall_sd: Annotated[
        float, typer.Option(help="How much recall differs from hull to hull, sd; the estimator knows of none.")
    ] = 0.0,
    calls_per_year: Annotated[
        float | None, typer.Option(help="True rate of calls; each port-year's own, from the prior, if left out.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Histories drawn a port-year.")] = 100,
    port: Annotated[
        str, typer.Option(metavar="PORT", help="Whose first oil berth gives the ships' lengths.")
    ] = "vostochny",
    cargo: arg.CargoOption = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result here too.")] = None,
    seed: arg.SeedOption = 0,
) -> None:
    """How often the intervals hold the truth: simulated calls and looks, the real estimator, coverage and bias."""
    from .configs.cargo import load_cargo
    from .configs.port import load_port
    from .estimation.simulate import Scenario
    from .estimation.simulate import simulate_port_calls as simulate

    place = load_port(port)
    if not place.oil_berths:
        raise BerthwatchError(f"port {place.id} has no berth of kind oil; choose another with --port")
    scenario = Scenario(
        port_years=port_years,
        revisit_days=revisit_days,
        cloud=cloud,
        length_sd_m=length_sd_m,
        gsd_m=gsd_m,
        stay_factor=stay_factor,
        hull_recall_sd=hull_recall_sd,
        calls_per_year=calls_per_year,
        draws=draws,
        seed=seed,
    )
    with StepProgress() as progress:
        result = simulate(
            scenario,
            load_cargo(cargo),
            place.oil_berths[0],
            progress=lambda done, total: progress.tell("port-years", done, total),
        )
    _show_simulation(result)
    if json_file:
        _write_text(json_file, json.dumps(result.to_json(), indent=2) + "\n")
        out.print(f"written: {escape(str(json_file))}", soft_wrap=True)


def _of_store(
    port: str, store: Path, question: "Question", *, cap: str | None = None
) -> "Callable[[CargoAssumptions], Estimate]":
    """What estimates from a store's detections with the assumptions given to it."""
    from .configs.port import load_port
    from .estimation.estimate import estimate
    from .inference.store import read_store
    from .watch import doubtful_times, missing_the_port

    place = load_port(port)
    place = place if cap is None else place.model_copy(update={"cap": cap})
    records, detections = read_store(store)
    missing = missing_the_port(place, records)

    def run(assumptions: "CargoAssumptions") -> "Estimate":
        result = estimate(
            place,
            records,
            detections,
            assumptions,
            product=question.product,
            period=question.period,
            reported=question.reported,
            identified=question.identified,
            pump_limit=question.pump_limit,
            seed=question.seed,
        )
        return replace(result, warnings=(*missing, *doubtful_times(result.records), *result.warnings))

    return run


def _of_visit_list(
    visits: Path, product: str | None, cap: str | None, reported: Path | None, seed: int
) -> "Callable[[CargoAssumptions], VisitListEstimate]":
    """What estimates from a list of visits with the assumptions given to it."""
    from .estimation.reported import read_reported
    from .estimation.visit_list import estimate_visit_list, read_visit_list

    listed = read_visit_list(visits)
    notified = read_reported(reported) if reported else None

    def run(assumptions: "CargoAssumptions") -> "VisitListEstimate":
        return estimate_visit_list(listed, assumptions, product=product, cap=cap, reported=notified, seed=seed)

    return run


def _show_barrels(result: "Estimate | VisitListEstimate") -> None:
    table = Table("visit", "last seen", "calls", "DWT, t", "barrels", "90 %", "33 / 50 / 90 % laden")
    for visit in result.visits.merge(result.loadings, on=["visit_id", "berth_id"]).itertuples():
        laden = (visit.barrels_laden_33, visit.barrels_laden_50, visit.barrels_laden_90)
        table.add_row(
            str(visit.visit_id),
            _minute(visit.last_seen),
            f"{visit.calls_mean:.2f}",
            f"{visit.dwt_t_p50:,.0f}",
            f"{visit.barrels_mean:,.0f}",
            f"{visit.barrels_p05:,.0f} to {visit.barrels_p95:,.0f}",
            " / ".join(f"{value:,.0f}" for value in laden),
        )
    if len(result.loadings):
        out.print(table)
    out.print(f"From {_minute(result.period[0])} to {_minute(result.period[1])} UTC:")
    for row in result.totals.itertuples():
        out.print(
            f"{row.part}: visits {row.visits_p50:.0f} (90 %: {row.visits_p05:.0f} to {row.visits_p95:.0f}), "
            f"barrels {row.barrels_p50:,.0f} (50 %: {row.barrels_p25:,.0f} to {row.barrels_p75:,.0f}; "
            f"90 %: {row.barrels_p05:,.0f} to {row.barrels_p95:,.0f}); if 33 / 50 / 90 % laden: "
            f"{row.barrels_laden_33:,.0f} / {row.barrels_laden_50:,.0f} / {row.barrels_laden_90:,.0f}",
            soft_wrap=True,
        )
    for year in result.ledger.by_year.to_dict("records"):
        _show_year(year)
    _notes(result.warnings)


def _show_year(year: "dict[Hashable, Any]") -> None:
    """A calendar year against its cap, and with what states reported; nothing where there is neither."""
    ways = [("total", "")]
    if year["reported_bbl"] == year["reported_bbl"]:
        out.print(f"{year['year']}: states reported {year['reported_bbl']:,.0f} barrels")
        ways += [
            ("total_or_reported", ", the larger of estimate and reports"),
            ("total_plus_reported", ", the sum of estimate and reports"),
        ]
    if year["cap_bbl"] != year["cap_bbl"]:
        return
    for part, words in ways:
        low, middle, high = (year[f"{part}_fraction_of_cap_{q}"] for q in ("p05", "p50", "p95"))
        even = year[f"{part}_cap_passed_by_p50"]
        by = f", at even odds by {even:%Y-%m-%d}" if even == even else ""
        out.print(
            f"{year['year']}{words}: {middle:.0%} of the cap of {year['cap_bbl']:,.0f} barrels (90 %: {low:.0%} to "
            f"{high:.0%}); cap passed with probability {year[f'{part}_probability_cap_passed']:.0%}{by}",
            soft_wrap=True,
        )


def _show_sensitivity(
    run: "Callable[[CargoAssumptions], Estimate | VisitListEstimate]",
    assumptions: "CargoAssumptions",
    product: str,
    *,
    traffic: bool,
) -> "pd.DataFrame":
    from .estimation.sensitivity import sensitivity

    def mean_total(changed: "CargoAssumptions") -> float:
        totals = run(changed).totals
        return float(totals.loc[totals["part"] == "total", "barrels_mean"].iloc[0])

    with StepProgress() as progress:
        table = sensitivity(
            mean_total,
            assumptions,
            product,
            traffic=traffic,
            progress=lambda done, total: progress.tell("assumptions", done, total),
        )
    shown = Table("assumption", "low", "high", "barrels at low", "barrels at high", "swing")
    for row in table.itertuples():
        ends = (f"{row.low:.3g}", f"{row.high:.3g}", f"{row.barrels_at_low:,.0f}", f"{row.barrels_at_high:,.0f}")
        shown.add_row(f"{row.name}, {row.unit}", *ends, f"{row.swing:,.0f}")
    out.print(shown)
    return table


def _show_simulation(result: "SimulationResult") -> None:
    table = Table("", "50 % interval holds", "90 % interval holds", "bias", "width of 90 %")
    for name, c in (("barrels", result.barrels), ("calls", result.calls), ("barrels seen", result.seen_barrels)):
        table.add_row(name, f"{c.coverage_50:.1%}", f"{c.coverage_90:.1%}", f"{c.bias:+.1%}", f"{c.width_90:.0%}")
    out.print(table)
    out.print(
        f"{result.scenario.port_years} port-years, {result.mean_calls:.1f} calls each, {result.share_seen:.0%} of them "
        f"seen (counting those alone: {result.naive_bias:+.0%}); {result.visits_right:.1%} of calls seen are right "
        f"visits; {result.run_time_s:.0f} s",
        soft_wrap=True,
    )


def _notes(warnings: "Sequence[str]") -> None:
    for warning in warnings:
        err.print(f"[yellow]note[/]: {escape(warning)}", soft_wrap=True)


def _minute(time: Any) -> str:
    return "" if time is None or time != time else f"{time:%Y-%m-%d %H:%M}"


def _write_tables(folder: Path | None, tables: "dict[str, pd.DataFrame]") -> None:
    if folder is None:
        return
    for name, table in tables.items():
        flat = table.copy()
        for column in flat.columns:
            if flat[column].map(lambda v: isinstance(v, list)).any():
                flat[column] = [" ".join(str(part) for part in value) for value in flat[column]]
        _write_text(folder / f"{name}.csv", flat.to_csv(index=False))
    out.print(f"written: {escape(str(folder))}", soft_wrap=True)


def _write_text(path: Path, text: str) -> None:
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
