"""The doorbell: one thin function a command. Heavy imports live inside them, so that help answers at once."""

import logging
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.markup import escape

from . import __version__, cli_estimation, cli_evaluation, cli_models, cli_training
from . import arguments as arg
from .console import (
    PlaceCheck,
    SceneProgress,
    err,
    out,
    run_facts,
    show_estimate,
    show_ships,
    show_times,
    telling_undated,
    write_run,
)
from .errors import BerthwatchError, fault_told

if TYPE_CHECKING:
    from .inference.detect_scenes import SceneOutcome
    from .models.detector import Detector
    from .models.registry import SampleTiles

_MOST_FAILURES_NAMED = 5
_STOPPED = 130  # what typer makes of Ctrl-C
# Commands that skip what an earlier run of theirs has done, and what of it must be whole to count.
_GOES_ON = {"detect": "scene", "watch": "scene", "chips": "picture", "train": "epoch"}

app = typer.Typer(
    name="berthwatch",
    help="From satellite scenes to tankers, berths, visits and barrels, with honest uncertainty.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_models.app, name="models")
app.add_typer(cli_estimation.app)
app.add_typer(cli_training.app)
app.add_typer(cli_evaluation.app)


@app.command()
def demo(
    store: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for scenes and results.")] = Path(
        "berthwatch-demo"
    ),
    days: Annotated[
        int, typer.Option(min=7, max=366, help="Length of the simulated period, from 7 March 2024 on.")
    ] = 42,
    seed: arg.SeedOption = 2031,
) -> None:
    """Simulate six weeks at Vostochny, run the real detector on the pictures, set the estimate beside the truth."""
    from .demo import run_demo, show_result

    show_result(run_demo(store, days=days, seed=seed), store)


@app.command()
def detect(
    store: arg.StoreOption,
    scenes: arg.ScenesArgument = None,
    acquired_at: arg.AcquiredAtOption = None,
    band: arg.BandOption = None,
    cloud_mask: arg.CloudMaskOption = None,
    port: Annotated[str | None, typer.Option(metavar="PORT", help="Search the area of this port only.")] = None,
    aoi: Annotated[
        str | None, typer.Option(metavar="AREA", help="lon_min,lat_min,lon_max,lat_max or a file of polygons.")
    ] = None,
    model: arg.ModelOption = "berthwatch-n",
    device: arg.DeviceOption = arg.DeviceName.auto,
    backend: arg.BackendOption = arg.BackendName.auto,
    score: arg.ScoreOption = None,
    overlap_m: arg.OverlapOption = 400.0,
    land: arg.LandOption = None,
    batch: arg.BatchOption = 8,
    threads: arg.ThreadsOption = None,
    again: arg.AgainOption = False,
    profile: arg.ProfileOption = False,
) -> None:
    """Find the ships in scenes and write them to STORE/scenes, one GeoParquet file a scene."""
    import shapely

    from .configs.port import load_port
    from .inference.aoi import read_aoi
    from .inference.detect import DetectSettings
    from .inference.detect_scenes import detect_scenes, with_stored_time
    from .inference.land import Land
    from .inference.sample import sample_tiles
    from .inference.stage_times import StageTimes
    from .inference.store import check_store_writable

    if port and aoi:
        raise BerthwatchError("--port and --aoi both name the area to search; give one of them")
    place = load_port(port) if port else None
    area = shapely.box(*place.aoi) if place else read_aoi(aoi) if aoi else None
    settings = DetectSettings(
        overlap_m=overlap_m,
        score_threshold=score,
        at_berths=port is not None,
        batch_size=batch,
        land=Land.read(land) if land else None,
    )
    sources, opener = arg.scene_sources(scenes, acquired_at=acquired_at, band=band, cloud_mask=cloud_mask)
    check_store_writable(store)
    sample = partial(sample_tiles, sources, settings=settings, aoi=area, opener=opener)
    detector, times = open_detector(model, device, backend, score, threads, sample), StageTimes()
    check = PlaceCheck(
        telling_undated(lambda source: with_stored_time(opener(source), store)),
        len(sources),
        area=area,
        area_name=place.name if place else f"--aoi {aoi}",
        land=settings.land,
    )
    with SceneProgress(len(sources)) as progress:
        outcomes = detect_scenes(
            sources,
            detector,
            store,
            settings,
            aoi=area,
            again=again,
            opener=check.open,
            progress=progress.tiles_done,
            ended=progress.scene_ended,
            times=times,
        )
    facts = run_facts(detector, settings, outcomes)
    if times.ships_on_land:
        err.print(f"{times.ships_on_land} ships on land left out")
    if profile:
        show_times(times)
    try:
        write_run(store, {"command": "detect", "aoi": str(area) if area else None, **facts})
    finally:  # why a scene failed says more than that the disk is full
        fail_if_scenes_failed(outcomes)
    check.end()
    show_ships(outcomes, store)


@app.command()
def watch(
    port: arg.PortArgument,
    store: arg.StoreOption,
    scenes: arg.ScenesArgument = None,
    acquired_at: arg.AcquiredAtOption = None,
    band: arg.BandOption = None,
    cloud_mask: arg.CloudMaskOption = None,
    model: arg.ModelOption = "berthwatch-n",
    device: arg.DeviceOption = arg.DeviceName.auto,
    backend: arg.BackendOption = arg.BackendName.auto,
    score: arg.ScoreOption = None,
    overlap_m: arg.OverlapOption = 400.0,
    land: arg.LandOption = None,
    batch: arg.BatchOption = 8,
    threads: arg.ThreadsOption = None,
    again: arg.AgainOption = False,
    profile: arg.ProfileOption = False,
    product: arg.ProductOption = None,
    cargo: arg.CargoOption = None,
    since: arg.FromOption = None,
    until: arg.ToOption = None,
    reported: arg.ReportedOption = None,
    seed: arg.SeedOption = 0,
) -> None:
    """Watch a port: ships, berth occupancy, visits, barrels against the cap, and a report in STORE."""
    import shapely

    from .configs.port import load_port
    from .inference.detect import DetectSettings
    from .inference.land import Land
    from .inference.sample import sample_tiles
    from .inference.stage_times import StageTimes
    from .inference.store import check_store_writable
    from .watch import REPORT
    from .watch import watch as watch_port

    place = load_port(port)
    question = arg.read_question(cargo, product, since, until, reported, seed)
    asked = arg.question_facts(question, reported=reported)
    settings = DetectSettings(
        overlap_m=overlap_m,
        score_threshold=score,
        at_berths=True,
        batch_size=batch,
        land=Land.read(land) if land else None,
    )
    sources, opener = arg.scene_sources(scenes, acquired_at=acquired_at, band=band, cloud_mask=cloud_mask)
    check_store_writable(store)
    sample = partial(sample_tiles, sources, settings=settings, aoi=shapely.box(*place.aoi), opener=opener)
    detector, times = open_detector(model, device, backend, score, threads, sample), StageTimes()
    outcomes: list[SceneOutcome] = []
    check = PlaceCheck(opener, len(sources), land=settings.land)  # of scenes elsewhere the report tells
    with SceneProgress(len(sources)) as progress:

        def ended(outcome: "SceneOutcome") -> None:
            outcomes.append(outcome)
            progress.scene_ended(outcome)

        estimate = watch_port(
            place,
            sources,
            store,
            detector=detector,
            settings=settings,
            question=question,
            again=again,
            opener=check.open,
            progress=progress.tiles_done,
            ended=ended,
            times=times,
        )
    facts = run_facts(detector, settings, outcomes)
    write_run(store, {"command": "watch", "port": place.model_dump(), "question": asked, **facts})
    if times.ships_on_land:
        err.print(f"{times.ships_on_land} ships on land left out")
    if profile:
        show_times(times)
    show_estimate(estimate, store / REPORT)
    check.end()
    fail_if_scenes_failed(outcomes)


@app.command()
def report(
    port: arg.PortArgument,
    store: arg.StoreArgument,
    product: arg.ProductOption = None,
    cargo: arg.CargoOption = None,
    since: arg.FromOption = None,
    until: arg.ToOption = None,
    reported: arg.ReportedOption = None,
    identified: arg.IdentifiedOption = None,
    pump_limit: arg.PumpLimitOption = False,
    seed: arg.SeedOption = 0,
) -> None:
    """Estimate and report again from the detections in STORE, with other assumptions or another period."""
    from .configs.port import load_port
    from .watch import REPORT, report_store

    place = load_port(port)
    question = arg.read_question(
        cargo, product, since, until, reported, seed, identified=identified, pump_limit=pump_limit
    )
    asked = arg.question_facts(question, reported=reported, identified=identified)
    estimate = report_store(place, store, question)
    facts = {"command": "report", "port": place.model_dump(), "question": asked}
    write_run(store, facts, name="report.json")  # what the detections were made with stays in run.json
    show_estimate(estimate, store / REPORT)


@app.command()
def export(
    store: arg.StoreArgument,
    target: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write (for csv: a folder).")],
    format: Annotated[arg.ExportFormat | None, typer.Option(help="Taken from FILE's ending if left out.")] = None,
) -> None:
    """Write the detections in STORE as GeoPackage (styled for QGIS), GeoJSON, KML or CSV."""
    from .reporting.export import export_store

    written = export_store(store, target, format=format.value if format else None)
    out.print(f"written: {escape(str(written))}", soft_wrap=True)


def show_version(wanted: bool) -> None:
    """Print the version and leave, when `--version` is given."""
    if wanted:
        out.print(f"berthwatch {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and what the libraries say.")] = False,
) -> None:
    """From satellite scenes to tankers, berths, visits and barrels, with honest uncertainty."""
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if not debug:
        warnings.simplefilter("ignore")
        # GDAL's errors come to the user in ours, with the file's name.
        logging.getLogger("rasterio").setLevel(logging.CRITICAL)


def open_detector(
    model: str,
    device: arg.DeviceName,
    backend: arg.BackendName,
    score: float | None,
    threads: int | None,
    sample: "SampleTiles",
) -> "Detector":
    """The detector, told on standard error: what runs where is never a secret."""
    from .models.registry import load_detector

    detector = load_detector(
        model,
        device=device.value,
        backend=backend.value,
        score_threshold=score,
        threads=threads,
        sample_tiles=sample,
    )
    err.print(f"{escape(detector.metadata.model_id)} on {escape(detector.description)}", soft_wrap=True)
    return detector


def fail_if_scenes_failed(outcomes: "Sequence[SceneOutcome]") -> None:
    """End with 1 when a scene failed; each one's reason has been told, but for that of a scene alone.

    Names the first few again: among thousands of scenes what was told of them has long scrolled by.
    """
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed and len(outcomes) == 1:
        raise BerthwatchError(failed[0].error)
    if failed:
        named = ", ".join(outcome.source for outcome in failed[:_MOST_FAILURES_NAMED])
        others = " and others" if len(failed) > _MOST_FAILURES_NAMED else ""
        raise BerthwatchError(
            f"{len(failed)} of {len(outcomes)} scenes failed; the reasons stand above: {named}{others}"
        )


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; exits with 0, 1 after an error told in one line, 2 for wrong usage, 130 if stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(given, prog_name="berthwatch")
    except SystemExit as end:
        if end.code == _STOPPED:
            command = next((word for word in given if not word.startswith("-")), "")
            whole = _GOES_ON.get(command)
            err.print(f"stopped{f'; the same command goes on after the last finished {whole}' if whole else ''}")
        raise
    except BerthwatchError as error:
        err.print(f"[bold red]error[/]: {escape(str(error))}", soft_wrap=True)
    except OSError as error:
        if "--debug" in given:
            raise
        named = f"{error.filename}: " if error.filename else ""
        err.print(f"[bold red]error[/]: {escape(f'{named}{error.strerror or error}')}", soft_wrap=True)
    except Exception as error:
        if "--debug" in given:
            raise
        err.print(f"[bold red]fault in berthwatch[/]: {escape(fault_told(error))}", soft_wrap=True)
    sys.exit(1)
