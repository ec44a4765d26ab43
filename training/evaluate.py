"""Whole scenes through the real pipeline, held against their labels: what was found, how long, what kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from ..errors import BerthwatchError
from ..imagery.scene import Scene
from .labels import ShipLabels, read_dota
from .metrics import FALSE_ALARM, NOT_COUNTED, average_precision, match_ships

_WGS84 = Geod(ellps="WGS84")
BOOTSTRAP_DRAWS = 2000


@dataclass(frozen=True)
class Comparison:
    """One scene's ships and detections, side by side.

    ships: a row a label: scene_id, kind, ship_class, length_m, beam_m, heading_deg (mod 180), counted, and the row of
    its detection (`detection`, -1 where missed). detections: a row a detection: scene_id, score, vessel_class,
    tanker_probability, length_m, beam_m, heading_deg, and `verdict`: the label's row, `FALSE_ALARM` or `NOT_COUNTED`.
    """

    ships: pd.DataFrame
    detections: pd.DataFrame


def labels_beside(scene_path: Path) -> ShipLabels:
    """The DOTA labels of a scene: the text file of its name beside it.

    Raises:
        BerthwatchError: there is none.
    """
    path = scene_path.with_suffix(".txt")
    if not path.exists():
        raise BerthwatchError(f"{scene_path}: no labels; expected them in {path}, a DOTA line a ship, in pixels")
    return read_dota(path)


def compare(
    scene: Scene, labels: ShipLabels, detections: gpd.GeoDataFrame, *, min_iou: float = 0.3, min_length_m: float = 0.0
) -> Comparison:
    """Match a scene's detections with its labels in the scene's own pixels.

    labels: in scene pixels. detections: the columns of the store, EPSG:4326. min_length_m: see `match_ships`.
    """
    corners = _scene_corners(scene, detections)
    scores = detections["score"].to_numpy(float)
    matches = match_ships(corners, scores, labels, min_iou=min_iou, min_length=min_length_m / scene.gsd_m)
    length_m, beam_m, heading_deg = _on_the_ground(scene, labels.corners)
    found_by = np.full(len(labels), -1)
    hits = np.flatnonzero(matches.label_of >= 0)
    found_by[matches.label_of[hits]] = hits
    ships = pd.DataFrame(
        {
            "scene_id": scene.scene_id,
            "kind": labels.kinds,
            "ship_class": labels.classes,
            "length_m": length_m,
            "beam_m": beam_m,
            "heading_deg": heading_deg,
            "counted": matches.counted,
            "detection": found_by,
        }
    )
    columns = ["scene_id", "score", "vessel_class", "tanker_probability", "length_m", "beam_m", "heading_deg"]
    return Comparison(ships, pd.DataFrame(detections[columns]).assign(verdict=matches.label_of))


def _scene_corners(scene: Scene, detections: gpd.GeoDataFrame) -> NDArray[np.float64]:
    if detections.empty:
        return np.zeros((0, 4, 2))
    return np.stack([_box_corners(shapely.transform(shape, scene.from_lonlat)) for shape in detections.geometry])


def _box_corners(box: shapely.Geometry) -> NDArray[np.float64]:
    """The four corners (4, 2), scene pixels, of a detection's box; one cut at 180 degrees is put together again."""
    whole = box if isinstance(box, shapely.Polygon) else shapely.minimum_rotated_rectangle(box)
    return shapely.get_coordinates(whole)[:4]


def _on_the_ground(
    scene: Scene, corners: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Length and beam in metres on the ellipsoid, heading mod 180, of boxes in scene pixels."""
    if not len(corners):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    middles = (corners + np.roll(corners, -1, axis=1)) / 2
    lonlat = np.asarray(scene.to_lonlat(middles.reshape(-1, 2))).reshape(-1, 4, 2)
    sides, azimuths = [], []
    for start, end in ((0, 2), (1, 3)):
        azimuth, _, distance = _WGS84.inv(*lonlat[:, start].T, *lonlat[:, end].T)
        sides.append(np.asarray(distance))
        azimuths.append(np.asarray(azimuth))
    first_is_long = sides[0] >= sides[1]
    heading = np.where(first_is_long, azimuths[0], azimuths[1]) % 180.0
    return np.maximum(*sides), np.minimum(*sides), heading


def figures(comparisons: Sequence[Comparison], *, score_threshold: float, seed: int = 0) -> dict[str, Any]:
    """Detection, size and kind figures over scenes, with 90 % bootstrap intervals for recall, precision and F1.

    Greedy matching goes from the highest score down, so a threshold only cuts its tail: all figures come from one
    match.
    """
    ships = pd.concat([_with_found(pair, score_threshold) for pair in comparisons], ignore_index=True)
    detections = pd.concat([pair.detections for pair in comparisons], ignore_index=True)
    judged = detections[detections["verdict"] != NOT_COUNTED]
    counted = ships[ships["counted"]]
    kept = judged[judged["score"] >= score_threshold]
    result: dict[str, Any] = {
        "ships": len(counted),
        "score_threshold": score_threshold,
        "false_alarms": int((kept["verdict"] == FALSE_ALARM).sum()),
        "average_precision": average_precision(
            judged["score"].to_numpy(), (judged["verdict"] >= 0).to_numpy(), len(counted)
        ),
        **_detection_rates(counted["found"].to_numpy(bool), (kept["verdict"] >= 0).to_numpy(), seed),
        **_size_errors(counted[counted["found"]]),
        **_kind_figures(counted),
    }
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in result.items()}


def _with_found(pair: Comparison, score_threshold: float) -> pd.DataFrame:
    """The ships with their detection's columns (prefix `seen_`) and whether it passes the threshold."""
    seen = pair.detections.drop(columns=["scene_id", "verdict"]).add_prefix("seen_")
    joined = pair.ships.join(seen, on="detection")
    joined["found"] = (joined["detection"] >= 0) & (joined["seen_score"] >= score_threshold)
    return joined


def _detection_rates(found: NDArray[np.bool_], true: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)

    def rate(flags: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
        if not len(flags):
            return float("nan"), np.full(BOOTSTRAP_DRAWS, np.nan)
        return float(flags.mean()), rng.binomial(len(flags), flags.mean(), BOOTSTRAP_DRAWS) / len(flags)

    (recall, recalls), (precision, precisions) = rate(found), rate(true)
    with np.errstate(invalid="ignore"):
        f1s = 2 * recalls * precisions / np.maximum(recalls + precisions, 1e-12)
    f1 = 2 * recall * precision / max(recall + precision, 1e-12)
    rates: dict[str, Any] = {"recall": recall, "precision": precision, "f1": f1}
    for name, draws in (("recall", recalls), ("precision", precisions), ("f1", f1s)):
        rates[f"{name}_90"] = [round(float(value), 3) for value in np.quantile(draws, [0.05, 0.95])]
    return rates


def _size_errors(found: pd.DataFrame) -> dict[str, float]:
    if found.empty:
        return {}
    errors: dict[str, float] = {}
    for size in ("length", "beam"):
        relative = (found[f"seen_{size}_m"] - found[f"{size}_m"]) / found[f"{size}_m"]
        errors |= {
            f"{size}_mae": float(relative.abs().mean()),
            f"{size}_bias": float(relative.mean()),
            f"{size}_median_abs": float(relative.abs().median()),
        }
    turn = (found["seen_heading_deg"] - found["heading_deg"] + 90) % 180 - 90
    return errors | {"heading_median_abs_deg": float(turn.abs().median())}


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
