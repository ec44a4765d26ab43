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
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .averaging import PARTNER_SCORE_SHARE, averaged
from .boxes import Boxes
from .merge import kept_indexes
from .metadata import ModelMetadata

log = logging.getLogger(__name__)


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

    def boxes(self, output: NDArray[np.floating]) -> list[Boxes]:
        """Boxes of each tile of an output (b, ...), as `decode`; the first full tile is warned of."""
        n_classes = len(self.metadata.classes)
        boxes, saturated = decode(output, self.metadata.output, n_classes=n_classes, threshold=self.threshold)
        with self._lock:
            first = saturated > 0 and self.saturated_tiles == 0
            self.saturated_tiles += saturated
        if first:
            log.warning(
                "%s: a tile holds as many ships as the file can report; some may be missing. Export raw output.",
                self.metadata.model_id,
            )
        return boxes


def decode(
    output: NDArray[np.floating],
    layout: Literal["raw", "end2end"],
    *,
    n_classes: int,
    threshold: float,
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
    if layout == "raw":
        return _decode_raw(output, n_classes, threshold), 0
    return _decode_end2end(output, threshold)


def boxes_by_tile(
    rows: NDArray[np.floating], tile_of_row: NDArray[np.integer], n_tiles: int, *, threshold: float
) -> list[Boxes]:
    """Merged boxes of each tile with score >= `threshold`, from the raw layout's surviving anchors.

    Args:
        rows: (m, 4 + n_classes + 1), the columns of the raw layout: all that score `anchor_threshold(threshold)`.
        tile_of_row: (m,), in [0, n_tiles), ascending.
        n_tiles: number of tiles.
        threshold: lowest score kept.
    """
    sound = _sound(rows)
    rows, tile_of_row = rows[sound], tile_of_row[sound]
    class_scores = rows[:, 4:-1].astype(np.float32)
    boxes = Boxes.from_xywhr(
        rows[:, [0, 1, 2, 3, -1]], ship_scores(class_scores), class_scores.argmax(axis=1), class_scores
    )
    return [ships.select(ships.scores >= threshold) for ships in _split(boxes, tile_of_row, n_tiles)]


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


def _decode_raw(raw: NDArray[np.floating], n_classes: int, threshold: float) -> list[Boxes]:
    if raw.ndim != 3 or raw.shape[1] != 4 + n_classes + 1:
        raise ValueError(f"raw output must be (b, {4 + n_classes + 1}, anchors); got {raw.shape}")
    tile, anchor = np.nonzero(ship_scores(raw[:, 4:-1]) >= anchor_threshold(threshold))
    return boxes_by_tile(raw[tile, :, anchor], tile, len(raw), threshold=threshold)


def _decode_end2end(output: NDArray[np.floating], threshold: float) -> tuple[list[Boxes], int]:
    if output.ndim != 3 or output.shape[2] != 7:
        raise ValueError(f"end2end output must be (b, k, 7); got {output.shape}")
    above = output[..., 4] >= threshold
    tile, slot = np.nonzero(above)
    rows = output[tile, slot]
    sound = _sound(rows)
    boxes = Boxes.from_xywhr(rows[sound][:, [0, 1, 2, 3, 6]], rows[sound, 4], rows[sound, 5])
    return _split(boxes, tile[sound], len(output)), int(above.all(axis=1).sum())


def _sound(rows: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(m,) whether a row is finite with both sides positive: an untrained anchor may put its sides inside out."""
    return np.asarray(np.isfinite(rows).all(axis=1) & (rows[:, 2:4] > 0).all(axis=1))


def _split(boxes: Boxes, tile_of_box: NDArray[np.integer], n_tiles: int) -> list[Boxes]:
    bounds = np.searchsorted(tile_of_box, np.arange(n_tiles + 1))
    of_tile = [boxes.select(np.arange(bounds[i], bounds[i + 1])) for i in range(n_tiles)]
    return [averaged(seen, kept_indexes(seen)) for seen in of_tile]
