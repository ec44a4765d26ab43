"""The smallest rectangle round a shape."""

import numpy as np
import shapely
from numpy.typing import NDArray

from .record import LabelError


def smallest_rectangle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rectangle of least area round points (n, 2); corners (4, 2) in order.

    One of its sides lies on a side of the convex hull (Freeman and Shapira 1975), so every hull side is tried.

    Raises:
        LabelError: the points lie on one line.
    """
    hull = shapely.convex_hull(shapely.MultiPoint(points))
    if not isinstance(hull, shapely.Polygon):
        raise LabelError("box has no area: its points lie on one line or are one")
    ring = shapely.get_coordinates(hull)
    sides = np.diff(ring, axis=0)
    along = sides / np.linalg.norm(sides, axis=1, keepdims=True)
    across = np.column_stack([-along[:, 1], along[:, 0]])
    u, v = ring @ along.T, ring @ across.T  # (points, sides)
    areas = np.ptp(u, axis=0) * np.ptp(v, axis=0)
    best = int(np.argmin(areas))
    low_u, high_u, low_v, high_v = u[:, best].min(), u[:, best].max(), v[:, best].min(), v[:, best].max()
    frame = np.array([[low_u, low_v], [high_u, low_v], [high_u, high_v], [low_u, high_v]])
    return frame @ np.stack([along[best], across[best]])


def as_rectangle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Four corners as they are where they go round a box; else the smallest rectangle round the points.

    Hand-drawn boxes are rectangles but for a pixel here and there: what a label says is kept where it can be.

    Raises:
        LabelError: the points lie on one line.
    """
    if len(points) == 4:
        quadrilateral = shapely.Polygon(points)
        if quadrilateral.is_valid and quadrilateral.area > 0.98 * quadrilateral.convex_hull.area:
            return points
    return smallest_rectangle(points)
