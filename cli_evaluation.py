"""The command that judges detectors on labelled pictures; `cli` hangs it beside its own."""

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

    from .training.evaluation_pictures import JudgedPicture

app = typer.Typer()

MOST_PROBLEMS_SHOWN = 20


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
    backend: Annotated[
        arg.BackendName, typer.Option(help="What runs the model; auto never takes OpenVINO here.")
    ] = arg.BackendName.auto,
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
    from .evaluation_report import results, write_evaluation
    from .imagery.scene_list import list_scenes
    from .models.registry import load_detector
    from .training.baselines import load_baseline
    from .training.evaluation_pictures import labelled_scenes

    page = report.with_suffix(".html")
    if page == report:
        raise BerthwatchError(f"--out {report}: name the JSON file; the page is written beside it")
    rules = Rules(min_iou, min_length_m, min_length_px, score, overlap_m)
    pictures = labelled_scenes(list_scenes(scenes or ()))
    pictures += _dataset_pictures(dataset or (), assumed_gsd_m)
    detector = load_detector(
        model,
        device=device.value,
        backend=backend.value,
        score_threshold=LOWEST_SCORE,
        threads=threads,
        trust_pickle=trust_pickle,
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
    write_evaluation(told, runs[0], pictures, report, page)
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


def _show_figures(told: dict[str, Any]) -> None:
    from .reporting.evaluation_page import interval, number, share

    rates = {"recall": "recall", "precision": "precision", "F1": "f1"}
    table = _table("scene", "ships", "false", *rates, "AP30", "AP50", "length", "tankers", with_interval=[*rates])
    for name, row in {**told["scenes"], "all": told["all"]}.items():
        table.add_row(
            escape(name),
            str(row["ships"]),
            str(row["false_alarms"]),
            *(f"{number(row[rate])} {interval(row[f'{rate}_90'])}" for rate in rates.values()),
            number(row["ap_30"]),
            number(row["ap_50"]),
            share(row.get("length_mae")),
            f"{row['tankers_found']}/{row['tankers_called_tanker']} of {row['tankers']}",
        )
    out.print(table)
    out.print("beside or below a rate: its 90 % interval; length: mean error; tankers: found, called so", style="dim")


def _show_compared(told: dict[str, Any]) -> None:
    from .reporting.evaluation_page import number, share

    headings = {
        "recall": "recall",
        "precision": "prec.",
        "f1": "F1",
        "best_f1": "best F1",
        "ap_30": "AP30",
        "ap_50": "AP50",
        "ap_50_95": "50-95",
    }
    table = _table("detector, shown at, scored by", *headings.values(), "length")
    for row in told["compared"]:
        name = f"{row['model_id']}, {row['shown_at']}, {row['scored_by']}"
        rates = (number(row["all"][key]) for key in headings)
        table.add_row(escape(name), *rates, share(row["all"].get("length_mae")))
    out.print(table)


def _table(*headings: str, with_interval: Sequence[str] = ()) -> "Table":
    """A table of one wide column and many narrow ones; an interval goes below its figure where there is little room."""
    from rich import box
    from rich.table import Table

    first, *others = headings
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1) if out.width >= 100 else 0)
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right", min_width=9 if heading in with_interval else None)
    return table
