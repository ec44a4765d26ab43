"""What a reader of one format hands over, before class names are mapped and boxes are checked."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...imagery.scene import Scene


class LabelError(ValueError):
    """Something in a label file is wrong; the message is the reason, its place is added by whoever catches it."""


@dataclass(frozen=True)
class Problem:
    """Something that could not be read: where it stands and why.

    where: "line 12", or "annotations[3]" in files that are one long line; "" for the file as a whole.
    """

    file: Path
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}{', ' if self.where else ''}{self.where}: {self.reason}"


@dataclass(frozen=True)
class LabelledObject:
    """One labelled object, ship or not.

    class_name: as the dataset writes it. corners: float64 (4, 2) or, for a box still to be fitted, (n, 2), pixel
    x, y in corner convention. where: its place in the label file. difficult: unclear by the dataset's own flag.
    upright: only the upright box round it is known, not the direction of its hull.
    """

    class_name: str
    corners: NDArray[np.float64]
    where: str
    difficult: bool = False
    upright: bool = False


@dataclass(frozen=True)
class LabelRecord:
    """The labels of one picture.

    picture: its name or path below the dataset's images, with or without suffix. objects: reads the objects, given
    the picture's header (its size may be needed); raises LabelError where none of them can be read. gsd_m: ground
    metres a pixel if the labels tell it.
    """

    picture: str
    label_file: Path
    objects: Callable[[Scene], Iterator[LabelledObject | Problem]]
    gsd_m: float | None = None


def number(text: object, what: str) -> float:
    """A finite number out of a label file.

    Raises:
        LabelError: it is none; `what` is named.
    """
    try:
        value = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise LabelError(f"{what} is {text!r}, not a number") from None
    if not math.isfinite(value):
        raise LabelError(f"{what} is {value}")
    return value


def upright_corners(left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    """The corners (4, 2) of an upright box.

    Raises:
        LabelError: right is not right of left, or bottom not below top.
    """
    if not (left < right and top < bottom):
        raise LabelError(f"box from ({left:g}, {top:g}) to ({right:g}, {bottom:g}) has no area")
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def turned_corners(cx: float, cy: float, width: float, height: float, angle_rad: float) -> NDArray[np.float64]:
    """The corners (4, 2) of a box whose width points along `angle_rad`, from +x towards +y (down).

    Raises:
        LabelError: a side is not above zero.
    """
    if width <= 0 or height <= 0:
        raise LabelError(f"box of {width:g} by {height:g} pixels has no area")
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    return half @ np.array([[cos, sin], [-sin, cos]]) + [cx, cy]
