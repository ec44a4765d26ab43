"""Areas as a user writes them: a bounding box, or a file with polygons."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pyogrio.errors
import pyproj.exceptions
import shapely

from ..errors import BerthwatchError


def read_aoi(text: str) -> shapely.Polygon | shapely.MultiPolygon:
    """An area in EPSG:4326 from "lon_min,lat_min,lon_max,lat_max" or the name of a vector file.

    Args:
        text: four numbers with commas, degrees; or a GeoJSON, GeoPackage, KML or Shapefile of polygons, any CRS.

    Raises:
        BerthwatchError: neither, or the numbers are no box on Earth, or the file holds no polygon or has no CRS.
    """
    if Path(text).exists():
        return read_polygons(Path(text), "--aoi")
    parts = text.split(",")
    try:
        west, south, east, north = (float(part) for part in parts)
    except ValueError:
        raise BerthwatchError(
            f"--aoi {text}: neither a file nor four numbers; write lon_min,lat_min,lon_max,lat_max, "
            "such as 132.96,42.70,133.10,42.785"
        ) from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise BerthwatchError(
            f"--aoi {text}: not a box on Earth; longitudes must rise within -180 to 180, latitudes within -90 to 90 "
            "(order: lon_min,lat_min,lon_max,lat_max)"
        )
    return shapely.box(west, south, east, north)


def read_polygons(path: Path, option: str) -> shapely.Polygon | shapely.MultiPolygon:
    """The union of a vector file's polygons, EPSG:4326.

    Args:
        path: a GeoJSON, GeoPackage, KML or Shapefile, any CRS.
        option: where the user named it, for messages.

    Raises:
        BerthwatchError: it cannot be read, or holds no polygon or has no CRS.
    """
    try:
        frame = gpd.read_file(path, engine="pyogrio")
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError, ValueError) as error:
        raise BerthwatchError(f"{option} {path}: cannot be read as a vector file: {error}") from error
    if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        raise BerthwatchError(f"{option} {path}: has no geometry or no coordinate reference system; save it as GeoJSON")
    try:
        shapes = list(frame.to_crs("EPSG:4326").geometry)
    except pyproj.exceptions.ProjError as error:
        raise BerthwatchError(f"{option} {path}: cannot be brought to longitude and latitude: {error}") from error
    area = shapely.union_all([shapely.make_valid(shape) for shape in shapes if shape is not None and shape.area > 0])
    if area.is_empty or not isinstance(area, shapely.Polygon | shapely.MultiPolygon):
        raise BerthwatchError(f"{option} {path}: holds no polygon; draw the area as a polygon")
    return area
