"""Greedy merging of overlapping oriented boxes, exact and deterministic, for one tile or a million boxes.

Overlap is that of the oriented rectangles themselves. The upright hulls of two tankers moored side by side at 45
degrees share 70 % of their area, and merging by them loses one; the rectangles share nothing, and both stay.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from .boxes import Boxes
from .overlap import intersection_areas

# Chosen on exact polygons; thresholds of upright boxes or of Gaussian overlaps (ProbIoU) do not carry over.
DEFAULT_IOU = 0.5
DEFAULT_IOS = 0.6

# Queries grow as ranks fall: the best-ranked few first remove most duplicates where boxes lie in heaps, so that a heap
# of 100,000 boxes never asks for its 5e9 pairs, while spread-out boxes go through in a few large queries.
_FIRST_QUERY, _LARGEST_QUERY = 64, 65_536


def merge(boxes: Boxes, *, iou: float = DEFAULT_IOU, ios: float = DEFAULT_IOS) -> Boxes:
    """Keep the best box of each group that shows one ship.

    From the highest score down, a box that is kept removes every later box with which it shares

    - at least `iou` of their union (the same ship seen twice), or
    - at least `ios` of the smaller of the two (a part of a ship beside the whole).

    Classes are not told apart: a hull seen both as a tanker and as a cargo ship is one ship. Ties in score are broken
    by position (y, then x) and then by shape and class, so the result does not depend on the order of the input.

    Args:
        boxes: n boxes in one pixel frame.
        iou: intersection over union, in (0, 1]; above 1 switches the rule off.
        ios: intersection over the smaller area, in (0, 1]; above 1 switches the rule off.

    Returns:
        The boxes kept, best first.
    """
    return boxes.select(kept_indexes(boxes, iou=iou, ios=ios))


def kept_indexes(boxes: Boxes, *, iou: float = DEFAULT_IOU, ios: float = DEFAULT_IOS) -> NDArray[np.intp]:
    """Indexes of the boxes that `merge` keeps, best first, for whoever knows more of a box than `Boxes` holds."""
    order = _rank(boxes)
    ranked = boxes.select(order)
    n = len(ranked)
    if n < 2:
        return order
    areas = ranked.areas()
    hulls = _upright_hulls(ranked)
    tree = shapely.STRtree(hulls)
    alive = np.ones(n, bool)
    start, size = 0, _FIRST_QUERY
    while start < n:
        stop = min(start + size, n)
        queried = start + np.flatnonzero(alive[start:stop])
        first, second = tree.query(hulls[queried])
        first = queried[first]
        candidate = (second > first) & alive[second]
        first, second = first[candidate], second[candidate]
        shared = intersection_areas(ranked, first, second)
        same = shared >= iou * (areas[first] + areas[second] - shared)
        part = shared >= ios * np.minimum(areas[first], areas[second])
        _suppress(alive, first, second, (shared > 0) & (same | part))
        start, size = stop, min(2 * size, _LARGEST_QUERY)
    return order[alive]


def _rank(boxes: Boxes) -> NDArray[np.intp]:
    """Order of the boxes, best first; equal only for boxes equal in every number compared."""
    x, y, long, short, angle = boxes.xywha.T
    return np.lexsort((boxes.class_ids, angle, short, long, x, y, -boxes.scores))


def _upright_hulls(boxes: Boxes) -> NDArray[np.object_]:
    """(n,) shapely boxes that bound the oriented ones: what the tree finds candidates by, nothing more."""
    corners = boxes.corners()
    (x_min, y_min), (x_max, y_max) = corners.min(axis=1).T, corners.max(axis=1).T
    return np.asarray(shapely.box(x_min, y_min, x_max, y_max))


def _suppress(
    alive: NDArray[np.bool_],
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    overlapping: NDArray[np.bool_],
) -> None:
    """Clear `alive` for the later box of each overlapping pair whose earlier box is itself still alive, by rank."""
    first, second = first[overlapping], second[overlapping]
    by_rank = np.argsort(first, kind="stable")
    state = alive.view(np.uint8).data  # single elements are quicker to reach here than in an array
    for i, j in zip(first[by_rank].tolist(), second[by_rank].tolist(), strict=True):
        if state[i]:
            state[j] = 0
