"""Small pictures of single ships, cut out of a scene, with boxes drawn on them."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from ..imagery.pixels import open_at_scale, read_window
from ..imagery.radiometry import Stretch
from ..imagery.scene import Scene

_SIDE_PX = 240
# Round a ship as much again is shown on either side, and never less than so many pixels of the scene.
_REACH_OF_LENGTH, _LEAST_REACH_PX = 1.0, 20.0


@dataclass(frozen=True)
class Crop:
    """A picture with boxes on it.

    image: JPEG as a data URI. width, height: of the drawing. outlines: (role, SVG points) each; "subject" is what the
    picture is about. caption, scene_id: for the reader.
    """

    image: str
    width: float
    height: float
    outlines: tuple[tuple[str, str], ...]
    caption: str
    scene_id: str


def cut_crop(
    scene: Scene,
    stretch: Stretch,
    subject: NDArray[np.float64],
    outlines: Sequence[tuple[str, NDArray[np.float64]]],
    *,
    caption: str,
) -> Crop | None:
    """The surroundings of a box (4, 2) in scene pixels; None where it lies outside the scene.

    outlines: (role, corners) of boxes that are drawn too where they are in the picture.

    Raises:
        BerthwatchError: the scene cannot be read any more.
    """
    middle = subject.mean(axis=0)
    reach = max(_REACH_OF_LENGTH * float(np.ptp(subject, axis=0).max()), _LEAST_REACH_PX)
    left, top = np.maximum(np.floor(middle - reach), 0).astype(int)
    right, bottom = np.minimum(np.ceil(middle + reach), (scene.width, scene.height)).astype(int)
    if left >= right or top >= bottom:
        return None
    across, down = int(right - left), int(bottom - top)
    scale = max(across, down) / _SIDE_PX
    shape = max(1, round(down / scale)), max(1, round(across / scale))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with open_at_scale(scene, scale) as dataset:
            pixels = read_window(dataset, scene, (float(left), float(top), float(across), float(down)), shape)
    frame = shapely.box(left, top, right, bottom)
    drawn = [(role, box) for role, box in outlines if shapely.Polygon(box).intersects(frame)]
    return Crop(
        _jpeg(stretch.apply(pixels.rgb)),
        shape[1],
        shape[0],
        tuple((role, _points((box - (left, top)) / scale)) for role, box in [*drawn, ("subject", subject)]),
        caption,
        scene.scene_id,
    )


def _points(corners: NDArray[np.float64]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _jpeg(rgb: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
