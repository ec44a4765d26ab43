"""Exact overlap of rotated rectangles, for a million pairs at a time.

shapely's general overlay costs about 20 microseconds a pair; rectangles allow a closed form in plain array arithmetic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .boxes import Boxes

_PAIRS_AT_ONCE = 65_536  # keeps the temporary arrays (about 1 kB a pair) inside the processor's cache


def intersection_areas(boxes: Boxes, first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.float64]:
    """Areas shared by boxes[first[k]] and boxes[second[k]].

    Args:
        boxes: n boxes.
        first, second: (m,) indexes into them.

    Returns:
        float64 (m,), square pixels.
    """
    areas = np.empty(len(first))
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        areas[part] = _intersect(boxes.xywha[first[part]], boxes.xywha[second[part]])
    return areas


def _intersect(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas of a[k] and b[k] in common; both (m, 5).

    In b's own frame b is |x| <= p, |y| <= q, and the area of a inside it is Green's integral of clamp(y, -q, q) dx
    over a's four edges with x clamped to [-p, p]. An edge is straight between the parameters t where it crosses
    y = -q and y = q, so three trapezoids are exact. Nothing branches, so near-parallel and coincident edges are as
    exact as any.

    Example: a = 4 x 2 at the origin, b = the same moved by (3, 0), both at angle 0. In b's frame a spans x in
    [-5, -1], clamped [-2, -1]. Its edge at y = 1 runs backwards: -1 x 1; its edge at y = -1 forwards: 1 x -1; the
    upright ones give 0. Their sum is -2, the area 2 = 1 x 2.
    """
    half_long, half_short = b[:, 2, None] / 2, b[:, 3, None] / 2
    x0, y0 = _corners_in_frame(a, b)
    x1, y1 = np.roll(x0, -1, axis=1), np.roll(y0, -1, axis=1)
    t_start, t_stop = _crossings(x0, x1, half_long)
    t_in, t_out = _crossings(y0, y1, half_short)
    knots_t = (t_start, np.clip(t_in, t_start, t_stop), np.clip(t_out, t_start, t_stop), t_stop)
    x = [np.clip(x0 + t * (x1 - x0), -half_long, half_long) for t in knots_t]
    y = [np.clip(y0 + t * (y1 - y0), -half_short, half_short) for t in knots_t]
    integral = sum((x[k + 1] - x[k]) * (y[k + 1] + y[k]) / 2 for k in range(3))
    return np.abs(np.sum(integral, axis=1))


def _crossings(
    start: NDArray[np.float64], stop: NDArray[np.float64], limit: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Parameters in [0, 1], in order, where a coordinate from `start` to `stop` passes -limit and limit."""
    span = stop - start
    span = np.where(span == 0.0, 1.0, span)
    with np.errstate(over="ignore"):  # a hair's breadth of span gives infinity, which clips to 0 or 1 as it should
        one, other = np.clip((-limit - start) / span, 0.0, 1.0), np.clip((limit - start) / span, 0.0, 1.0)
    return np.minimum(one, other), np.maximum(one, other)


def _corners_in_frame(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of a[k] along and across b[k], relative to its centre: two (m, 4) arrays, in order around a."""
    dx, dy = a[:, 0] - b[:, 0], a[:, 1] - b[:, 1]
    cos_b, sin_b = np.cos(b[:, 4]), np.sin(b[:, 4])
    centre_x, centre_y = dx * cos_b + dy * sin_b, dy * cos_b - dx * sin_b
    turn = a[:, 4] - b[:, 4]
    cos, sin = np.cos(turn), np.sin(turn)
    along = np.array([1.0, -1.0, -1.0, 1.0]) * (a[:, 2] / 2)[:, None]
    across = np.array([1.0, 1.0, -1.0, -1.0]) * (a[:, 3] / 2)[:, None]
    x = centre_x[:, None] + along * cos[:, None] - across * sin[:, None]
    y = centre_y[:, None] + along * sin[:, None] + across * cos[:, None]
    return x, y
