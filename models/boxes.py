"""Oriented boxes: one convention, kept from the backend's border to the map.

A box is (cx, cy, long, short, angle) in pixels with y down: `long` >= `short`, and `angle` in [0, pi) is the
direction of the long side, turning from +x (right) towards +y (down). Bow and stern cannot be told apart, so the
angle has no sense of direction. Pixel i covers [i, i + 1): the centre of the top left pixel is (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Boxes:
    """Oriented boxes of one tile or one scene, with what the detector said of each.

    Attributes:
        xywha: float64 (n, 5): cx, cy, long, short (pixels), angle (radians), in the convention above.
        scores: float64 (n,), the detector's score in [0, 1].
        class_ids: int64 (n,), indexes into the model's classes.
        class_scores: float32 (n, n_classes), the score of every class, or None where the source has none.
    """

    xywha: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    class_scores: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.xywha)
        if self.xywha.shape != (n, 5) or self.scores.shape != (n,) or self.class_ids.shape != (n,):
            raise ValueError(
                f"Boxes need xywha (n, 5), scores (n,), class_ids (n,); got {self.xywha.shape}, "
                f"{self.scores.shape}, {self.class_ids.shape}"
            )
        if self.class_scores is not None and (self.class_scores.ndim != 2 or len(self.class_scores) != n):
            raise ValueError(f"class_scores must be ({n}, n_classes); got {self.class_scores.shape}")

    def __len__(self) -> int:
        return len(self.xywha)

    @classmethod
    def empty(cls, n_classes: int | None = None) -> Boxes:
        """No boxes; with `n_classes`, `class_scores` is (0, n_classes) instead of None."""
        return cls(
            np.zeros((0, 5)),
            np.zeros(0),
            np.zeros(0, np.int64),
            None if n_classes is None else np.zeros((0, n_classes), np.float32),
        )

    @classmethod
    def from_xywhr(
        cls,
        xywhr: ArrayLike,
        scores: ArrayLike | None = None,
        class_ids: ArrayLike | None = None,
        class_scores: NDArray[np.float32] | None = None,
    ) -> Boxes:
        """Boxes from any (cx, cy, width, height, angle of the width): either side longer, any angle.

        Args:
            xywhr: (n, 5) pixels and radians.
            scores: (n,), 1.0 where absent.
            class_ids: (n,), 0 where absent.
            class_scores: (n, n_classes) or None.
        """
        xywhr = np.asarray(xywhr, np.float64).reshape(-1, 5)
        width, height = xywhr[:, 2], xywhr[:, 3]
        angle = half_turn(np.where(height > width, xywhr[:, 4] + np.pi / 2, xywhr[:, 4]))
        sides = np.maximum(width, height), np.minimum(width, height)
        xywha = np.column_stack([xywhr[:, 0], xywhr[:, 1], *sides, angle])
        n = len(xywha)
        return cls(
            xywha,
            np.ones(n) if scores is None else np.asarray(scores, np.float64),
            np.zeros(n, np.int64) if class_ids is None else np.asarray(class_ids, np.int64),
            class_scores,
        )

    @classmethod
    def from_corners(
        cls,
        corners: ArrayLike,
        scores: ArrayLike | None = None,
        class_ids: ArrayLike | None = None,
        class_scores: NDArray[np.float32] | None = None,
    ) -> Boxes:
        """Boxes from (n, 4, 2) rectangles, corners in order around each, from any corner, either way round.

        A quadrilateral that is not quite a rectangle gives its mean side lengths and mean axis direction.
        """
        corners = np.asarray(corners, np.float64).reshape(-1, 4, 2)
        centre = corners.mean(axis=1)
        # The two axes of 0-1-2-3: side 0->1 averaged with 3->2, and side 1->2 averaged with 0->3.
        first = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]) / 2
        second = (corners[:, 2] - corners[:, 1] + corners[:, 3] - corners[:, 0]) / 2
        width, height = np.hypot(*first.T), np.hypot(*second.T)
        axis = np.where((width >= height)[:, None], first, second)
        angle = np.arctan2(axis[:, 1], axis[:, 0])
        sides = np.maximum(width, height), np.minimum(width, height)
        return cls.from_xywhr(np.column_stack([centre, *sides, angle]), scores, class_ids, class_scores)

    def corners(self) -> NDArray[np.float64]:
        """(n, 4, 2) pixel corners in order around each box, the first long/2 ahead and short/2 to starboard."""
        along = self.xywha[:, 2] / 2 * np.array([np.cos(self.xywha[:, 4]), np.sin(self.xywha[:, 4])])
        across = self.xywha[:, 3] / 2 * np.array([-np.sin(self.xywha[:, 4]), np.cos(self.xywha[:, 4])])
        centre = self.xywha[:, :2].T
        offsets = [along + across, across - along, -along - across, along - across]
        return np.stack([(centre + offset).T for offset in offsets], axis=1)

    def areas(self) -> NDArray[np.float64]:
        """(n,) square pixels."""
        return self.xywha[:, 2] * self.xywha[:, 3]

    def select(self, which: NDArray[np.bool_] | NDArray[np.integer]) -> Boxes:
        """The boxes that a boolean mask or an array of indexes picks, in its order."""
        class_scores = None if self.class_scores is None else self.class_scores[which]
        return Boxes(self.xywha[which], self.scores[which], self.class_ids[which], class_scores)

    def shifted(self, dx: float | NDArray[np.float64], dy: float) -> Boxes:
        """The same boxes moved by (dx, dy) pixels: tile pixels become grid pixels with the tile's origin."""
        moved = self.xywha.copy()
        moved[:, 0] += dx
        moved[:, 1] += dy
        return Boxes(moved, self.scores, self.class_ids, self.class_scores)

    def centres_inside(self, x_min: float, y_min: float, x_max: float, y_max: float) -> NDArray[np.bool_]:
        """(n,) whether a centre lies in the half-open rectangle, so that abutting rectangles share no box."""
        x, y = self.xywha[:, 0], self.xywha[:, 1]
        return (x >= x_min) & (x < x_max) & (y >= y_min) & (y < y_max)

    @staticmethod
    def concat(parts: Sequence[Boxes]) -> Boxes:
        """All boxes of `parts` in order; `class_scores` survive if every part has them.

        Raises:
            ValueError: parts disagree on the number of classes.
        """
        if not parts:
            return Boxes.empty()
        scores = [part.class_scores for part in parts if part.class_scores is not None]
        return Boxes(
            np.concatenate([part.xywha for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.class_ids for part in parts]),
            np.concatenate(scores) if len(scores) == len(parts) else None,
        )


def half_turn(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles modulo pi, in [0, pi): a rounded-up remainder (-1e-17 mod pi is pi in float64) becomes 0."""
    reduced = np.mod(angle, np.pi)
    return np.where(reduced >= np.pi, 0.0, reduced)
