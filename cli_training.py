"""The commands of those who train detectors; `cli` hangs them beside its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from . import arguments as arg
from .console import StepProgress, err, out
from .console_table import show_table

if TYPE_CHECKING:
    from .configs.training_run import TrainingRun
    from .training.chip_set import ChipSet

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
    from .models.cores import granted_cores
    from .training.environment import require_training_packages

    require_training_packages()
    from .training.chip_set import make_chip_set

    settings = load_chips_config(config)
    processes = workers or granted_cores()
    with StepProgress() as progress:
        made = make_chip_set(settings, folder, workers=processes, strict=strict, progress=progress.tell)
    _show_chips(made)


def _show_chips(made: "ChipSet") -> None:
    from rich.table import Table

    table = Table("split", "chips", "without ships", *made.manifest["classes"])
    for split, counts in made.manifest["statistics"].items():
        ships = [str(counts["classes"].get(name, 0)) for name in made.manifest["classes"]]
        table.add_row(split, str(counts["chips"]), str(counts["negatives"]), *ships)
    show_table(table, out)
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
    if dry_run:
        _show_forecast(settings, trust_pickle=trust_pickle)
        return
    keep_ultralytics_to_itself(settings.run_dir)
    from .training.train import check_inputs
    from .training.train import train as run_training

    check_inputs(settings)
    weights = run_training(settings, trust_pickle=trust_pickle)
    out.print(f"weights: {escape(str(weights))}", soft_wrap=True)


def _show_forecast(settings: "TrainingRun", *, trust_pickle: bool) -> None:
    from tempfile import TemporaryDirectory

    from .training.environment import keep_ultralytics_to_itself

    with TemporaryDirectory() as home:
        keep_ultralytics_to_itself(Path(home), quiet=True)
        err.print("loading PyTorch and Ultralytics")
        from .training.forecast import forecast
        from .training.train import check_inputs

        check_inputs(settings)
        err.print(
            f"timing a few steps of {settings.batch_size} chips of {settings.chip_px} pixels on {settings.device}: "
            "a minute or so without a GPU",
            soft_wrap=True,
        )
        told = forecast(settings, trust_pickle=trust_pickle)
    out.print(
        f"{told.train_chips} chips to train on, {told.val_chips} to validate; {told.steps} steps at "
        f"{told.seconds_per_step:.2f} s: {told.hours:.1f} hours, at most {settings.hours or told.hours:.1f}",
        soft_wrap=True,
    )
