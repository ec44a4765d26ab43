"""The plots of an evaluation, out of its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plots import Axis, Plot

Told = Mapping[str, Any]

# Roles of the lines of the detectors compared, the evaluated one first; the template gives each its stroke.
LINE_ROLES = ("own", "other-1", "other-2", "other-3", "other-4", "other-5", "other-6", "other-7")


def precision_recall(told: Told) -> Plot:
    """Precision over recall, a line a detector; the dot is the threshold that the figures are told at."""
    plot = Plot("Precision and recall", "recall", "precision", Axis.shares(), Axis.shares())
    for role, row in reversed([*zip(LINE_ROLES, told["compared"], strict=False)]):
        curve = row["precision_recall"]
        if curve:
            plot.line([(recall, precision) for _, recall, precision in curve], f"curve {role}")
    total = told["all"]
    if total["recall"] is not None and total["precision"] is not None:
        plot.dot(total["recall"], total["precision"], "own", "at the threshold", 5)
    return plot


def lengths(told: Told) -> Plot:
    """Measured over labelled length of every ship found; on the diagonal they agree."""
    pairs = told["lengths"]
    axis = Axis.from_zero(max((max(pair["label_m"], pair["measured_m"]) for pair in pairs), default=100.0))
    plot = Plot("Length", "labelled, m", "measured, m", axis, axis)
    plot.line([(axis.low, axis.low), (axis.high, axis.high)], "ideal")
    for pair in pairs:
        tip = f"{pair['kind']}: labelled {pair['label_m']:.0f} m, measured {pair['measured_m']:.0f} m"
        plot.dot(pair["label_m"], pair["measured_m"], "tanker" if pair["kind"] == "tanker" else "ship", tip)
    return plot


def recall_by_length(told: Told) -> Plot:
    """Recall of the ships of each range of length, with its 90 % interval and the number of ships."""
    table = told["by_length_m"] or told["by_length_px"]
    rows = {name: row for name, row in table.items() if row["ships"]}
    unit = "m" if told["by_length_m"] else "px"
    names = [name.removesuffix(f" {unit}").replace(f" {unit} and over", "+").replace(" to ", "–") for name in rows]
    plot = Plot("Recall by length", f"labelled length, {unit}", "recall", Axis.named(names), Axis.shares())
    for place, row in enumerate(rows.values()):
        plot.whisker(place + 0.5, *row["recall_90"])
        plot.dot(place + 0.5, row["recall"], "own", f"{row['found']} of {row['ships']}", 5)
        plot.note(place + 0.5, 0.0, f"{row['found']}/{row['ships']}")
    return plot


def reliability(told: Told) -> Plot:
    """Share of ships among detections by the probability claimed of them; on the diagonal the claim holds."""
    plot = Plot("What a claim is worth", "claimed probability", "share that are ships", Axis.shares(), Axis.shares())
    plot.line([(0.0, 0.0), (1.0, 1.0)], "ideal")
    plot.line([(part["claimed"], part["true"]) for part in told["score_reliability"]["bins"]], "curve other-3")
    bins = told["ship_reliability"]["bins"]
    plot.line([(part["claimed"], part["true"]) for part in bins], "curve own")
    for part in bins:
        radius = 2.5 + min(part["count"], 100) ** 0.5 / 2
        plot.dot(part["claimed"], part["true"], "own", f"{part['count']} detections", radius)
    return plot
