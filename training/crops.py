"""Cut a square chip out of a labelled picture at any scale and angle, the labels following the pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from .labels import ShipLabels

# A cut ship that still shows this share of its hull is a ship, its box re-fitted to what is seen;
# one that shows less is neither ship nor water.
KEEP_VISIBLE = 0.55
FORGET_VISIBLE = 0.02

# Below this a hull is a few pixels of glint: no target, but no water either.
SMALLEST_SHIP_PX = 8.0


@dataclass(frozen=True)
class Chip:
    """A training picture: rgb uint8 (size, size, 3) and its ships in chip pixels.

    sensor_px: how many of its pixels one sample of the sensor spans, at least 1; 2 for Sentinel-2 shown at 5 m.
    """

    rgb: NDArray[np.uint8]
    labels: ShipLabels
    sensor_px: float = 1.0


def chip_transform(
    centre: tuple[float, float], *, scale: float, angle_rad: float, size: int, mirror: bool = False
) -> NDArray[np.float64]:
    """The affine (2, 3) that carries source pixels to chip pixels, corner convention.

    `centre` lands on the middle of the chip, `scale` is chip pixels per source pixel.
    Example: centre (100, 50), scale 0.5, no turn, size 320: source (100, 50) -> chip (160, 160) and
    source (102, 50) -> chip (161, 160).
    """
    cos, sin = scale * np.cos(angle_rad), scale * np.sin(angle_rad)
    turn = np.array([[cos, -sin], [sin, cos]])
    if mirror:
        turn = turn @ np.diag([-1.0, 1.0])
    shift = np.array([size / 2, size / 2]) - turn @ np.array(centre)
    return np.column_stack([turn, shift])


def warp(rgb: NDArray[np.uint8], transform: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Resample a picture under a corner-convention affine without aliasing; outside is 0."""
    scale = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    matrix = np.vstack([transform, [0.0, 0.0, 1.0]])
    source = rgb
    if scale < 0.8:
        height, width = rgb.shape[:2]
        reduced = (max(1, round(width * scale)), max(1, round(height * scale)))
        source = cv2.resize(rgb, reduced, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([width / reduced[0], height / reduced[1], 1.0])
    # OpenCV puts pixel centres on whole numbers, labels put them on halves.
    to_half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    matrix = np.linalg.inv(to_half) @ matrix @ to_half
    warped = cv2.warpAffine(source, matrix[:2], (size, size), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    return np.asarray(warped, np.uint8)


def move_labels(labels: ShipLabels, transform: NDArray[np.float64], size: int) -> ShipLabels:
    """Labels in chip pixels: whole ships as they are, cut ones re-fitted or marked difficult, gone ones left out."""
    if not len(labels):
        return labels
    moved = labels.moved(labels.corners @ transform[:, :2].T + transform[:, 2])
    hulls = shapely.polygons(moved.corners)
    frame = shapely.box(0, 0, size, size)
    inside = np.asarray(shapely.intersection(hulls, frame))
    visible = shapely.area(inside) / np.maximum(shapely.area(hulls), 1e-9)
    corners = moved.corners.copy()
    for i in np.flatnonzero((visible < 0.99) & (visible > FORGET_VISIBLE)):
        corners[i] = _rectangle_round(inside[i])
    difficult = moved.difficult | (visible < KEEP_VISIBLE) | (moved.sides[:, 0] < SMALLEST_SHIP_PX)
    return ShipLabels(corners, moved.kinds, difficult).select(visible > FORGET_VISIBLE)


def _rectangle_round(shape: shapely.Geometry) -> NDArray[np.float64]:
    points = shapely.get_coordinates(shape).astype(np.float32)
    return cv2.boxPoints(cv2.minAreaRect(points)).astype(np.float64)


def cut_chip(
    rgb: NDArray[np.uint8],
    labels: ShipLabels,
    centre: tuple[float, float],
    *,
    scale: float,
    angle_rad: float = 0.0,
    size: int = 320,
    mirror: bool = False,
) -> Chip:
    """Cut one chip; see `chip_transform` for the geometry."""
    transform = chip_transform(centre, scale=scale, angle_rad=angle_rad, size=size, mirror=mirror)
    return Chip(warp(rgb, transform, size), move_labels(labels, transform, size))
