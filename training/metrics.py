"""How well detections agree with labels: matches by rotated overlap, precision, recall, AP, size errors."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from .labels import ShipLabels

FALSE_ALARM = -1
NOT_COUNTED = -2


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
    sides = labels.sides
    counted = ~labels.difficult & (sides[:, 0] >= min_length) if len(labels) else np.zeros(0, bool)
    label_of = np.full(len(corners), FALSE_ALARM, np.int64)
    if len(corners) and len(labels):
        ships, boxes = np.asarray(shapely.polygons(labels.corners)), np.asarray(shapely.polygons(corners))
        box_index, ship_index = shapely.STRtree(ships).query(boxes, predicate="intersects")
        overlap = np.asarray(shapely.area(shapely.intersection(boxes[box_index], ships[ship_index])))
        box_areas = np.asarray(shapely.area(boxes))[box_index]
        union = box_areas + np.asarray(shapely.area(ships))[ship_index] - overlap
        iou = overlap / union
        share_of_box = overlap / box_areas
        free = counted.copy()
        for box in np.argsort(-scores, kind="stable"):
            mine = np.flatnonzero(box_index == box)
            good = mine[(iou[mine] >= min_iou) & free[ship_index[mine]]]
            if len(good):
                best = ship_index[good[np.argmax(iou[good])]]
                label_of[box] = best
                free[best] = False
                continue
            spared = mine[~counted[ship_index[mine]]]
            if ((iou[spared] >= min_iou) | (share_of_box[spared] >= 0.5)).any():
                label_of[box] = NOT_COUNTED
    if len(corners):
        too_short = box_sides(corners)[:, 0] < min_length
        label_of[too_short & (label_of == FALSE_ALARM)] = NOT_COUNTED
    return Matches(label_of, counted)


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
