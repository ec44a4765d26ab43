"""How good a detector is on labelled pictures: what was found, how long, which way it lies, what kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .comparison import (
    AP_OVERLAPS,
    SEEN_COLUMNS,
    SHIP_COLUMNS,
    Comparison,
    compare,
    joined,
    labels_beside,
    verdict_column,
)
from .metrics import FALSE_ALARM, NOT_COUNTED, average_precision

__all__ = ["Comparison", "Judged", "compare", "figures", "figures_of", "judge", "labels_beside"]

BOOTSTRAP_DRAWS = 2000
# Ships of one picture are not independent: so many pictures are drawn whole, fewer would give no spread to speak of.
FEWEST_PICTURES_TO_DRAW = 10

# The heading of a box hardly longer than broad says little.
LEAST_ASPECT_FOR_HEADING = 2.0

# A detection that shows a part of a ship lies half on it at least and is clearly shorter; one that shows two ships
# covers half of each.
_ON_SHIP, _PART_OF_LENGTH = 0.5, 0.7


@dataclass(frozen=True)
class Judged:
    """All ships and detections of some pictures, each with what the other side says of it.

    ships: of `Comparison`, with `picture`, the columns of their detections (prefix `seen_`) and `found`: whether that
    passes the threshold. detections: of `Comparison`, with `picture`, the columns of their ships (prefix `true_`) and
    `kept`: whether they pass the threshold. pairs: of `Comparison`. score_thresholds: one a picture.
    """

    ships: pd.DataFrame
    detections: pd.DataFrame
    pairs: pd.DataFrame
    score_thresholds: tuple[float, ...]
    min_iou: float

    def where(self, ships: pd.Series, detections: pd.Series) -> Judged:
        """The ships and detections that two masks pick; pairs stay as they are."""
        return replace(self, ships=self.ships[ships], detections=self.detections[detections])


def judge(
    comparisons: Sequence[Comparison], *, score_threshold: float | Sequence[float], min_iou: float = 0.3
) -> Judged:
    """Put several pictures together; score_threshold: of all, or one a picture.

    A threshold cuts the tail of a match that went from the highest score down: all figures come from one match.
    """
    whole = joined(comparisons)
    thresholds = np.broadcast_to(score_threshold, len(comparisons))
    seen = whole.detections[[*SEEN_COLUMNS, "length_px"]].add_prefix("seen_")
    ships = whole.ships.join(seen, on="detection")
    ships["found"] = (ships["detection"] >= 0) & (ships["seen_score"] >= thresholds[ships["picture"]])
    true = whole.ships[list(SHIP_COLUMNS)].add_prefix("true_")
    detections = whole.detections.join(true, on="verdict")
    detections["kept"] = detections["score"] >= thresholds[detections["picture"]]
    return Judged(ships, detections, whole.pairs, tuple(thresholds.tolist()), min_iou)


def figures(
    comparisons: Sequence[Comparison],
    *,
    score_threshold: float | Sequence[float],
    seed: int = 0,
    min_iou: float = 0.3,
) -> dict[str, Any]:
    """Detection, size and kind figures over scenes, with 90 % bootstrap intervals for recall, precision and F1.

    score_threshold: of all pictures, or one a picture. min_iou: the overlap that the comparisons were made with.
    """
    return figures_of(judge(comparisons, score_threshold=score_threshold, min_iou=min_iou), seed=seed)


def figures_of(judged: Judged, *, seed: int = 0) -> dict[str, Any]:
    """The same for pictures already put together, or for some of their ships and detections."""
    counted = judged.ships[judged.ships["counted"]]
    rated = judged.detections[judged.detections["verdict"] != NOT_COUNTED]
    kept = rated[rated["kept"]]
    found = counted[counted["found"]]
    result: dict[str, Any] = {
        "ships": len(counted),
        "found": len(found),
        "false_alarms": int((kept["verdict"] == FALSE_ALARM).sum()),
        **_detection_rates(counted, kept, seed),
        **_best_f1(rated, len(counted)),
        **_average_precisions(judged.detections, len(counted)),
        **size_errors(found[found["measured"]]),
        **_kind_figures(counted),
        **_copies_and_parts(judged),
    }
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in result.items()}


def _detection_rates(counted: pd.DataFrame, kept: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Recall, precision and F1, with the 5th and 95th percentile of bootstrap draws."""
    units = _units(counted, kept)
    hits, misses, false = units.sum(axis=0)
    drawn = _drawn_sums(units, np.random.default_rng(seed))
    rates: dict[str, Any] = {}
    for name, draws, value in zip(
        ("recall", "precision", "f1"), _rates(*drawn.T), _rates(*np.array([[hits], [misses], [false]])), strict=True
    ):
        rates[name] = float(value[0])
        sound = draws[np.isfinite(draws)]
        low, high = np.quantile(sound, [0.05, 0.95]) if len(sound) else (np.nan, np.nan)
        rates[f"{name}_90"] = [round(float(low), 3), round(float(high), 3)]
    return rates


def _rates(
    hits: NDArray[np.int64], misses: NDArray[np.int64], false: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Recall, precision and F1 = 2 hits / (2 hits + misses + false alarms); not-a-number where nothing is asked."""
    with np.errstate(invalid="ignore"):
        return hits / (hits + misses), hits / (hits + false), 2 * hits / (2 * hits + misses + false)


def _units(counted: pd.DataFrame, kept: pd.DataFrame) -> NDArray[np.int64]:
    """What is drawn with replacement, (u, 3): hits, misses and false alarms of a picture, or of a single event."""
    pictures = np.unique(np.concatenate([counted["picture"], kept["picture"]]))
    tally = pd.DataFrame(
        {
            "hits": counted[counted["found"]].groupby("picture").size(),
            "misses": counted[~counted["found"]].groupby("picture").size(),
            "false": kept[kept["verdict"] == FALSE_ALARM].groupby("picture").size(),
        },
        index=pictures,
    )
    by_picture = tally.fillna(0).to_numpy(np.int64)
    if len(by_picture) >= FEWEST_PICTURES_TO_DRAW:
        return by_picture
    return np.repeat(np.eye(3, dtype=np.int64), by_picture.sum(axis=0), axis=0)


def _drawn_sums(units: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Sums over as many units as there are, drawn with replacement; (draws, 3)."""
    if not len(units):
        return np.zeros((BOOTSTRAP_DRAWS, 3), np.int64)
    return rng.multinomial(len(units), np.full(len(units), 1 / len(units)), BOOTSTRAP_DRAWS) @ units


def _best_f1(rated: pd.DataFrame, ships: int) -> dict[str, float]:
    """F1 at the threshold that suits these pictures best: what a detector could do if its threshold were known."""
    if not (ships and len(rated)):
        return {"best_f1": float("nan"), "best_f1_score": float("nan")}
    ranked = rated.sort_values("score", ascending=False, kind="stable")
    f1 = 2 * (ranked["verdict"] >= 0).cumsum().to_numpy() / (np.arange(1, len(ranked) + 1) + ships)
    best = int(f1.argmax())
    return {"best_f1": float(f1[best]), "best_f1_score": float(ranked["score"].iloc[best])}


def _average_precisions(detections: pd.DataFrame, ships: int) -> dict[str, float]:
    """AP at the overlap asked for, at 0.3 and 0.5, and the mean over COCO's ten overlaps from 0.5 to 0.95."""

    def at(column: str) -> float:
        rated = detections[detections[column] != NOT_COUNTED]
        return average_precision(rated["score"].to_numpy(float), (rated[column] >= 0).to_numpy(), ships)

    mild, *coco = (at(verdict_column(overlap)) for overlap in AP_OVERLAPS)
    return {"average_precision": at("verdict"), "ap_30": mild, "ap_50": coco[0], "ap_50_95": float(np.mean(coco))}


def size_errors(found: pd.DataFrame) -> dict[str, float]:
    """Errors of length and beam as shares of the label's, and of heading in degrees, of ships that were found."""
    if found.empty:
        return {}
    errors: dict[str, float] = {}
    for size in ("length", "beam"):
        relative = (found[f"seen_{size}_m"] - found[f"{size}_m"]) / found[f"{size}_m"]
        errors |= {
            f"{size}_mae": float(relative.abs().mean()),
            f"{size}_bias": float(relative.mean()),
            f"{size}_sd": float(relative.std(ddof=0)),
            f"{size}_median_abs": float(relative.abs().median()),
        }
    long = found[found["length_m"] >= LEAST_ASPECT_FOR_HEADING * found["beam_m"]]
    if long.empty:
        return errors
    turn = (long["seen_heading_deg"] - long["heading_deg"] + 90) % 180 - 90
    return errors | {
        "heading_mae_deg": float(turn.abs().mean()),
        "heading_median_abs_deg": float(turn.abs().median()),
        "heading_p90_abs_deg": float(turn.abs().quantile(0.9)),
    }


def _kind_figures(counted: pd.DataFrame) -> dict[str, Any]:
    """Tankers found and called so, and how often tanker-or-not was right among found ships of known kind."""
    tankers = counted[counted["ship_class"] == "tanker"]
    known = counted[counted["found"] & (counted["ship_class"] != "unknown")]
    called = known["seen_tanker_probability"] >= 0.5
    return {
        "tankers": len(tankers),
        "tankers_found": int(tankers["found"].sum()),
        "tankers_called_tanker": int((tankers["found"] & (tankers["seen_tanker_probability"] >= 0.5)).sum()),
        "tanker_or_not_right": float((called == (known["ship_class"] == "tanker")).mean())
        if len(known)
        else float("nan"),
    }


def _copies_and_parts(judged: Judged) -> dict[str, int]:
    """Ships seen twice, ships seen in parts, and detections that take two ships for one, at the threshold.

    duplicates: false alarms that overlap a found ship as well as its own detection had to, and are no part of it.
    splits: ships on which two detections or more lie, each a part of it. joined: detections that cover half of two
    ships or more.
    """
    ships, detections = judged.ships, judged.detections
    pairs = judged.pairs[
        judged.pairs["ship"].isin(ships.index[ships["counted"]])
        & judged.pairs["detection"].isin(detections.index[detections["kept"]])
    ]
    finds = detections["verdict"].reindex(pairs["detection"]).to_numpy()
    found = ships["found"].reindex(pairs["ship"]).to_numpy(bool)
    on_ship = (pairs["share_of_box"] >= _ON_SHIP) & (pairs["length_ratio"] <= _PART_OF_LENGTH)
    part = on_ship.to_numpy() & ((finds == FALSE_ALARM) | (finds == pairs["ship"].to_numpy()))
    duplicate = (finds == FALSE_ALARM) & found & ~part & (pairs["iou"] >= judged.min_iou).to_numpy()
    covered = (pairs["share_of_ship"] >= _ON_SHIP).to_numpy()
    return {
        "duplicates": int(pairs["detection"][duplicate].nunique()),
        "splits": int((pairs["ship"][part].value_counts() >= 2).sum()),
        "joined": int((pairs["detection"][covered].value_counts() >= 2).sum()),
    }
