"""Copy-paste: real hulls, cut out along their box, set on other water at another size and heading.

Few labelled tankers exist; every one of them can lie in every harbour. A hull is only ever shrunk, because
a coarser sensor sees less of a ship, never more.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from .labels import ShipLabels

# Length overall in metres that a pasted hull may be given: 5th to 95th percentile of working ships of the kind.
LENGTH_RANGE_M = {
    "tanker": (55.0, 340.0),
    "gas-carrier": (80.0, 300.0),
    "bulk-carrier": (120.0, 300.0),
    "container": (110.0, 370.0),
    "general-cargo": (60.0, 160.0),
    "barge": (30.0, 110.0),
    "passenger": (30.0, 300.0),
    "tug-service": (22.0, 70.0),
    "fishing": (20.0, 70.0),
    "naval": (40.0, 170.0),
    "leisure": (15.0, 50.0),
}
MARGIN = 0.12


@dataclass(frozen=True)
class Hull:
    """A ship cut out of a picture, its long axis along x.

    rgb: uint8 (h, w, 3). alpha: float32 (h, w) in [0, 1], the hull's shape with soft edges.
    length_px, beam_px: the hull's box inside the cut-out, which has a margin round it.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    length_px: float
    beam_px: float
    kind: str


def cut_hulls(rgb: NDArray[np.uint8], labels: ShipLabels, *, shortest_px: float = 36.0) -> list[Hull]:
    """Every clear, whole ship of a picture that is at least `shortest_px` long and of a known kind."""
    height, width = rgb.shape[:2]
    hulls = []
    for corners, kind, difficult in zip(labels.corners, labels.kinds, labels.difficult, strict=True):
        inside = (corners > -2).all() and (corners[:, 0] < width + 2).all() and (corners[:, 1] < height + 2).all()
        (cx, cy), (w, h), angle = cv2.minAreaRect(corners.astype(np.float32))
        if w < h:
            w, h, angle = h, w, angle + 90.0
        if difficult or not inside or kind not in LENGTH_RANGE_M or w < shortest_px or h < 5:
            continue
        out_w, out_h = int(w * (1 + 2 * MARGIN)) + 4, int(h * (1 + 2 * MARGIN)) + 4
        turn = cv2.getRotationMatrix2D((cx - 0.5, cy - 0.5), angle, 1.0)
        turn[:, 2] += np.array([out_w / 2, out_h / 2]) - np.array([cx, cy])
        patch = cv2.warpAffine(rgb, turn, (out_w, out_h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        hulls.append(Hull(np.asarray(patch, np.uint8), _hull_shape(out_h, out_w, w, h), float(w), float(h), kind))
    return hulls


def _hull_shape(height: int, width: int, length_px: float, beam_px: float) -> NDArray[np.float32]:
    """A blunt-ended outline: full beam over the middle body, rounded towards bow and stern."""
    x = np.abs((np.arange(width) + 0.5 - width / 2) / (length_px / 2))
    y = np.abs((np.arange(height) + 0.5 - height / 2) / (beam_px / 2))
    reach = (x[None] ** 8 + y[:, None] ** 4) ** 0.25
    softness = max(2.0 / beam_px, 0.08)
    return np.clip((1.0 + softness / 2 - reach) / softness, 0.0, 1.0).astype(np.float32)


def paste_hull(
    rng: np.random.Generator,
    rgb: NDArray[np.uint8],
    hull: Hull,
    centre: tuple[float, float],
    *,
    length_px: float,
    angle_rad: float,
    blur_px: float = 0.0,
) -> NDArray[np.float64]:
    """Paint a hull into `rgb` in place; returns its box corners, (4, 2) chip pixels.

    length_px: the length it takes, at most its own. blur_px: sigma of the coarser sensor's point spread.
    """
    scale = length_px / hull.length_px
    size = rgb.shape[0]
    reduced = (max(3, round(hull.rgb.shape[1] * scale)), max(3, round(hull.rgb.shape[0] * scale)))
    patch = cv2.resize(hull.rgb, reduced, interpolation=cv2.INTER_AREA).astype(np.float32)
    alpha = cv2.resize(hull.alpha, reduced, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        patch, alpha = patch[:, ::-1], alpha[:, ::-1]
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.94, 1.06, 3)
    patch = np.clip(patch * gain + rng.uniform(-12, 12), 0, 255)
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    matrix[:, 2] = np.array(centre) - 0.5 - matrix[:, :2] @ (np.array(reduced) / 2 - 0.5)
    layer = cv2.warpAffine(np.ascontiguousarray(patch), matrix, (size, size), flags=cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    cover = cv2.warpAffine(np.ascontiguousarray(alpha), matrix, (size, size), flags=cv2.INTER_LINEAR)
    if blur_px > 0:
        layer = cv2.GaussianBlur(layer, (0, 0), blur_px)
        cover = cv2.GaussianBlur(cover, (0, 0), blur_px)
    rgb[:] = np.clip(rgb * (1 - cover[..., None]) + layer * cover[..., None] + 0.5, 0, 255).astype(np.uint8)
    half = np.array([length_px, hull.beam_px * scale]) / 2
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    return box @ np.array([[cos, sin], [-sin, cos]]) + np.array(centre)


def open_water(rgb: NDArray[np.uint8], labels: ShipLabels, *, window_px: int = 13) -> NDArray[np.bool_]:
    """Where a ship could float: smooth, dark for its picture, valid, and no labelled ship near; bool (h, w)."""
    grey = rgb.astype(np.float32).mean(2)
    mean = cv2.blur(grey, (window_px, window_px))
    spread = np.sqrt(np.maximum(cv2.blur(grey**2, (window_px, window_px)) - mean**2, 0))
    valid = cv2.erode((rgb.max(2) > 0).astype(np.uint8), np.ones((window_px, window_px), np.uint8)) > 0
    if not valid.any():
        return valid
    # Dark woods are as smooth as water from far above, but greener than any sea.
    leafy = cv2.blur(2 * rgb[..., 1].astype(np.float32) - rgb[..., 0] - rgb[..., 2], (window_px, window_px)) > 14
    water = valid & ~leafy & (spread < 5.0) & (mean < np.percentile(grey[valid], 65) + 8)
    mask = water.astype(np.uint8)
    for corners in labels.corners:
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 0)
    return cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0


def mooring(
    rng: np.random.Generator, water: NDArray[np.bool_], *, length_px: float, beam_px: float, tries: int = 12
) -> tuple[tuple[float, float], float] | None:
    """A place for a ship alongside: on the water's edge, parallel to it, the hull afloat along its length.

    Returns the centre (x, y) and the angle in radians, or None where no such place turned up.
    """
    distance = cv2.distanceTransform(water.astype(np.uint8), cv2.DIST_L2, 5)
    spots = np.argwhere((distance > beam_px / 2 + 0.5) & (distance < beam_px / 2 + 3.0))
    if not len(spots):
        return None
    smooth = cv2.GaussianBlur(distance, (0, 0), max(2.0, length_px / 8))
    inward_x, inward_y = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    height, width = water.shape
    for _ in range(tries):
        row, col = spots[rng.integers(len(spots))]
        angle = float(np.arctan2(inward_y[row, col], inward_x[row, col]) + np.pi / 2)
        along = np.linspace(-0.5, 0.5, 15)[:, None] * length_px * np.array([np.cos(angle), np.sin(angle)])
        line = np.round(along + np.array([col, row])).astype(int)
        if (line < 0).any() or (line[:, 0] >= width).any() or (line[:, 1] >= height).any():
            continue
        clearance = distance[line[:, 1], line[:, 0]]
        # Near the edge all along: beside a quay, not across a harbour mouth.
        if (clearance > beam_px * 0.3).all() and np.median(clearance) < beam_px / 2 + 6:
            return (float(col) + 0.5, float(row) + 0.5), angle
    return None


def overlaps_any(corners: NDArray[np.float64], others: list[NDArray[np.float64]]) -> bool:
    """Whether a box touches any of the others."""
    shape = shapely.Polygon(corners)
    return any(shape.intersects(shapely.Polygon(other)) for other in others)
