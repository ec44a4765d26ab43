"""Ultralytics' turns and zooms, with pixels and labels in one frame.

Its warp takes the matrix that moves labels, in which pixel i covers [i, i + 1), for OpenCV's, in which pixel i's centre
is at i. After half a turn every hull lies a pixel off its label in x and in y, which is much for a ship of ten pixels.
"""

from typing import Any

import numpy as np
from ultralytics.data.augment import Compose, RandomPerspective
from ultralytics.data.dataset import YOLODataset

# From OpenCV's frame to the labels'. Example: pixel 0 covers [0, 1) and has its centre at 0.5.
_TO_LABELS = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])


class TrueWarp(RandomPerspective):
    """Warps the pixels to where the labels go."""

    def apply_image(self, labels: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
        """As Ultralytics', with the matrix in OpenCV's frame."""
        params = params or self.get_params(labels)
        matrix = np.linalg.inv(_TO_LABELS) @ params["M"] @ _TO_LABELS
        return super().apply_image(labels, {**params, "M": matrix})


class ChipDataset(YOLODataset):
    """Ultralytics' dataset with the true warp, also when it builds its transforms anew late in a run."""

    def build_transforms(self, hyp: Any = None) -> Compose:
        """As Ultralytics', each warp replaced."""
        transforms = super().build_transforms(hyp)
        if self.augment:
            before = transforms.transforms[0]  # mosaic, warp, copy-paste; mixup and cutmix share it
            before.transforms = [_true(step) for step in before.transforms]
        return transforms


def _true(step: Any) -> Any:
    if not isinstance(step, RandomPerspective):
        return step
    return TrueWarp(
        degrees=step.degrees,
        translate=step.translate,
        scale=step.scale,
        shear=step.shear,
        perspective=step.perspective,
        size=step.size,
        preserve_obb=step.preserve_obb,
    )
