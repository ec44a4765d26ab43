"""A detector's figures by kind of picture and ship, its confusions, and whether its scores mean what they say."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .evaluate import Judged, figures_of
from .labels import MODEL_CLASSES
from .metrics import FALSE_ALARM, NOT_COUNTED, average_precision

GSD_EDGES_M = (0.0, 1.0, 2.5, 6.0, inf)
LENGTH_EDGES_M = (0.0, 30.0, 60.0, 100.0, 150.0, 200.0, 300.0, inf)
LENGTH_EDGES_PX = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, inf)

MISSED, NOTHING_THERE = "missed", "no ship there"

_SCORE_BINS = 10
_LEAST_RELIABLE_SCORE = 0.05  # below, detectors are not asked; the crowd there would drown all else


def by_gsd(judged: Judged) -> dict[str, dict[str, Any]]:
    """Figures of the pictures of each range of ground sample distance, finest first."""
    return _by_bin(judged, judged.ships["gsd_m"], judged.detections["gsd_m"], GSD_EDGES_M, "m")


def by_length_m(judged: Judged) -> dict[str, dict[str, Any]]:
    """Figures of the ships of each range of length; a false alarm counts where its own length puts it."""
    own = judged.detections["true_length_m"].fillna(judged.detections["length_m"])
    return _by_bin(judged, judged.ships["length_m"], own, LENGTH_EDGES_M, "m")


def by_length_px(judged: Judged) -> dict[str, dict[str, Any]]:
    """The same by length in the picture's own pixels, which alone is known where the GSD is not."""
    own = judged.detections["true_length_px"].fillna(judged.detections["length_px"])
    return _by_bin(judged, judged.ships["length_px"], own, LENGTH_EDGES_PX, "px")


def by_name(judged: Judged, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Figures of the pictures of each name; names: one a picture."""
    name_of = pd.Series(names, dtype=object)
    ships, detections = judged.ships["picture"].map(name_of), judged.detections["picture"].map(name_of)
    return {name: figures_of(judged.where(ships == name, detections == name)) for name in dict.fromkeys(names)}


def _by_bin(
    judged: Judged, ships: pd.Series, detections: pd.Series, edges: Sequence[float], unit: str
) -> dict[str, dict[str, Any]]:
    table = {}
    for low, high in pairwise(edges):
        part = judged.where((ships >= low) & (ships < high), (detections >= low) & (detections < high))
        false_alarm = part.detections["kept"] & (part.detections["verdict"] == FALSE_ALARM)
        if part.ships["counted"].any() or false_alarm.any():
            table[_range(low, high, unit)] = figures_of(part)
    return table


def _range(low: float, high: float, unit: str) -> str:
    if high == inf:
        return f"{low:g} {unit} and over"
    return f"under {high:g} {unit}" if low == 0 else f"{low:g} to {high:g} {unit}"


def by_class(judged: Judged) -> dict[str, dict[str, Any]]:
    """For each class with ships: how many were found at all, and how many found and called so.

    recall is that of finding and naming; precision the share of detections called so that are; a detection on a ship
    of unknown kind counts neither way. ap_50 ranks the detections called so by their score.
    """
    counted = judged.ships[judged.ships["counted"]]
    known = judged.detections[
        (judged.detections["verdict"] != NOT_COUNTED) & (judged.detections["true_ship_class"] != "unknown")
    ]
    table = {}
    for name in (c for c in MODEL_CLASSES if c != "unknown"):
        ships = counted[counted["ship_class"] == name]
        called = known[known["vessel_class"] == name]
        right = called["true_ship_class"] == name
        if ships.empty and called.empty:
            continue
        at_50 = called["verdict_50"] >= 0
        named, kept = int((right & called["kept"]).sum()), int(called["kept"].sum())
        table[name] = {
            "ships": len(ships),
            "found": int(ships["found"].sum()),
            "named": named,
            "recall": _share(named, len(ships)),
            "precision": _share(named, kept),
            "f1": _share(2 * named, len(ships) + kept),
            "ap_50": round(
                average_precision(called["score"].to_numpy(float), (right & at_50).to_numpy(), len(ships)), 4
            ),
        }
    return table


def by_kind(judged: Judged) -> dict[str, dict[str, Any]]:
    """For each kind as the labels name it: ships, found, recall, called tanker; the most numerous first."""
    counted = judged.ships[judged.ships["counted"]]
    table = {}
    for kind, ships in sorted(counted.groupby("kind"), key=lambda item: -len(item[1])):
        tankers = int((ships["found"] & (ships["seen_tanker_probability"] >= 0.5)).sum())
        found = int(ships["found"].sum())
        table[str(kind)] = {
            "ships": len(ships),
            "found": found,
            "recall": _share(found, len(ships)),
            "called_tanker": tankers,
        }
    return table


def kind_confusion(judged: Judged) -> dict[str, dict[str, int]]:
    """Counted ships of each class by what they were called, or `MISSED`; and what false alarms were called."""
    counted = judged.ships[judged.ships["counted"]]
    called = counted["seen_vessel_class"].where(counted["found"], MISSED)
    false = judged.detections[judged.detections["kept"] & (judged.detections["verdict"] == FALSE_ALARM)]
    true = pd.concat([counted["ship_class"], pd.Series(NOTHING_THERE, index=false.index)])
    order = [*MODEL_CLASSES, MISSED]
    return confusion(true, pd.concat([called, false["vessel_class"]]), [*MODEL_CLASSES, NOTHING_THERE], order)


def confusion(
    true: pd.Series, called: pd.Series, rows: Sequence[str], columns: Sequence[str]
) -> dict[str, dict[str, int]]:
    """How often each true name was called what, in the order of rows and columns; names that never occur are out."""
    count = Counter(zip(true, called, strict=True))
    there, names = set(true), set(called)
    return {row: {name: count[row, name] for name in columns if name in names} for row in rows if row in there}


def precision_recall_curve(judged: Judged) -> list[list[float]]:
    """[score, recall, precision] for every threshold, the highest first."""
    rated = judged.detections[judged.detections["verdict"] != NOT_COUNTED].sort_values("score", ascending=False)
    ships = int(judged.ships["counted"].sum())
    if not ships:
        return []
    scores, hits = rated["score"].to_numpy(float), (rated["verdict"] >= 0).cumsum().to_numpy()
    last = np.append(np.diff(scores) != 0, True)[: len(scores)]
    rank = np.arange(1, len(scores) + 1)
    curve = np.column_stack([scores, hits / ships, hits / rank])[last]
    return [[round(float(value), 4) for value in point] for point in curve]


def score_reliability(judged: Judged) -> dict[str, Any]:
    """Whether detections of score s are ships in s of all cases, were the score taken at its word."""
    return _ship_reliability(judged, "score")


def ship_reliability(judged: Judged) -> dict[str, Any]:
    """Whether detections are ships as often as the model's calibration of their score says."""
    return _ship_reliability(judged, "ship_probability")


def _ship_reliability(judged: Judged, claim: str) -> dict[str, Any]:
    rated = judged.detections[
        (judged.detections["verdict"] != NOT_COUNTED) & (judged.detections["score"] >= _LEAST_RELIABLE_SCORE)
    ]
    return reliability_of(rated[claim].to_numpy(float), (rated["verdict"] >= 0).to_numpy())


def tanker_reliability(judged: Judged) -> dict[str, Any]:
    """Whether found ships of known kind are tankers as often as their tanker probability says."""
    counted = judged.ships[judged.ships["counted"]]
    known = counted[counted["found"] & (counted["ship_class"] != "unknown")]
    claimed = known["seen_tanker_probability"].to_numpy(float)
    return reliability_of(claimed, (known["ship_class"] == "tanker").to_numpy())


def reliability_of(claimed: NDArray[np.float64], true: NDArray[np.bool_]) -> dict[str, Any]:
    """Claimed probabilities (n,) against what came true (n,): bins of claimed, true and count, and one figure.

    ece: expected calibration error, the mean over all of |share that came true - mean claim| of their tenth (Guo et
    al., 2017).
    """
    tenth = np.clip((claimed * _SCORE_BINS).astype(int), 0, _SCORE_BINS - 1)
    bins, gap = [], 0.0
    for number in np.unique(tenth):
        mine = tenth == number
        mean, share = float(claimed[mine].mean()), float(true[mine].mean())
        gap += mine.sum() * abs(mean - share)
        bins.append({"claimed": round(mean, 4), "true": round(share, 4), "count": int(mine.sum())})
    return {"ece": round(gap / len(claimed), 4) if len(claimed) else float("nan"), "bins": bins}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else float("nan")
