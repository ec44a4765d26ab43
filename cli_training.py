"""The commands of those who train and judge detectors; `cli` hangs them beside its own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from . import arguments as arg
from .console import SceneProgress, StepProgress, err, out

if TYPE_CHECKING:
    from .training.chip_set import ChipSet
    from .training.evaluate import Comparison

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
    count: Annotated[int, typer.Option(min=1, help="Training chips; a tenth as many are made to validate on.")] = 8000,
    seed: arg.SeedOption = 0,
) -> None:
    """Make the chips that the shipped weights learn from: real crops and scenes, pasted hulls, synthetic ports."""
    import itertools

    from .training.environment import require_training_packages

    require_training_packages()
    from .training import mixture as recipe
    from .training.chips import write_chips, write_dataset_file

    sources = recipe.read_sources(data)
    written = write_chips(folder, "train", itertools.islice(recipe.mixture(sources, seed=seed), count))
    held = write_chips(folder, "val", itertools.islice(recipe.validation(sources, seed=seed), max(count // 10, 1)))
    dataset = write_dataset_file(folder)
    out.print(f"{written} chips to train on, {held} to validate: {escape(str(dataset))}", soft_wrap=True)


@app.command()
def calibrate(
    folder: Annotated[Path, typer.Argument(metavar="CHIPS", help="Chips folder; its split `val` is used.")],
    model: arg.ModelOption = "berthwatch-n",
    device: arg.DeviceOption = arg.DeviceName.auto,
    threads: arg.ThreadsOption = None,
) -> None:
    """Measure a model's errors on validation chips and print the fields of its card that they settle."""
    from .models.registry import load_detector
    from .training.environment import require_training_packages

    require_training_packages()
    from .training.calibrate import calibrate as measure
    from .training.chips import read_chips

    detector = load_detector(model, device=device.value, score_threshold=LOWEST_SCORE, threads=threads)
    err.print(f"{escape(detector.metadata.model_id)} on {escape(detector.description)}", soft_wrap=True)
    found = measure(detector, read_chips(folder, "val"))
    for name, value in found.card_fields().items():
        out.print(f"{name}: {value}")
    err.print(f"F1 {found.f1:.3f} at that threshold; AP {found.average_precision:.3f}; {found.length.ships} ships")
    for claimed, share, ships in found.tankers:
        err.print(f"called tanker with {claimed:.2f}: {share:.2f} of {ships} ships are")


@app.command()
def evaluate(
    report: Annotated[Path, typer.Option("--out", "-o", metavar="JSON", help="File for the figures.")],
    scenes: arg.ScenesArgument = None,
    model: arg.ModelOption = "berthwatch-n",
    device: arg.DeviceOption = arg.DeviceName.auto,
    score: arg.ScoreOption = None,
    min_length_m: Annotated[
        float, typer.Option(callback=arg.finite, min=0, help="Shorter ships count neither for nor against.")
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
    """Judge a model on labelled scenes: each has its labels beside it, NAME.txt in DOTA format, pixels of the scene."""
    from .models.registry import load_detector
    from .training.evaluate import figures

    sources, _ = arg.scene_sources(scenes, acquired_at=None, band=None, cloud_mask=None)
    detector = load_detector(model, device=device.value, score_threshold=LOWEST_SCORE, threads=threads)
    err.print(f"{escape(detector.metadata.model_id)} on {escape(detector.description)}", soft_wrap=True)
    threshold = detector.metadata.score_threshold if score is None else score
    with SceneProgress(len(sources)) as progress:
        pairs = [_judged(source, detector, overlap_m, min_iou, min_length_m, progress) for source in sources]
    result: dict[str, Any] = {
        "model_id": detector.metadata.model_id,
        "weights_sha256": detector.metadata.weights_sha256,
        "min_length_m": min_length_m,
        "min_iou": min_iou,
        "all": figures(pairs, score_threshold=threshold),
        "scenes": {
            Path(source).stem: figures([pair], score_threshold=threshold)
            for source, pair in zip(sources, pairs, strict=True)
        },
    }
    report.parent.mkdir(parents=True, exist_ok=True)
    half_written = report.with_name(report.name + ".part")
    half_written.write_text(json.dumps(result, indent=2))
    half_written.replace(report)
    _show(result)


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


def _judged(
    source: str, detector: Any, overlap_m: float, min_iou: float, min_length_m: float, progress: SceneProgress
) -> "Comparison":
    from .imagery.scene import open_scene
    from .inference.detect import DetectSettings, detect_scene
    from .training.evaluate import compare, labels_beside

    labels = labels_beside(Path(source))
    scene = open_scene(source)
    settings = DetectSettings(overlap_m=overlap_m, score_threshold=LOWEST_SCORE)
    _, detections = detect_scene(
        scene, detector, settings, progress=lambda done, tiles: progress.tiles_done(source, done, tiles)
    )
    return compare(scene, labels, detections, min_iou=min_iou, min_length_m=min_length_m)


def _show(result: dict[str, Any]) -> None:
    from rich.table import Table

    headings = {
        "ships": "ships",
        "recall": "recall",
        "precision": "prec.",
        "f1": "F1",
        "average_precision": "AP",
        "length_mae": "length MAE",
        "length_bias": "bias",
        "false_alarms": "false",
    }
    table = Table("scene", *headings.values(), "tankers found", "called so")
    for name, figures in {**result["scenes"], "all": result["all"]}.items():
        values = [figures.get(key, "–") for key in headings]
        cells = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in values]
        found = f"{figures['tankers_found']} of {figures['tankers']}"
        table.add_row(escape(name), *cells, found, str(figures["tankers_called_tanker"]))
    out.print(table)
