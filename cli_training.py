"""The commands of those who train and judge detectors; `cli` hangs them beside its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from . import arguments as arg
from .console import StepProgress, err, out
from .errors import BerthwatchError

if TYPE_CHECKING:
    from rich.table import Table

    from .training.chip_set import ChipSet
    from .training.evaluation_pictures import JudgedPicture

app = typer.Typer()

# Average precision needs the tail of low scores that the recommended threshold cuts off.
LOWEST_SCORE = 0.05

MOST_PROBLEMS_SHOWN = 20


@app.command()
def chips(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Chips YAML: which datasets, at which GSDs.")],
    folder: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the chips.")],
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores if left out.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first label or picture that cannot be read.")
    ] = False,
) -> None:
    """Cut training chips out of labelled datasets and scenes, in YOLO-OBB layout, split by picture and place."""
    from .configs.chips import load_chips_config
    from .training.environment import require_training_packages

    require_training_packages()
    from .training.chip_set import make_chip_set, usable_cores

    settings = load_chips_config(config)
    with StepProgress() as progress:
        made = make_chip_set(settings, folder, workers=workers or usable_cores(), strict=strict, progress=progress.tell)
    _show_chips(made)


def _show_chips(made: "ChipSet") -> None:
    from rich.table import Table

    table = Table("split", "chips", "without ships", *made.manifest["classes"])
    for split, counts in made.manifest["statistics"].items():
        ships = [str(counts["classes"].get(name, 0)) for name in made.manifest["classes"]]
        table.add_row(split, str(counts["chips"]), str(counts["negatives"]), *ships)
    out.print(table)
    for dataset in made.manifest["datasets"]:
        read = dataset["read"]
        left_out = sum(read["left_out"].values())
        err.print(
            f"{escape(dataset['name'])}: {read['images']} pictures, {read['ships']} ships, {left_out} other objects "
            f"left out, {read['problems']} problems; {escape(dataset['licence'])}",
            soft_wrap=True,
        )
    for problem in made.problems[:MOST_PROBLEMS_SHOWN]:
        err.print(f"[yellow]not read[/]: {escape(str(problem))}", soft_wrap=True)
    if len(made.problems) > MOST_PROBLEMS_SHOWN:
        err.print(
            f"… and {len(made.problems) - MOST_PROBLEMS_SHOWN} more; all are in {escape(str(made.out))}/problems.csv"
        )
    out.print(f"chips written to {escape(str(made.out))}; look at preview.png", soft_wrap=True)


@app.command()
def mixture(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder with google-earth/, planet/ and sentinel2/.")],
    folder: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the chips.")],
    count: Annotated[int, typer.Option(min=0, help="Chips to train on.")] = 8000,
    validation: Annotated[
        int | None, typer.Option(min=0, help="Chips to validate and calibrate on; a tenth of --count if left out.")
    ] = None,
    seed: arg.SeedOption = 0,
) -> None:
    """Make the chips that the shipped weights learn from: real crops and scenes, pasted hulls, synthetic ports."""
    import itertools

    from .training.environment import require_training_packages

    require_training_packages()
    from .training import mixture as recipe
    from .training.chip_manifest import mixture_manifest, write_manifest
    from .training.chips import write_chips, write_dataset_file

    sources = recipe.read_sources(data)
    written = write_chips(folder, "train", itertools.islice(recipe.mixture(sources, seed=seed), count))
    held_out = itertools.islice(
        recipe.validation(sources, seed=seed), count // 10 if validation is None else validation
    )
    held = write_chips(folder, "val", held_out)
    dataset = write_dataset_file(folder)
    write_manifest(folder, mixture_manifest(folder, seed=seed))
    out.print(f"{written} chips to train on, {held} to validate: {escape(str(dataset))}", soft_wrap=True)


@app.command()
def calibrate(
    folder: Annotated[Path, typer.Argument(metavar="CHIPS", help="Chips folder; its split `val` is used.")],
    model: arg.ModelOption = "berthwatch-n",
    card: Annotated[
        Path | None,
        typer.Option(metavar="CARD", help="Write them into this card (YAML), made from the model's own if missing."),
    ] = None,
    device: arg.DeviceOption = arg.DeviceName.auto,
    threads: arg.ThreadsOption = None,
) -> None:
    """Fit a model's thresholds, ship probability and size errors on validation chips: the fields of its card."""
    from .models.registry import load_detector
    from .training.environment import require_training_packages

    require_training_packages()
    from .training.calibrate import calibrate as measure
    from .training.calibrate import write_card
    from .training.chips import read_chips

    detector = load_detector(model, device=device.value, score_threshold=LOWEST_SCORE, threads=threads)
    err.print(f"{escape(detector.metadata.model_id)} on {escape(detector.description)}", soft_wrap=True)
    found = measure(detector, read_chips(folder, "val"))
    for name, value in found.card_fields().items():
        out.print(f"{name}: {value}")
    err.print(f"sizes fitted on {found.measured_ships} ships; AP of all chips {found.average_precision:.3f}")
    for part in found.ranges:
        err.print(
            f"{'sharp' if part.sharp else 'coarse'} chips: {part.ships} ships, AP {part.average_precision:.3f}, F1 "
            f"{part.f1:.3f} at {part.threshold:.2f}; claimed and true share of ships differ by {part.error_after:.3f} "
            f"(bare score: {part.error_before:.3f})"
        )
        for claimed, share, n in part.ship_reliability:
            err.print(f"  a ship with {claimed:.2f}: {share:.2f} of {n} detections are")
    for claimed, share, n in found.tankers:
        err.print(f"called tanker with {claimed:.2f}: {share:.2f} of {n} ships are")
    if card:
        write_card(card, found, detector.metadata)
        out.print(f"card written: {escape(str(card))}", soft_wrap=True)


@app.command()
def evaluate(
    report: Annotated[
        Path, typer.Option("--out", "-o", metavar="JSON", help="File for the figures; a page is written beside it.")
    ],
    scenes: arg.ScenesArgument = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER",
            help="Labelled pictures: a shipped description or a dataset YAML, and where they are. Repeatable.",
        ),
    ] = None,
    assumed_gsd_m: Annotated[
        float | None,
        typer.Option(
            callback=arg.finite, min=0.05, max=30, help="Ground metres a pixel of pictures that nothing tells it of."
        ),
    ] = None,
    model: arg.ModelOption = "berthwatch-n",
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="Another detector for the same table: a model, or an Ultralytics checkpoint (.pt). Repeatable.",
        ),
    ] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load .pt checkpoints although that runs their code.")
    ] = False,
    device: arg.DeviceOption = arg.DeviceName.auto,
    score: arg.ScoreOption = None,
    min_length_m: Annotated[
        float, typer.Option(callback=arg.finite, min=0, help="Shorter ships count neither for nor against.")
    ] = 0.0,
    min_length_px: Annotated[
        float, typer.Option(callback=arg.finite, min=0, help="The same in the pictures' own pixels.")
    ] = 0.0,
    min_iou: Annotated[
        float,
        typer.Option(
            callback=arg.finite, min=0, max=1, help="Least overlap (rotated IoU) of a detection with its ship."
        ),
    ] = 0.3,
    overlap_m: arg.OverlapOption = 400.0,
    threads: arg.ThreadsOption = None,
) -> None:
    """Judge a model on labelled scenes and datasets, beside others: figures as JSON, and a page that shows them.

    A scene has its labels beside it, NAME.txt in DOTA format, pixels of the scene.
    """
    from .evaluation import LOWEST_SCORE, Rules
    from .evaluation import evaluate as run_all
    from .evaluation_report import results, write_page, write_results
    from .imagery.scene_list import list_scenes
    from .models.registry import load_detector
    from .training.baselines import load_baseline
    from .training.evaluation_pictures import labelled_scene

    page = report.with_suffix(".html")
    if page == report:
        raise BerthwatchError(f"--out {report}: name the JSON file; the page is written beside it")
    rules = Rules(min_iou, min_length_m, min_length_px, score, overlap_m)
    pictures = [labelled_scene(source) for source in list_scenes(scenes or ())]
    pictures += _dataset_pictures(dataset or (), assumed_gsd_m)
    detector = load_detector(
        model, device=device.value, score_threshold=LOWEST_SCORE, threads=threads, trust_pickle=trust_pickle
    )
    err.print(f"{escape(detector.metadata.model_id)} on {escape(detector.description)}", soft_wrap=True)
    baselines = [
        load_baseline(
            other, device=device.value, score_threshold=LOWEST_SCORE, threads=threads, trust_pickle=trust_pickle
        )
        for other in against or ()
    ]
    with StepProgress() as progress:
        runs = run_all(detector, pictures, rules, against=baselines, progress=progress.tell)
    told = results(runs, pictures, rules)
    write_results(told, report)
    write_page(told, runs[0], pictures, page)
    _show_figures(told)
    if len(runs) > 1:
        _show_compared(told)
    out.print(f"figures: {escape(str(report))}; page: {escape(str(page))}", soft_wrap=True)


def _dataset_pictures(named: Sequence[str], assumed_gsd_m: float | None) -> "list[JudgedPicture]":
    from .training.datasets.report import ReadReport
    from .training.evaluation_pictures import dataset_pictures

    pictures = []
    for name in named:
        read = ReadReport()
        pictures += dataset_pictures(name, read, assumed_gsd_m=assumed_gsd_m)
        err.print(
            f"{escape(read.dataset)}: {read.images} pictures, {read.ships} ships, {len(read.problems)} problems",
            soft_wrap=True,
        )
        for problem in read.problems[:MOST_PROBLEMS_SHOWN]:
            err.print(f"[yellow]not read[/]: {escape(str(problem))}", soft_wrap=True)
    return pictures


@app.command()
def train(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run YAML, or a preset: laptop-cpu, workstation-gpu, several-gpus.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many chips, steps and hours, and stop.")] = False,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load a checkpoint not of your own runs although that runs its code.")
    ] = False,
) -> None:
    """Train a detector on chips; the same command goes on where a stopped run was (extra train)."""
    from .configs.training_run import load_training_run
    from .training.environment import keep_ultralytics_to_itself, require_training_packages

    settings = load_training_run(run)
    require_training_packages()
    keep_ultralytics_to_itself(settings.run_dir)
    from .training.train import check_inputs, forecast
    from .training.train import train as run_training

    check_inputs(settings)
    if dry_run:
        told = forecast(settings)
        out.print(
            f"{told.train_chips} chips to train on, {told.val_chips} to validate; {told.steps} steps at "
            f"{told.seconds_per_step:.2f} s: {told.hours:.1f} hours, at most {settings.hours or told.hours:.1f}"
        )
        return
    weights = run_training(settings, trust_pickle=trust_pickle)
    out.print(f"weights: {escape(str(weights))}", soft_wrap=True)


def _show_figures(told: dict[str, Any]) -> None:
    headings = {
        "ships": "ships",
        "recall": "recall",
        "precision": "prec.",
        "f1": "F1",
        "average_precision": f"AP{100 * told['min_iou']:.0f}",
        "ap_50": "AP50",
        "ap_50_95": "50-95",
        "length_mae": "length",
        "false_alarms": "false",
    }
    table = _table("scene", *headings.values(), "tankers", "found", "called")
    for name, row in {**told["scenes"], "all": told["all"]}.items():
        tankers = (row[key] for key in ("tankers", "tankers_found", "tankers_called_tanker"))
        table.add_row(escape(name), *(_cell(row.get(key)) for key in headings), *(_cell(count) for count in tankers))
    _print_wide(table)


def _show_compared(told: dict[str, Any]) -> None:
    headings = {
        "recall": "recall",
        "precision": "prec.",
        "f1": "F1",
        "best_f1": "best F1",
        "ap_30": "AP30",
        "ap_50": "AP50",
        "ap_50_95": "50-95",
        "length_mae": "length",
    }
    table = _table("detector, shown at, scored by", *headings.values())
    for row in told["compared"]:
        name = f"{row['model_id']}, {row['shown_at']}, {row['scored_by']}"
        table.add_row(escape(name), *(_cell(row["all"].get(key)) for key in headings))
    _print_wide(table)


def _table(*headings: str) -> "Table":
    """A table of one wide column and many narrow ones."""
    from rich import box
    from rich.table import Table

    first, *others = headings
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _print_wide(table: "Table") -> None:
    from rich.console import Console

    # A log has no width of its own; the 80 columns that rich takes then would cut the figures.
    Console(highlight=False, width=None if out.is_terminal else 120).print(table)


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
