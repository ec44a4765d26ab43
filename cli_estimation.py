"""The commands of those who reckon: berths, barrels, proof. `cli` hangs them beside its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from . import arguments as arg
from .console import StepProgress, out
from .console_estimation import (
    check_writable,
    show_backtest,
    show_barrels,
    show_notes,
    show_occupancy,
    show_sensitivity,
    show_simulation,
    show_steps,
    write_tables,
    write_text,
)
from .errors import BerthwatchError

if TYPE_CHECKING:
    import pandas as pd

    from .configs.cargo import CargoAssumptions
    from .estimation.estimate import Estimate
    from .estimation.visit_list import VisitListEstimate
    from .watch import Question

app = typer.Typer()
simulate_app = typer.Typer(help="Simulations that prove the estimator; no pixels.", no_args_is_help=True)
app.add_typer(simulate_app, name="simulate")

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
    show_occupancy(estimate)
    write_tables(folder, {"observations": estimate.observations, "visits": estimate.visits})


@app.command()
def barrels(
    port: Annotated[str | None, typer.Argument(metavar="[PORT]", help="A port, as for watch.")] = None,
    store: Annotated[Path | None, typer.Argument(metavar="[STORE]", help="Folder that detect or watch wrote.")] = None,
    visits: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="A list of visits in place of PORT and STORE; its columns stand above."),
    ] = None,
    cap: arg.CapOption = None,
    identified: arg.IdentifiedOption = None,
    pump_limit: arg.PumpLimitOption = False,
    explain: Annotated[
        str | None, typer.Option(metavar="VISIT", help="Print the chain of one visit, step by step, with sources.")
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="How the total moves with each assumption (two estimates for each).")
    ] = False,
    product: arg.ProductOption = None,
    cargo: arg.CargoOption = None,
    since: arg.FromOption = None,
    until: arg.ToOption = None,
    reported: arg.ReportedOption = None,
    folder: FolderOption = None,
    seed: arg.SeedOption = 0,
) -> None:
    """Barrels loaded, seen and unseen, against a cap: from the detections in STORE, or from a list of visits.

    The CSV of --visits has a visit a line. Columns, date and one size needed:

    - date: YYYY-MM-DD, or a time with its zone
    - dwt_t: deadweight in tonnes, if known
    - length_m, and length_sd_m (5 if left out)
    - beam_m, and beam_sd_m
    - ship: name or IMO number; one name is one hull
    - tanker_probability: 0 to 1 (1 if left out)
    - visit_id, berth_id: names of your own
    - source, note: whatever you like
    """
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
    show_barrels(result)
    if visits and not cap:
        caps = ", ".join(assumptions.caps)
        show_notes([f"A list of visits names no port, so no cap is set against it; name one with --cap ({caps})."])
    show_steps(steps)
    tables = {"visits": result.visits, "loadings": result.loadings, "totals": result.totals}
    tables |= {"by_size_class": result.by_size_class, "assumptions": result.assumptions}
    tables |= {"ledger_by_date": result.ledger.by_date, "ledger_by_year": result.ledger.by_year}
    if sensitivity:
        tables["sensitivity"] = _sensitivity(
            run, assumptions, result.product, traffic=visits is None, pump_limit=pump_limit
        )
    write_tables(folder, tables)


@app.command()
def backtest(cargo: arg.CargoOption = None, seed: arg.SeedOption = 0) -> None:
    """Public cases with published figures: ours beside theirs, and what differs."""
    from .configs.cargo import load_cargo
    from .configs.case import load_cases
    from .estimation.backtest import backtest as run_case

    assumptions, disagree = load_cargo(cargo), 0
    for case in load_cases():
        result = run_case(case, assumptions, seed=seed)
        show_backtest(result, assumptions.product(case.product).name)
        disagree += sum(c.agrees is False for c in result.comparisons)
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

    if json_file:
        check_writable(json_file)
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
    show_simulation(result)
    if json_file:
        write_text(json_file, json.dumps(result.to_json(), indent=2) + "\n")
        out.print(f"written: {escape(str(json_file))}", soft_wrap=True)


def _of_store(
    port: str, store: Path, question: "Question", *, cap: str | None = None
) -> "Callable[[CargoAssumptions], Estimate]":
    """What estimates from a store's detections with the assumptions given to it."""
    from .configs.port import load_port
    from .inference.store import read_store
    from .watch import answer

    place = load_port(port)
    place = place if cap is None else place.model_copy(update={"cap": cap})
    records, detections = read_store(store)
    return lambda assumptions: answer(place, records, detections, assumptions, question)


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


def _sensitivity(
    run: "Callable[[CargoAssumptions], Estimate | VisitListEstimate]",
    assumptions: "CargoAssumptions",
    product: str,
    *,
    traffic: bool,
    pump_limit: bool,
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
            pump_limit=pump_limit,
            progress=lambda done, total: progress.tell("assumptions", done, total),
        )
    show_sensitivity(table)
    return table
