"""What a detector made of a picture whose ships are known: found, seen twice, lost beside a neighbour."""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from berthwatch.models.boxes import Boxes
from berthwatch.models.overlap import intersection_areas

from .pictures import Truth

_SAME_SHIP_IOU = 0.4  # of oriented boxes; those of neighbours do not overlap at all
_CLEARLY_IOU = 0.5
_ON_A_SHIP = 0.5  # of a box's own area


def score(found: Boxes, truth: Truth, seen: NDArray[np.bool_]) -> dict[str, int]:
    """Counts of ships and boxes.

    Args:
        found: the final boxes, in the picture's pixels.
        truth: what there is.
        seen: (n,) whether the network saw the ship clearly, as `seen_in_tiles`.

    Returns:
        ships: in the picture. found: ships with a box. duplicates: further boxes on a ship. false: boxes on none.
        lost_neighbours: ships beside another that the network saw clearly and that merging lost.
    """
    box, ship, shared = _overlaps(found, truth.boxes)
    iou = shared / (found.areas()[box] + truth.boxes.areas()[ship] - shared)
    taken = np.full(len(found), -1)
    has_box = np.zeros(len(truth.boxes), bool)
    for k in np.argsort(-iou, kind="stable"):
        if iou[k] >= _SAME_SHIP_IOU and taken[box[k]] < 0 and not has_box[ship[k]]:
            taken[box[k]], has_box[ship[k]] = ship[k], True
    on_a_ship = np.zeros(len(found), bool)
    on_a_ship[box[shared >= _ON_A_SHIP * found.areas()[box]]] = True
    spare = taken < 0
    return {
        "ships": len(truth.boxes),
        "found": int(has_box.sum()),
        "duplicates": int((spare & on_a_ship).sum()),
        "false": int((spare & ~on_a_ship).sum()),
        "lost_neighbours": int((truth.has_neighbour & seen & ~has_box).sum()),
    }


def seen_in_tiles(tiles: Sequence[tuple[int, int, Boxes]], tile_px: int, truth: Truth) -> NDArray[np.bool_]:
    """(n,) whether the network clearly reported the ship in every tile that shows it whole, and in one at least.

    Args:
        tiles: of each tile its corner x0, y0 and all boxes that the network reported in it, nothing suppressed, in the
            picture's pixels.
        tile_px: side of a tile.
        truth: what there is.
    """
    corners = truth.boxes.corners()
    shown, missed = np.zeros((2, len(corners)), bool)
    for x0, y0, boxes in tiles:
        low, high = np.array([x0, y0]), np.array([x0 + tile_px, y0 + tile_px])
        whole = ((corners >= low) & (corners <= high)).all(axis=(1, 2))
        reported = np.zeros(len(corners), bool)
        box, ship, shared = _overlaps(boxes, truth.boxes)
        iou = shared / (boxes.areas()[box] + truth.boxes.areas()[ship] - shared)
        # A box counts for the ship that it fits best, not for that ship's neighbour too.
        best = np.zeros(len(boxes))
        np.maximum.at(best, box, iou)
        reported[ship[(iou >= _CLEARLY_IOU) & (iou == best[box])]] = True
        shown |= whole
        missed |= whole & ~reported
    return shown & ~missed


def _overlaps(boxes: Boxes, ships: Boxes) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Pairs (index of a box, index of a ship) that overlap, and the area they share."""
    both = Boxes.concat([_bare(boxes), _bare(ships)])
    hulls = shapely.polygons(both.corners())
    box, ship = shapely.STRtree(hulls[len(boxes) :]).query(hulls[: len(boxes)], predicate="intersects")
    return box, ship, intersection_areas(both, box, ship + len(boxes))


def _bare(boxes: Boxes) -> Boxes:
    return Boxes(boxes.xywha, boxes.scores, boxes.class_ids)
