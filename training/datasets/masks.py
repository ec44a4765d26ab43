"""Run-length masks, and the rectangles round what they cover."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from .record import LabelError
from .rectangles import smallest_rectangle

_ANY_NEIGHBOUR = np.ones((3, 3), int)


def counts_from_text(text: str) -> NDArray[np.int64]:
    """The run lengths (n,) in COCO's compressed RLE string.

    Each number is written in groups of five bits, lowest first, one character a group, from '0' on; 32 says that
    another group follows, and 16 in the last one that the number is negative. From the fourth on, a number is the
    difference to the one before the last. Example: "04" -> [0, 4].

    Raises:
        LabelError: not such a string.
    """
    codes = np.frombuffer(text.encode("latin-1", "replace"), np.uint8).astype(np.int64) - 48
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise LabelError("the run-length string is broken")
    ends = np.flatnonzero((codes & 32) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    groups = ends - starts + 1
    if groups.max() > 8:
        raise LabelError("the run-length string is broken")
    place = 5 * (np.arange(len(codes)) - np.repeat(starts, groups))
    values = np.add.reduceat((codes & 31) << place, starts)
    values -= np.where(codes[ends] & 16, np.int64(1) << (5 * groups), 0)
    values[2::2] = np.cumsum(values[2::2])
    values[1::2] = np.cumsum(values[1::2])
    return values


def mask_from_counts(counts: Sequence[int] | NDArray[np.int64], height: int, width: int) -> NDArray[np.bool_]:
    """COCO's uncompressed RLE as a mask (height, width): runs of 0 and 1 by turns, down the columns, 0 first.

    Raises:
        LabelError: the runs do not fill the picture.
    """
    try:
        runs = np.asarray(counts, np.int64)
    except (TypeError, ValueError, OverflowError):
        raise LabelError("the run lengths are not whole numbers") from None
    if runs.ndim != 1 or (runs < 0).any() or runs.sum() != height * width:
        raise LabelError(f"the runs cover {runs.sum()} pixels, the picture has {width} x {height} = {width * height}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def mask_from_starts(text: str, height: int, width: int) -> NDArray[np.bool_]:
    """Airbus' run-length mask (height, width): pairs of start and length, down the columns, counted from 1.

    Raises:
        LabelError: not such pairs, or they leave the picture.
    """
    fields = text.split()
    if len(fields) % 2 or not all(field.isdigit() for field in fields):
        raise LabelError("EncodedPixels is not pairs of whole numbers: start length start length ...")
    pairs = np.array(fields, np.int64).reshape(-1, 2)
    starts, ends = pairs[:, 0] - 1, pairs[:, 0] - 1 + pairs[:, 1]
    if not len(pairs) or starts.min() < 0 or ends.max() > height * width or (pairs[:, 1] == 0).any():
        raise LabelError(f"EncodedPixels leaves the picture of {width} x {height} pixels")
    # +1 where a run starts, -1 behind its end: the running sum is above zero inside runs.
    steps = np.zeros(height * width + 1, np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, ends, -1)
    return (np.cumsum(steps[:-1]) > 0).reshape(width, height).T


def mask_rectangle(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The smallest rectangle (4, 2) round all that a mask covers, in pixels, corner convention.

    A pixel is covered where its centre is, so the true edge lies between the outermost row of covered centres and the
    next row out: half a row on average. Rows in the direction (p, q), reduced to the smallest whole numbers, are
    1 / hypot(p, q) apart: a pixel for an upright hull, 0.7 of one at 45 degrees, next to nothing at any other angle.

    Raises:
        LabelError: the mask is empty.
    """
    rows, cols = np.nonzero(mask & ~np.asarray(ndimage.binary_erosion(mask), bool))
    if not len(rows):
        raise LabelError("the mask is empty")
    pixels = np.column_stack([cols, rows]).astype(np.float64)
    try:
        rectangle = smallest_rectangle(pixels + 0.5)
    except LabelError:  # a line of single pixels: the box round them is all that can be said
        return smallest_rectangle((pixels[:, None] + [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).reshape(-1, 2))
    along, across = rectangle[1] - rectangle[0], rectangle[3] - rectangle[0]
    outward = _row_spacing(pixels, along) / 2 * (along / np.linalg.norm(along) + across / np.linalg.norm(across))
    inward = outward - 2 * (outward @ across) / (across @ across) * across
    return rectangle + np.stack([-outward, inward, outward, -inward])


def _row_spacing(pixels: NDArray[np.float64], direction: NDArray[np.float64]) -> float:
    """How far apart rows of pixel centres lie that run along a side of the pixels' convex hull."""
    sides = np.diff(shapely.get_coordinates(shapely.convex_hull(shapely.MultiPoint(pixels))), axis=0).astype(np.int64)
    turned = np.abs(sides @ np.stack([direction[::-1] * [-1, 1], direction], axis=1))
    # The rectangle lies along one hull side: the one whose part across the direction, or along it, is nought.
    dx, dy = sides[np.argmin(turned.min(axis=1) / np.linalg.norm(sides, axis=1))]
    return math.gcd(dx, dy) / math.hypot(dx, dy)


def connected_rectangles(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """The smallest rectangle of every connected part of a mask (corners touching connect), by its topmost row."""
    parts = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, structure=_ANY_NEIGHBOUR, output=parts)
    rectangles = []
    for index, (rows, cols) in enumerate(ndimage.find_objects(parts), start=1):
        corner = np.array([cols.start, rows.start])
        rectangles.append(mask_rectangle(parts[rows, cols] == index) + corner)
    return rectangles
