"""Whether two runtimes see the same ships in the same tiles: asked before a quicker one replaces a known one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Boxes
from .overlap import intersection_areas

# Nine ships of ten must lie within a pixel and score within 0.03; the tenth may be shown by another of the network's
# boxes of the same hull, which happens where two of them score alike. A ship that scores this much above the threshold
# must not be missing: nearer to it, rounding decides.
MOST_SHIFT_PX, MOST_SCORE_CHANGE = 1.0, 0.03
SURE_BY = 0.05
_SHARE_OF_SHIPS = 0.9
_SAME_HULL_IOU = 0.5


@dataclass(frozen=True)
class Agreement:
    """How two detectors' ships of the same tiles compare.

    Attributes:
        ships: pairs of boxes, one of each detector, that show one hull.
        missing: boxes at least `SURE_BY` above the threshold that have no like in the other's.
        shift_px: distance between corresponding corners, the largest of a pair, that nine pairs of ten stay within.
        score_change: difference of scores that nine pairs of ten stay within.
    """

    ships: int
    missing: int
    shift_px: float
    score_change: float

    def holds(self) -> bool:
        """Whether one may stand in for the other; not where there was no ship to compare."""
        within = self.shift_px <= MOST_SHIFT_PX and self.score_change <= MOST_SCORE_CHANGE
        return self.ships > 0 and self.missing == 0 and within


def agreement(one: Sequence[Boxes], other: Sequence[Boxes], *, threshold: float) -> Agreement:
    """Compare two detectors' boxes of the same tiles, tile by tile; both were loaded with `threshold`."""
    shifts, changes, missing = [], [], 0
    for a, b in zip(one, other, strict=True):
        first, second = _likes(a, b)
        shifts.append(corner_shifts(a.select(first), b.select(second)))
        changes.append(np.abs(a.scores[first] - b.scores[second]))
        for boxes, matched in ((a, first), (b, second)):
            sure = boxes.scores >= threshold + SURE_BY
            sure[matched] = False
            missing += int(sure.sum())
    shift, change = np.concatenate([*shifts, np.zeros(0)]), np.concatenate([*changes, np.zeros(0)])
    if not len(shift):
        return Agreement(0, missing, 0.0, 0.0)
    return Agreement(
        len(shift), missing, float(np.quantile(shift, _SHARE_OF_SHIPS)), float(np.quantile(change, _SHARE_OF_SHIPS))
    )


def corner_shifts(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """(n,) largest distance in pixels between corresponding corners of a[k] and b[k], whichever corner comes first."""
    turned = [
        np.linalg.norm(a.corners() - np.roll(b.corners(), turn, axis=1), axis=-1).max(axis=1) for turn in range(4)
    ]
    return np.min(turned, axis=0)


def _likes(a: Boxes, b: Boxes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indexes of boxes of `a` and of `b` that are each other's best like, sharing half of their union or more."""
    if not len(a) or not len(b):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    first, second = (index.ravel() for index in np.indices((len(a), len(b))))
    shared = intersection_areas(Boxes.concat([_bare(a), _bare(b)]), first, second + len(a)).reshape(len(a), len(b))
    iou = shared / (a.areas()[:, None] + b.areas()[None] - shared)
    best = iou.argmax(axis=1)
    mutual = (iou.argmax(axis=0)[best] == np.arange(len(a))) & (iou.max(axis=1) >= _SAME_HULL_IOU)
    return np.flatnonzero(mutual), best[mutual]


def _bare(boxes: Boxes) -> Boxes:
    return Boxes(boxes.xywha, boxes.scores, boxes.class_ids)
