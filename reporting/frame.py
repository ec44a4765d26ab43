"""The ground as a flat sheet: where a longitude and latitude lie on a picture or map, in metres from its upper left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod, Transformer
from shapely import MultiPoint, MultiPolygon, Polygon, get_coordinates

_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True)
class Frame:
    """A piece of ground drawn flat, a unit of the drawing being a metre on the ground.

    Attributes:
        width_m, height_m: size of the piece.
        to_xy: longitude, latitude (n, 2) in degrees -> x right, y down (n, 2) in metres.
        north_deg: direction of true north on the drawing, clockwise from up.
        gsd_m: ground metres a pixel of the picture below; None for a map without one.
    """

    width_m: float
    height_m: float
    to_xy: Callable[[ArrayLike], NDArray[np.float64]]
    north_deg: float
    gsd_m: float | None = None

    @classmethod
    def of_picture(
        cls, to_pixel: Callable[[ArrayLike], NDArray[np.float64]], size_px: tuple[int, int], centre: tuple[float, float]
    ) -> Frame:
        """The frame of a picture of (width, height) pixels, from where its pixels fall around `centre` (lon, lat)."""
        # The pixels that 100 m east and 100 m north of the centre make: columns of a 2 x 2 matrix, pixels a metre.
        # Its inverse is metres a pixel: (3, 0; 0, -3) for a north-up picture at 3 m.
        points = [centre, _GEOD.fwd(*centre, 90.0, 100.0)[:2], _GEOD.fwd(*centre, 0.0, 100.0)[:2]]
        origin, east, north = to_pixel(points)
        metres_a_pixel = np.linalg.inv(np.column_stack([east - origin, north - origin]) / 100.0)
        scale = np.hypot(*metres_a_pixel)  # of a column, of a row
        right, down = (north - origin) * scale
        return cls(
            width_m=size_px[0] * float(scale[0]),
            height_m=size_px[1] * float(scale[1]),
            to_xy=lambda lonlat: to_pixel(lonlat) * scale,
            north_deg=float(np.degrees(np.arctan2(right, -down))),
            gsd_m=float(np.sqrt(scale[0] * scale[1])),
        )

    @classmethod
    def of_ground(cls, bounds: tuple[float, float, float, float]) -> Frame:
        """A north-up map of (lon_min, lat_min, lon_max, lat_max), for when there is no picture."""
        lon, lat = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
        plane = Transformer.from_crs("EPSG:4326", f"+proj=aeqd +lat_0={lat} +lon_0={lon} +ellps=WGS84", always_xy=True)
        left, bottom = plane.transform(bounds[0], bounds[1])
        right, top = plane.transform(bounds[2], bounds[3])

        def to_xy(lonlat: ArrayLike) -> NDArray[np.float64]:
            lon_lat = np.asarray(lonlat, np.float64).reshape(-1, 2)
            x, y = plane.transform(lon_lat[:, 0], lon_lat[:, 1])
            return np.column_stack([np.asarray(x) - left, top - np.asarray(y)])

        return cls(right - left, top - bottom, to_xy, north_deg=0.0)

    def points(self, outline: Polygon | MultiPolygon) -> str:
        """A berth's or ship's outline (EPSG:4326) as the `points` of an SVG polygon.

        A ship that lies across 180 degrees comes in two parts; the hull around both is her box again.
        """
        if isinstance(outline, MultiPolygon):
            hull = MultiPoint(self.to_xy(get_coordinates(outline))).convex_hull
            xy = get_coordinates(hull)[:-1]
        else:
            xy = self.to_xy(np.asarray(outline.exterior.coords)[:-1, :2])
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in xy)

    def share(self, lonlat: tuple[float, float]) -> tuple[float, float]:
        """A position as shares of width and height, (0, 0) upper left."""
        x, y = self.to_xy([lonlat])[0]
        return float(x / self.width_m), float(y / self.height_m)

    def scale_bar_m(self) -> float:
        """A round length that takes about a quarter of the width."""
        longest = self.width_m / 4
        power = 10 ** np.floor(np.log10(longest))
        return float(max(step * power for step in (1, 2, 5) if step * power <= longest))


def bounds_around(
    centre: tuple[float, float], half_width_m: float, half_height_m: float
) -> tuple[float, float, float, float]:
    """(lon_min, lat_min, lon_max, lat_max) of a box of ground around (lon, lat)."""
    lon, lat = centre
    west, east = (_GEOD.fwd(lon, lat, azimuth, half_width_m)[0] for azimuth in (270.0, 90.0))
    south, north = (_GEOD.fwd(lon, lat, azimuth, half_height_m)[1] for azimuth in (180.0, 0.0))
    return west, south, east, north


def size_m(bounds: tuple[float, float, float, float]) -> tuple[float, float]:
    """Width and height in metres, through the middle, of (lon_min, lat_min, lon_max, lat_max)."""
    lon, lat = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    width = _GEOD.inv(bounds[0], lat, bounds[2], lat)[2]
    return width, _GEOD.inv(lon, bounds[1], lon, bounds[3])[2]
