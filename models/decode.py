"""From a network's output to boxes: the one place that knows the two layouts of YOLO-OBB networks.

raw      (b, 4 + n_classes + 1, anchors): cx, cy, width, height in tile pixels, a score in [0, 1] for every class, and
         the angle of the width side in radians, unbounded (YOLO26) or in [-pi/4, 3pi/4) (YOLO11). Nothing has been
         suppressed or cut off: merging is ours, and no tile can hold too many ships.
end2end  (b, k, 7): cx, cy, width, height, score, class, angle for the k best, k built into the file. A tile with k
         detections above the threshold is saturated: it may hold more.

Which of them a file holds is said by its metadata, never concluded from a shape.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .averaging import PARTNER_SCORE_SHARE, averaged
from .boxes import Boxes
from .merge import kept_indexes
from .metadata import ModelMetadata

log = logging.getLogger(__name__)

Layout = Literal["raw", "end2end"]

_FARTHEST_PX = 2.0**14  # centres and sides of boxes, from their tile's corner; tiles have a few hundred pixels


@dataclass
class Decoder:
    """Turns outputs of one model into boxes, from any number of threads, and counts the tiles that were full.

    Attributes:
        metadata: of the model.
        threshold: lowest score kept.
        saturated_tiles: tiles so far that held as many ships as the model's file can report.
    """

    metadata: ModelMetadata
    threshold: float
    saturated_tiles: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(cls, metadata: ModelMetadata, score_threshold: float | None) -> Decoder:
        """With the threshold given, or the model's own if None."""
        return cls(metadata, metadata.lowest_score_threshold if score_threshold is None else score_threshold)

    def sift(self, output: NDArray[np.floating]) -> list[NDArray[np.floating]]:
        """What `boxes` needs of each tile of an output (b, ...), as `sift`; the first full tile is warned of."""
        rows = sift(output, self.metadata.output, n_classes=len(self.metadata.classes), threshold=self.threshold)
        saturated = full_tiles(rows, output, self.metadata.output)
        with self._lock:
            first = saturated > 0 and self.saturated_tiles == 0
            self.saturated_tiles += saturated
        if first:
            log.warning(
                "%s: a tile holds as many ships as the file can report; some may be missing. Export raw output.",
                self.metadata.model_id,
            )
        return rows

    def boxes(self, rows_of_tiles: Sequence[NDArray[np.floating]]) -> list[Boxes]:
        """Merged boxes of each tile from what `sift` left of it; all at once, for a tile alone is too little work."""
        return boxes_by_tile(rows_of_tiles, self.metadata.output, threshold=self.threshold)


def decode(
    output: NDArray[np.floating], layout: Layout, *, n_classes: int, threshold: float
) -> tuple[list[Boxes], int]:
    """Boxes of each tile, merged, with score >= `threshold`; and the number of saturated tiles.

    Args:
        output: the network's output in one of the layouts above.
        layout: which of them.
        n_classes: number of classes of the model.
        threshold: lowest score kept.

    Raises:
        ValueError: `output` does not have the layout's shape.
    """
    rows = sift(output, layout, n_classes=n_classes, threshold=threshold)
    return boxes_by_tile(rows, layout, threshold=threshold), full_tiles(rows, output, layout)


def sift(
    output: NDArray[np.floating], layout: Layout, *, n_classes: int, threshold: float
) -> list[NDArray[np.floating]]:
    """Of each tile of an output, (m, columns of the layout): what has a say in ships of score >= `threshold`.

    A few rows of thousands: copies, so that the output may be overwritten. Arguments and errors as of `decode`.
    """
    if layout == "raw":
        if output.ndim != 3 or output.shape[1] != 4 + n_classes + 1:
            raise ValueError(f"raw output must be (b, {4 + n_classes + 1}, anchors); got {output.shape}")
        return [tile[:, ship_scores(tile[4:-1].T) >= anchor_threshold(threshold)].T for tile in output]
    if output.ndim != 3 or output.shape[2] != 7:
        raise ValueError(f"end2end output must be (b, k, 7); got {output.shape}")
    return [tile[tile[:, 4] >= threshold] for tile in output]


def full_tiles(rows: Sequence[NDArray[np.floating]], output: NDArray[np.floating], layout: Layout) -> int:
    """Tiles whose sifted rows are all that the file can report."""
    return 0 if layout == "raw" else sum(len(of_tile) == output.shape[1] for of_tile in rows)


def boxes_by_tile(rows_of_tiles: Sequence[NDArray[np.floating]], layout: Layout, *, threshold: float) -> list[Boxes]:
    """Merged boxes of each tile with score >= `threshold`, from the rows that `sift` leaves.

    Args:
        rows_of_tiles: of each tile (m, columns of the layout); one tile at least.
        layout: of the rows.
        threshold: lowest score kept.
    """
    rows = np.concatenate(rows_of_tiles)
    tile_of_row = np.repeat(np.arange(len(rows_of_tiles)), [len(of_tile) for of_tile in rows_of_tiles])
    # An untrained anchor may hold no numbers, put its sides inside out, or reach for the moon.
    sound = (rows[:, 2:4] > 0).all(axis=1) & (np.abs(rows[:, :4]) < _FARTHEST_PX).all(axis=1)
    sound &= np.isfinite(rows).all(axis=1)
    rows, tile_of_row = rows[sound], tile_of_row[sound]
    if layout == "end2end":
        boxes = Boxes.from_xywhr(rows[:, [0, 1, 2, 3, 6]], rows[:, 4], rows[:, 5])
    else:
        class_scores = rows[:, 4:-1].astype(np.float32)
        best_class = class_scores.argmax(axis=1)
        boxes = Boxes.from_xywhr(rows[:, [0, 1, 2, 3, -1]], ship_scores(class_scores), best_class, class_scores)
    # Tiles are laid side by side, farther apart than any box reaches, and merged in one go. By a power of two: what
    # single precision told of a box's place stays exact, and so does all that is computed from differences of places.
    apart = boxes.shifted(tile_of_row.astype(np.float64) * 4 * _FARTHEST_PX, 0.0)
    kept = kept_indexes(apart)
    ships = averaged(boxes, kept, apart)
    above = ships.scores >= threshold
    return [ships.select(above & (tile_of_row[kept] == tile)) for tile in range(len(rows_of_tiles))]


def anchor_threshold(threshold: float) -> float:
    """The score down to which anchors are needed for ships of `threshold`: fainter ones have a say in a ship's shape.

    So her length does not hang on the threshold that the detector happens to be loaded with.
    """
    return threshold * PARTNER_SCORE_SHARE


def ship_scores(class_scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """The score that a box shows a ship, of whatever kind: its class scores added up, at most 1; (m, k) -> (m,).

    A hull that may as well be a tanker as a bulk carrier is a ship as surely as one whose kind is plain; the best
    class alone would halve its score. Half-trained weights found ships of 60 m and more on a 3 m PlanetScope scene
    with an average precision of 0.71 by the sum and 0.61 by the best class.
    """
    return np.minimum(class_scores.sum(axis=1), 1.0)
