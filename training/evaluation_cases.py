"""The worst that a detector did: the longest ships it missed, and the false alarms it was surest of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .comparison import Comparison
from .metrics import FALSE_ALARM


@dataclass(frozen=True)
class Case:
    """One ship missed, or one false alarm.

    picture: number of its comparison. corners: (4, 2) of the subject, pixels of the picture. outlines: (role, corners)
    of all else there is to draw: role "label" (counts), "spared" (does not), "detection". told: what it is. length_m,
    length_px: of the label, or of the detection where there is none.
    """

    picture: int
    corners: NDArray[np.float64]
    outlines: tuple[tuple[str, NDArray[np.float64]], ...]
    told: str
    length_m: float
    length_px: float


def worst_misses(comparisons: Sequence[Comparison], *, score_thresholds: Sequence[float], most: int) -> list[Case]:
    """Counted ships without a detection that passes its picture's threshold, the longest first."""
    missed = []
    for number, (one, threshold) in enumerate(zip(comparisons, score_thresholds, strict=True)):
        scores, found_by = one.detections["score"].to_numpy(float), one.ships["detection"].to_numpy(int)
        lengths_m, counted = one.ships["length_m"].to_numpy(float), one.ships["counted"].to_numpy(bool)
        for row in np.flatnonzero(counted).tolist():
            score = float(scores[found_by[row]]) if found_by[row] >= 0 else 0.0
            if score < threshold:
                missed.append((float(lengths_m[row]), number, row, score))
    missed.sort(key=lambda case: -case[0])
    return [
        _miss(number, comparisons[number], row, score, score_thresholds[number])
        for _, number, row, score in missed[:most]
    ]


def worst_false_alarms(
    comparisons: Sequence[Comparison], *, score_thresholds: Sequence[float], most: int
) -> list[Case]:
    """Detections above the threshold that show no ship, or one that another shows already; the surest first."""
    false = []
    for number, (one, threshold) in enumerate(zip(comparisons, score_thresholds, strict=True)):
        scores, verdicts = one.detections["score"].to_numpy(float), one.detections["verdict"].to_numpy(int)
        rows = np.flatnonzero((verdicts == FALSE_ALARM) & (scores >= threshold))
        false += [(float(scores[row]), number, int(row)) for row in rows]
    false.sort(key=lambda case: -case[0])
    return [_false_alarm(number, comparisons[number], row, score_thresholds[number]) for _, number, row in false[:most]]


def _miss(number: int, one: Comparison, row: int, score: float, threshold: float) -> Case:
    ship = one.ships.iloc[row]
    told = f"{ship['kind']}, seen with a score of {score:.2f}" if score else str(ship["kind"])
    outlines = _outlines(one, threshold, but_ship=row)
    return Case(number, one.ship_corners[row], outlines, told, float(ship["length_m"]), float(ship["length_px"]))


def _false_alarm(number: int, one: Comparison, row: int, threshold: float) -> Case:
    seen = one.detections.iloc[row]
    told = f"called {seen['vessel_class']} with a score of {seen['score']:.2f}"
    outlines = _outlines(one, threshold, but_detection=row)
    return Case(number, one.detection_corners[row], outlines, told, float(seen["length_m"]), float(seen["length_px"]))


def _outlines(
    one: Comparison, threshold: float, *, but_ship: int = -1, but_detection: int = -1
) -> tuple[tuple[str, NDArray[np.float64]], ...]:
    ships = [
        ("label" if counts else "spared", one.ship_corners[row])
        for row, counts in enumerate(one.ships["counted"])
        if row != but_ship
    ]
    detections = [
        ("detection", one.detection_corners[row])
        for row, score in enumerate(one.detections["score"])
        if score >= threshold and row != but_detection
    ]
    return (*ships, *detections)
