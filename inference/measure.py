"""Boxes in working pixels -> ships on the ground: position, length, beam and heading, with what is not sure of them.

A pixel is not a measure. Ten metres of Web Mercator are 8.2 m at Busan, a degree of longitude is 82 km there and
111 km at the equator, UTM is off by up to 0.1 %. So each ship's two midlines, bow to stern and side to side, are laid
on the WGS84 ellipsoid and measured there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from ..models.boxes import Boxes
from ..models.metadata import ModelMetadata

_WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True, eq=False)
class Measurements:
    """n ships on the ground.

    Attributes:
        corners_lonlat: (n, 4, 2) degrees WGS84, the detector's box, in order around it.
        lonlat: (n, 2) its centre.
        length_m, beam_m: (n,) metres, the model's bias taken off; never below half a working pixel.
        length_sd_m, beam_sd_m: (n,) standard deviations, metres.
        heading_deg: (n,) clockwise from true north, in [0, 180): bow and stern cannot be told apart.
    """

    corners_lonlat: NDArray[np.float64]
    lonlat: NDArray[np.float64]
    length_m: NDArray[np.float64]
    length_sd_m: NDArray[np.float64]
    beam_m: NDArray[np.float64]
    beam_sd_m: NDArray[np.float64]
    heading_deg: NDArray[np.float64]


def measure(
    boxes: Boxes,
    to_lonlat: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    working_gsd_m: float,
    sensor_px: float,
    metadata: ModelMetadata,
) -> Measurements:
    """Measure ships on the ellipsoid.

    Args:
        boxes: n boxes in working pixels.
        to_lonlat: (m, 2) working pixels -> (m, 2) longitude, latitude, degrees WGS84.
        working_gsd_m: ground metres a working pixel, which turns the model's errors in pixels into metres.
        sensor_px: working pixels that one pixel of the scene spans, at least 1.
        metadata: of the model, with bias and standard deviation of its lengths and beams.
    """
    corners = boxes.corners()
    # Corners are bow starboard, stern starboard, stern port, bow port (or turned by 180 degrees), so the midpoints
    # of neighbours are: 0 starboard side, 1 stern, 2 port side, 3 bow.
    midpoints = (corners + np.roll(corners, -1, axis=1)) / 2
    points = np.concatenate([corners, midpoints, boxes.xywha[:, None, :2]], axis=1)
    lonlat = np.asarray(to_lonlat(points.reshape(-1, 2))).reshape(-1, 9, 2)
    raw_length, heading = _geodesic(lonlat[:, 5], lonlat[:, 7])
    raw_beam, _ = _geodesic(lonlat[:, 4], lonlat[:, 6])

    seen = {"working_gsd_m": working_gsd_m, "sensor_px": sensor_px}
    length, length_sd = metadata.length_errors.corrected(raw_length, **seen)
    beam, beam_sd = metadata.beam_errors.corrected(raw_beam, **seen)
    return Measurements(lonlat[:, :4], lonlat[:, 8], length, length_sd, beam, beam_sd, heading)


def _geodesic(start: NDArray[np.float64], end: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance in metres and azimuth modulo 180 degrees between (n, 2) points."""
    azimuth, _, distance = _WGS84.inv(start[:, 0], start[:, 1], end[:, 0], end[:, 1])
    half_turn = np.mod(np.asarray(azimuth, np.float64), 180.0)
    # A rounded-up remainder (-1e-15 modulo 180 is 180 in float64) is north again.
    return np.asarray(distance, np.float64), np.where(half_turn >= 180.0, 0.0, half_turn)
