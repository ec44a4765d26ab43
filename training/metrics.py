"""How well detections agree with labels: overlaps of oriented boxes, matches, precision, recall, AP."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from .labels import ShipLabels

FALSE_ALARM = -1
NOT_COUNTED = -2

# A detection that lies half on a ship that does not count is no false alarm, however little of the ship it shows.
_SHARE_ON_SPARED_SHIP = 0.5


@dataclass(frozen=True)
class Overlaps:
    """The k pairs of a detection and a label that touch, ordered by detection.

    box, ship: int64 (k,), their indexes. iou: (k,), intersection over union of the oriented boxes. share_of_box,
    share_of_ship: (k,), intersection over the area of the one and of the other.
    """

    box: NDArray[np.int64]
    ship: NDArray[np.int64]
    iou: NDArray[np.float64]
    share_of_box: NDArray[np.float64]
    share_of_ship: NDArray[np.float64]


@dataclass(frozen=True)
class Matches:
    """Which label each detection found.

    label_of: int64 (m,), the label's index, `FALSE_ALARM`, or `NOT_COUNTED` (on a difficult or too short ship, or
    itself too short). counted: bool (n,), the labels that count.
    """

    label_of: NDArray[np.int64]
    counted: NDArray[np.bool_]

    @property
    def found(self) -> NDArray[np.bool_]:
        """Which labels were found, (n,)."""
        hit = np.zeros(len(self.counted), bool)
        hit[self.label_of[self.label_of >= 0]] = True
        return hit

    @property
    def recall(self) -> float:
        """Share of the counted labels that were found; not-a-number where there are none."""
        return float(self.found.sum() / self.counted.sum()) if self.counted.any() else float("nan")

    @property
    def precision(self) -> float:
        """Share of the counted detections that are ships; not-a-number where there are none."""
        true, false = int((self.label_of >= 0).sum()), int((self.label_of == FALSE_ALARM).sum())
        return true / (true + false) if true + false else float("nan")


def box_sides(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Long and short side of boxes (n, 4, 2), as (n, 2)."""
    edges = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    pair = np.stack([edges[:, [0, 2]].mean(1), edges[:, [1, 3]].mean(1)], axis=1)
    return np.sort(pair, axis=1)[:, ::-1]


def upright_hulls(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The upright boxes round boxes (n, 4, 2), in the same form."""
    (left, top), (right, bottom) = corners.min(axis=1).T, corners.max(axis=1).T
    return np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 4, 2)


def overlaps(corners: NDArray[np.float64], ships: NDArray[np.float64]) -> Overlaps:
    """Every pair of a detection (m, 4, 2) and a label (n, 4, 2), in one frame, that touch."""
    if not (len(corners) and len(ships)):
        none = np.zeros(0, np.int64)
        return Overlaps(none, none, np.zeros(0), np.zeros(0), np.zeros(0))
    hulls, boxes = np.asarray(shapely.polygons(ships)), np.asarray(shapely.polygons(corners))
    box, ship = shapely.STRtree(hulls).query(boxes, predicate="intersects")
    shared = np.asarray(shapely.area(shapely.intersection(boxes[box], hulls[ship])))
    box_area, ship_area = np.asarray(shapely.area(boxes))[box], np.asarray(shapely.area(hulls))[ship]
    return Overlaps(box, ship, shared / (box_area + ship_area - shared), shared / box_area, shared / ship_area)


def match(
    pairs: Overlaps, scores: NDArray[np.float64], counted: NDArray[np.bool_], *, min_iou: float
) -> NDArray[np.int64]:
    """The label that each detection found, (m,), as in `Matches`.

    From the highest score down, a detection takes the free counted label that it overlaps most, by `min_iou` at the
    least. Since better ones choose first, dropping all scores below a threshold changes nothing for the others.
    """
    label_of = np.full(len(scores), FALSE_ALARM, np.int64)
    bounds = np.searchsorted(pairs.box, np.arange(len(scores) + 1))
    free = counted.copy()
    for box in np.argsort(-scores, kind="stable"):
        mine = slice(bounds[box], bounds[box + 1])
        ships, iou = pairs.ship[mine], pairs.iou[mine]
        good = np.flatnonzero((iou >= min_iou) & free[ships])
        if len(good):
            best = ships[good[np.argmax(iou[good])]]
            label_of[box], free[best] = best, False
        elif (~counted[ships] & ((iou >= min_iou) | (pairs.share_of_box[mine] >= _SHARE_ON_SPARED_SHIP))).any():
            label_of[box] = NOT_COUNTED
    return label_of


def match_ships(
    corners: NDArray[np.float64],
    scores: NDArray[np.float64],
    labels: ShipLabels,
    *,
    min_iou: float = 0.3,
    min_length: float = 0.0,
) -> Matches:
    """Give every label to the best-scoring detection that overlaps it enough.

    corners: (m, 4, 2) in the labels' frame. min_length: in units of that frame; a shorter label neither counts for
    nor against, and a detection shorter than it is no false alarm.
    """
    counted = counted_labels(labels, min_length)
    label_of = match(overlaps(corners, labels.corners), scores, counted, min_iou=min_iou)
    return Matches(spare_short(label_of, corners, min_length), counted)


def counted_labels(labels: ShipLabels, min_length: float) -> NDArray[np.bool_]:
    """Which labels count, (n,): neither difficult nor shorter than `min_length`, in units of their frame."""
    return ~labels.difficult & (labels.sides[:, 0] >= min_length) if len(labels) else np.zeros(0, bool)


def spare_short(label_of: NDArray[np.int64], corners: NDArray[np.float64], min_length: float) -> NDArray[np.int64]:
    """The same verdicts, but that no false alarm is shorter than `min_length`: those do not count."""
    if not len(corners):
        return label_of
    too_short = box_sides(corners)[:, 0] < min_length
    return np.where(too_short & (label_of == FALSE_ALARM), NOT_COUNTED, label_of)


def average_precision(scores: NDArray[np.float64], true: NDArray[np.bool_], ships: int) -> float:
    """Area under the precision-recall curve, every point used (as COCO's, without its 101-point rounding).

    scores, true: (m,) of the detections that count. ships: how many there were to find.
    """
    if ships == 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(true[order])
    precision = hits / np.arange(1, len(order) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1] if len(order) else precision
    steps = np.diff(hits, prepend=0) > 0
    return float(envelope[steps].sum() / ships)
