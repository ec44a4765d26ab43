"""An evaluation as one HTML page with its plots and pictures inside, that opens anywhere and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import evaluation_plots as plots
from .evaluation_crops import Crop

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table of the page: its title, its headings, a row of words each, and a note below."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def render_evaluation_page(told: Told, misses: Sequence[Crop], false_alarms: Sequence[Crop]) -> str:
    """The page as HTML text; deterministic for the same arguments.

    Args:
        told: all figures, as `evaluation_report.results` gives them.
        misses, false_alarms: pictures of the worst of both.
    """
    template = Environment(
        loader=PackageLoader("berthwatch.reporting"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    ).get_template("evaluation.html.j2")
    total = told["all"]
    return template.render(
        told=told,
        headline=f"{told['model_id']}: {total['found']} of {total['ships']} ships found, "
        f"{_count(total['false_alarms'], 'false alarm')}",
        rules=_rules(told),
        figures=_headline_figures(total),
        compared=_compared(told),
        by_scene=_breakdown("By scene or dataset", {**told["scenes"], "all": total}),
        breakdowns=[
            _breakdown("By length, metres", told["by_length_m"]),
            _breakdown("By length, pixels of the picture", told["by_length_px"]),
            _breakdown("By ground sample distance", told["by_gsd"]),
        ],
        kinds=[_by_class(told), _by_kind(told)],
        confusions=[
            _confusion("What ships were called", told["kind_confusion"], "A row is what the labels say."),
            _confusion(
                "Size classes of tankers found",
                told["size_class_confusion"],
                "A row is the class that the labelled hull has.",
            ),
        ],
        plots=[
            plots.precision_recall(told),
            plots.lengths(told),
            plots.recall_by_length(told),
            plots.reliability(told),
        ],
        curves=[
            (role, f"{row['model_id']}, {row['shown_at']}, {row['scored_by']}")
            for role, row in zip(plots.LINE_ROLES, told["compared"], strict=False)
            if row["precision_recall"]
        ],
        misses=misses,
        false_alarms=false_alarms,
        n_missed=total["ships"] - total["found"],
    )


def _rules(told: Told) -> str:
    least = [f"{told[f'min_length_{unit}']:g} {unit}" for unit in ("m", "px") if told[f"min_length_{unit}"]]
    ships = f"Ships of {' and '.join(least)} and more count" if least else "Ships of every length count"
    assumed = told["pictures_of_assumed_gsd"]
    nominal = (
        f" The ground sample distance of {assumed} of them is assumed, {told['assumed_gsd_m']:g} m: metres there mean "
        "nothing but proportions."
        if assumed
        else ""
    )
    scores = " or ".join(f"{score:.2f}" for score in told["score_thresholds"])
    return (
        f"{ships}; those marked difficult count neither for nor against. A detection finds a ship where their oriented "
        f"boxes share {told['min_iou']:.0%} of their union, with a score of {scores} or more. "
        f"{_count(told['pictures'], 'picture')}, shown to the detector at {told['working_gsd_m']} a pixel.{nominal}"
    )


def _headline_figures(total: Told) -> list[tuple[str, str, str]]:
    """Label, value and note of each tile."""
    tiles = [
        (name.capitalize() if name != "f1" else "F1", share(total[name]), f"90 %: {interval(total[f'{name}_90'])}")
        for name in ("recall", "precision", "f1")
    ]
    tiles.append(
        ("Average precision, IoU 0.5", number(total["ap_50"]), f"0.3: {number(total['ap_30'])}; 0.5 to 0.95: "
         f"{number(total['ap_50_95'])}")
    )  # fmt: skip
    for size in ("length", "beam"):
        if f"{size}_mae" in total:
            note = f"bias {_signed(total[f'{size}_bias'])}, spread {share(total[f'{size}_sd'])}"
            tiles.append((f"Mean error of {size}", share(total[f"{size}_mae"]), note))
    if "heading_mae_deg" in total:
        tiles.append(
            ("Mean error of heading", f"{total['heading_mae_deg']:.1f}°", f"nine of ten within "
             f"{total['heading_p90_abs_deg']:.1f}°")
        )  # fmt: skip
    called = (
        f"{total['tankers_called_tanker']} called so; tanker or not right for {share(total['tanker_or_not_right'])}"
    )
    tiles.append(("Tankers found", f"{total['tankers_found']} of {total['tankers']}", called))
    tiles.append(
        ("Twice, in parts, two as one", f"{total['duplicates']}, {total['splits']}, {total['joined']}",
         "ships detected twice; in parts; boxes over two ships")
    )  # fmt: skip
    return tiles


def _compared(told: Told) -> Table:
    rates = ("recall", "precision", "f1", "best_f1", "ap_30", "ap_50", "ap_50_95")
    rows = []
    for row in told["compared"]:
        total = row["all"]
        rows.append(
            (
                row["model_id"],
                row["shown_at"],
                row["scored_by"],
                *(number(total[rate]) for rate in rates),
                share(total.get("length_mae")),
                f"{total['tankers_found']}/{total['tankers_called_tanker']} of {total['tankers']}",
            )
        )
    return Table(
        "Beside other detectors",
        ("Detector", "Shown at", "Scored by", "Recall", "Precision", "F1", "Best F1", "AP30", "AP50", "AP50–95",
         "Length error", "Tankers found/called"),
        tuple(rows),
        "Each at its own threshold, but for the best F1: that at the threshold which suits it best. What knows no "
        "ground sample distance is shown the pictures twice, as the evaluated model is and at their own. What knows "
        "only upright boxes is scored twice: by these boxes as they are, and by the upright hulls of detections and "
        "labels.",
    )  # fmt: skip


def _breakdown(title: str, table: Mapping[str, Told]) -> Table:
    rows = tuple(
        (
            name,
            str(row["ships"]),
            str(row["found"]),
            str(row["false_alarms"]),
            *(f"{number(row[rate])} ({interval(row[f'{rate}_90'])})" for rate in ("recall", "precision", "f1")),
            *(number(row[name]) for name in ("ap_50", "ap_50_95")),
            share(row.get("length_mae")),
            _signed(row.get("length_bias")),
        )
        for name, row in table.items()
    )
    headings = ("", "Ships", "Found", "False", "Recall (90 %)", "Precision (90 %)", "F1 (90 %)", "AP50", "AP50–95",
                "Length error", "Bias")  # fmt: skip
    return Table(title, headings, rows)


def _by_class(told: Told) -> Table:
    rows = tuple(
        (name, *(str(row[key]) for key in ("ships", "found", "named")),
         *(number(row[key]) for key in ("recall", "precision", "f1", "ap_50")))
        for name, row in told["by_class"].items()
    )  # fmt: skip
    return Table(
        "By class",
        ("", "Ships", "Found", "Called so", "Recall", "Precision", "F1", "AP50"),
        rows,
        "Found and called so, of all ships of the class; and of all detections called so, those that are.",
    )


def _by_kind(told: Told) -> Table:
    rows = tuple(
        (name, str(row["ships"]), str(row["found"]), number(row["recall"]), str(row["called_tanker"]))
        for name, row in told["by_kind"].items()
    )
    return Table("By kind", ("", "Ships", "Found", "Recall", "Called tanker"), rows)


def _confusion(title: str, table: Mapping[str, Mapping[str, int]], note: str) -> Table:
    columns = tuple(next(iter(table.values()), {}))
    rows = tuple((name, *(str(row[column] or "·") for column in columns)) for name, row in table.items())
    return Table(title, ("", *columns), rows, note)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def number(value: float | None) -> str:
    """A rate in words, a dash where there is none: 0.72."""
    return "–" if value is None else f"{value:.2f}"


def share(value: float | None) -> str:
    """A share in words, a dash where there is none: 3.1 %, 12 %."""
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if value < 0.1 else f"{100 * value:.0f} %"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.1f} %"


def interval(bounds: Sequence[float | None]) -> str:
    """The ends of a 90 % interval in words, a dash where there is none: 0.58–0.86."""
    low, high = bounds
    return "–" if low is None or high is None else f"{low:.2f}–{high:.2f}"
