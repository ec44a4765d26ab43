"""One labelled picture beside what a detector found in it: which detection shows which ship, and both measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from ..errors import BerthwatchError
from ..imagery.scene import Scene
from .labels import ShipLabels, read_dota
from .metrics import box_sides, counted_labels, match, overlaps, spare_short, upright_hulls

_WGS84 = Geod(ellps="WGS84")

# COCO's ten overlaps, and the mild one by which ships are found and measured: 2 px off is a third of a small hull.
AP_OVERLAPS = (0.3, *(round(0.5 + 0.05 * step, 2) for step in range(10)))

SHIP_COLUMNS = ("kind", "ship_class", "length_m", "beam_m", "heading_deg", "length_px", "gsd_m")
SEEN_COLUMNS = (
    *("score", "ship_probability", "vessel_class", "tanker_probability"),
    *("length_m", "beam_m", "heading_deg", "size_class"),
)


def verdict_column(overlap: float) -> str:
    """Name of the column of verdicts at one of `AP_OVERLAPS`."""
    return f"verdict_{100 * overlap:.0f}"


_VERDICTS = ("verdict", *(verdict_column(overlap) for overlap in AP_OVERLAPS))


@dataclass(frozen=True)
class Comparison:
    """One picture's ships and detections, side by side.

    ships: a row a label: scene_id, kind, ship_class, length_m, beam_m, heading_deg (mod 180), length_px (own pixels of
    the picture), gsd_m, counted, measured (false where only the upright box is known), and the row of its detection
    (`detection`, -1 where missed). detections: a row a detection: scene_id, `SEEN_COLUMNS`, length_px, gsd_m, and
    `verdict`: the label's row, `FALSE_ALARM` or `NOT_COUNTED`; `verdict_30` and so on: the same at `AP_OVERLAPS`.
    pairs: a row for each detection and ship that touch: detection, ship, iou, share_of_box, share_of_ship, and
    length_ratio, the detection's by the ship's. ship_corners (n, 4, 2), detection_corners (m, 4, 2): picture pixels.
    """

    ships: pd.DataFrame
    detections: pd.DataFrame
    pairs: pd.DataFrame
    ship_corners: NDArray[np.float64]
    detection_corners: NDArray[np.float64]


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
    scene: Scene,
    labels: ShipLabels,
    detections: gpd.GeoDataFrame,
    *,
    min_iou: float = 0.3,
    min_length_m: float = 0.0,
    min_length_px: float = 0.0,
    upright: bool = False,
    known_upright: NDArray[np.bool_] | None = None,
) -> Comparison:
    """Match a scene's detections with its labels in the scene's own pixels.

    labels: in scene pixels. detections: the columns of the store, EPSG:4326. min_length_m, min_length_px: ships
    shorter than either do not count, see `match_ships`. upright: overlaps are those of the upright hulls of both, for
    detectors that know no other boxes. known_upright: (n,), of which labels only the upright box is known; one of them
    makes the whole picture be matched so.
    """
    corners = _scene_corners(scene, detections)
    scores = detections["score"].to_numpy(float)
    known_upright = np.zeros(len(labels), bool) if known_upright is None else known_upright
    by_hulls = upright or bool(known_upright.any())
    boxes, hulls = (upright_hulls(c) if by_hulls and len(c) else c for c in (corners, labels.corners))
    pairs = overlaps(boxes, hulls)
    min_length = max(min_length_m / scene.gsd_m, min_length_px)
    counted = counted_labels(labels, min_length)

    def verdicts(overlap: float) -> NDArray[np.int64]:
        return spare_short(match(pairs, scores, counted, min_iou=overlap), corners, min_length)

    label_of = verdicts(min_iou)
    found_by = np.full(len(labels), -1)
    hits = np.flatnonzero(label_of >= 0)
    found_by[label_of[hits]] = hits
    length_m, beam_m, heading_deg = _on_the_ground(scene, labels.corners)
    length_px = labels.sides[:, 0] if len(labels) else np.zeros(0)
    ships = pd.DataFrame(
        {
            "scene_id": scene.scene_id,
            "kind": labels.kinds,
            "ship_class": labels.classes,
            "length_m": length_m,
            "beam_m": beam_m,
            "heading_deg": heading_deg,
            "length_px": length_px,
            "gsd_m": scene.gsd_m,
            "counted": counted,
            "measured": ~known_upright,
            "detection": found_by,
        }
    )
    seen_px = box_sides(corners)[:, 0] if len(corners) else np.zeros(0)
    seen = pd.DataFrame(detections[["scene_id", *SEEN_COLUMNS]]).assign(
        length_px=seen_px,
        gsd_m=scene.gsd_m,
        verdict=label_of,
        **{verdict_column(overlap): verdicts(overlap) for overlap in AP_OVERLAPS},
    )
    touching = pd.DataFrame(
        {
            "detection": pairs.box,
            "ship": pairs.ship,
            "iou": pairs.iou,
            "share_of_box": pairs.share_of_box,
            "share_of_ship": pairs.share_of_ship,
            "length_ratio": seen_px[pairs.box] / length_px[pairs.ship],
        }
    )
    return Comparison(ships, seen, touching, labels.corners, corners)


def joined(comparisons: Sequence[Comparison]) -> Comparison:
    """Several pictures as one; their rows are numbered through, and `picture` (from 0) tells them apart."""
    ships, detections, pairs = [], [], []
    first_ship = first_detection = 0
    for number, one in enumerate(comparisons):
        found_by = _numbered_on(one.ships["detection"], first_detection)
        verdicts = {name: _numbered_on(one.detections[name], first_ship) for name in _VERDICTS}
        ships.append(one.ships.assign(picture=number, detection=found_by))
        detections.append(one.detections.assign(picture=number, **verdicts))
        pairs.append(
            one.pairs.assign(ship=one.pairs["ship"] + first_ship, detection=one.pairs["detection"] + first_detection)
        )
        first_ship += len(one.ships)
        first_detection += len(one.detections)
    return Comparison(
        pd.concat(ships, ignore_index=True),
        pd.concat(detections, ignore_index=True),
        pd.concat(pairs, ignore_index=True),
        np.concatenate([one.ship_corners for one in comparisons]),
        np.concatenate([one.detection_corners for one in comparisons]),
    )


def _numbered_on(rows: pd.Series, first: int) -> pd.Series:
    """Row numbers counted on from `first`; what is negative stands for no row and stays."""
    return rows.where(rows < 0, rows + first)


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
