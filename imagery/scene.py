"""A scene: where its pixels are, where on the ground they lie, when they were taken. No pixel is read here."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from math import sqrt
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod, Transformer
from pyproj.exceptions import ProjError
from rasterio.crs import CRS
from rasterio.io import DatasetReader

from ..configs.plausible_time import impossible
from ..errors import BerthwatchError
from .acquired_at import FILE_NAME, Dated, time_from_tags
from .antimeridian import cut_at_antimeridian
from .band_order import rgb_band_indexes
from .mask_check import check_cloud_mask
from .raster import absolute_name, gdal_name, open_raster
from .sources import find_source
from .sun import doubts_of_hour

log = logging.getLogger(__name__)

_WGS84 = Geod(ellps="WGS84")
SYNTHETIC = "Synthetic scene: not a satellite picture"  # TIFFTAG_IMAGEDESCRIPTION of what berthwatch draws
# A line that is straight in metres bends in degrees: of 10 km, by 8 m at 75 degrees north.
_LONGEST_SIDE_M = 10_000.0
_MERCATORS = (3857, 3395)  # EPSG
_MERCATOR_TURN_M = 2 * np.pi * 6_378_137.0
_READABLE_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@dataclass(frozen=True)
class Scene:
    """One satellite picture. Pixel coordinates are (x, y) = (column, row), pixel i covers [i, i + 1)."""

    scene_id: str
    """Safe as a file name; from the product name or the file's stem."""
    source: str
    """What rasterio opens: an absolute path, a /vsi path, or the XML of a VRT that holds separate bands."""
    acquired_at: datetime | None
    """UTC, or None where nothing tells it."""
    crs: CRS
    transform: Affine
    """Pixel (x, y) -> CRS; rotated and south-up ones included."""
    width: int
    height: int
    gsd_m: float
    """Ground metres a pixel at the scene's centre (geodesic), the geometric mean of both axes."""
    gsd_x_m: float
    """Ground metres from one column to the next."""
    gsd_y_m: float
    """Ground metres from one row to the next."""
    band_indexes: tuple[int, int, int]
    """Red, green, blue, counted from 1; a panchromatic band thrice."""
    dtype: str
    cloud_mask: str | None
    """A raster that says what is obscured: nonzero, or Sentinel-2 SCL, Planet UDM2, Landsat QA_PIXEL classes."""
    time_source: str = ""
    """What told the time, in words; "" where nothing does."""
    time_doubt: str = ""
    """Why that may be wrong; "" where nothing speaks against it."""
    synthetic: bool = False
    """The file says of itself that it is no satellite picture."""

    def to_lonlat(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Pixel coordinates (n, 2) -> longitude, latitude (n, 2) in degrees, WGS84."""
        x, y = np.asarray(xy, dtype=np.float64).reshape(-1, 2).T
        lon, lat = _to_wgs84(self.crs.to_wkt()).transform(*_moved(self.transform, x, y))
        lon = np.where(np.abs(lon) > 180, (lon + 180) % 360 - 180, lon)  # degrees may be counted on past 180
        return np.column_stack([lon, lat])

    def from_lonlat(self, lonlat: ArrayLike) -> NDArray[np.float64]:
        """Longitude, latitude (n, 2) in degrees, WGS84 -> pixel coordinates (n, 2)."""
        lon, lat = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2).T
        easting, northing = _from_wgs84(self.crs.to_wkt()).transform(lon, lat)
        easting = np.asarray(easting)
        if turn := _turn(self.crs):  # the raster's columns are counted in one turn of the globe
            middle, _ = self.transform @ (self.width / 2, self.height / 2)
            away = easting - middle
            easting = np.where(np.abs(away) > turn / 2, middle + (away + turn / 2) % turn - turn / 2, easting)
        return np.column_stack(_moved(~self.transform, easting, np.asarray(northing)))

    def footprint(self) -> shapely.Polygon | shapely.MultiPolygon:
        """The raster's outline, EPSG:4326, with 16 points a side so that curved edges stay true; in parts at 180."""
        return self.polygon_to_lonlat(shapely.box(0, 0, self.width, self.height))

    def polygon_to_lonlat(self, polygon: shapely.Polygon) -> shapely.Polygon | shapely.MultiPolygon:
        """A polygon in pixel coordinates -> EPSG:4326, its sides densified, cut where it crosses 180 degrees."""
        side = min(max(self.width, self.height) / 16, _LONGEST_SIDE_M / self.gsd_m)
        return cut_at_antimeridian(shapely.transform(shapely.segmentize(polygon, side), self.to_lonlat))


def _turn(crs: CRS) -> float | None:
    """Width of the globe in a CRS in which rasters go on beyond 180 degrees, in its units; None for others."""
    if crs.is_geographic:
        return 360.0
    return _MERCATOR_TURN_M if crs.to_epsg() in _MERCATORS else None


def _moved(
    transform: Affine, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b, c, d, e, f = transform[:6]
    return a * x + b * y + c, d * x + e * y + f


@lru_cache(maxsize=32)
def _to_wgs84(crs_wkt: str) -> Transformer:
    return Transformer.from_crs(crs_wkt, "EPSG:4326", always_xy=True)


@lru_cache(maxsize=32)
def _from_wgs84(crs_wkt: str) -> Transformer:
    return Transformer.from_crs("EPSG:4326", crs_wkt, always_xy=True)


def open_scene(
    source: str | Path,
    *,
    bands: Mapping[str, str | Path] | None = None,
    acquired_at: datetime | None = None,
    cloud_mask: str | Path | None = None,
) -> Scene:
    """Open a scene as a user has it, without reading its pixels.

    `source`: a raster that GDAL reads (GeoTIFF, COG, VRT, JP2; local, http, s3, /vsi), a Sentinel-2 SAFE folder
    or its zip, or a STAC item's JSON. `bands` maps "red", "green" and "blue" (or "pan") to one file a band, or to
    band numbers of `source`; with files, `source` only names the scene. `acquired_at` must carry a time zone
    and overrides what the product says. `cloud_mask`: see Scene.

    Raises BerthwatchError when there is no such file, it is no image, has no pixels, no CRS, no affine
    georeference, no bands to make red, green and blue of, when it holds a pole, `acquired_at` lies in the future, or
    `cloud_mask` is no mask.
    """
    given = _given_by_the_user(acquired_at) if acquired_at else None
    found = find_source(source, bands)
    if cloud_mask:
        check_cloud_mask(gdal_name(cloud_mask))
    with open_raster(found.raster) as dataset:
        name = str(source)
        _check_pixels(dataset, name)
        _check_georeference(dataset, name)
        band_indexes = found.band_indexes or rgb_band_indexes(dataset, name)
        for colour, band in zip(("red", "green", "blue"), band_indexes, strict=True):
            if not 1 <= band <= dataset.count:
                raise BerthwatchError(f"{name}: has no band {band}, asked for as {colour}; give 1 to {dataset.count}")
        tags = _all_tags(dataset)
        dated = given or _believed(found.dated or time_from_tags(tags), name)
        gsd_x_m, gsd_y_m = _ground_sample_distance(dataset, name)
        mask = gdal_name(cloud_mask) if cloud_mask else found.cloud_mask
        scene = Scene(
            scene_id=found.scene_id,
            source=absolute_name(found.raster),
            acquired_at=dated.at if dated else None,
            crs=dataset.crs,
            transform=dataset.transform,
            width=dataset.width,
            height=dataset.height,
            gsd_m=sqrt(gsd_x_m * gsd_y_m),
            gsd_x_m=gsd_x_m,
            gsd_y_m=gsd_y_m,
            band_indexes=band_indexes,
            dtype=dataset.dtypes[0],
            cloud_mask=absolute_name(mask) if mask else None,
            time_source=dated.told_by if dated else "",
            time_doubt=dated.doubt if dated else "",
            synthetic=tags.get("TIFFTAG_IMAGEDESCRIPTION") == SYNTHETIC,
        )
    _check_no_pole(scene, name)
    return _doubting_the_hour(scene, name, told=given is None)


def _given_by_the_user(acquired_at: datetime) -> Dated:
    if acquired_at.tzinfo is None:
        raise BerthwatchError(f"acquired_at {acquired_at.isoformat()} has no time zone; give it in UTC")
    if why := impossible(acquired_at):
        raise BerthwatchError(f"acquired_at {acquired_at.isoformat()} {why}")
    return Dated(acquired_at.astimezone(UTC), "given by the user")


def _believed(dated: Dated | None, name: str) -> Dated | None:
    """What product or file tell of the time, if it can be."""
    if dated and (why := impossible(dated.at)):
        log.warning("%s: its time %s (%s) %s; it is not used", *(name, dated.at.isoformat(), dated.told_by, why))
        return None
    return dated


def _doubting_the_hour(scene: Scene, name: str, *, told: bool) -> Scene:
    """The scene, its time in doubt at night too; a doubt about a time that the user did not give is logged."""
    if scene.acquired_at is None:
        return scene
    lon, lat = scene.to_lonlat([[scene.width / 2, scene.height / 2]])[0]
    doubt = doubts_of_hour(scene.acquired_at, lon, lat, scene.time_doubt)
    if told and doubt not in ("", FILE_NAME):  # names tell the time of most pictures: that is left to the report
        log.warning(
            "%s: its time %s is told by %s: %s. Give --acquired-at if you know better",
            *(name, scene.acquired_at.isoformat(), scene.time_source, doubt),
        )
    return replace(scene, time_doubt=doubt)


def _all_tags(dataset: DatasetReader) -> dict[str, str]:
    return {**dataset.tags(), **dataset.tags(ns="IMAGERY")}


def _check_pixels(dataset: DatasetReader, name: str) -> None:
    if dataset.count == 0 or dataset.width == 0 or dataset.height == 0:
        raise BerthwatchError(
            f"{name}: holds no pixels ({dataset.width} x {dataset.height}, {dataset.count} bands); "
            "give the raster itself, not a container of several"
        )
    if dataset.dtypes[0] not in _READABLE_DTYPES:
        raise BerthwatchError(
            f"{name}: pixels of type {dataset.dtypes[0]} cannot be shown as a picture; "
            f"give one of {', '.join(_READABLE_DTYPES)}"
        )


def _check_georeference(dataset: DatasetReader, name: str) -> None:
    if dataset.transform == Affine.identity() and (dataset.gcps[0] or dataset.rpcs):
        kind, option = ("ground control points", "-tps") if dataset.gcps[0] else ("RPCs", "-rpc")
        raise BerthwatchError(
            f"{name}: is placed on the ground by {kind} alone; lay it on a map grid first: "
            f"gdalwarp {option} -t_srs EPSG:4326 IN OUT.tif"
        )
    if dataset.crs is None and dataset.transform == Affine.identity():
        raise BerthwatchError(
            f"{name}: has no place on Earth{' (a screenshot?)' if dataset.driver in ('PNG', 'JPEG') else ''}; "
            "get the GeoTIFF, which knows where its pixels lie"
        )
    if dataset.crs is None:
        raise BerthwatchError(
            f"{name}: has no coordinate reference system; if you know it, write it in: "
            "gdal_edit.py -a_srs EPSG:32652 FILE (or gdal_translate -a_srs EPSG:32652 IN OUT.tif)"
        )
    if dataset.transform == Affine.identity() or dataset.transform.is_degenerate:
        raise BerthwatchError(
            f"{name}: has no position on the ground (its transform is {tuple(dataset.transform)[:6]}); "
            "give the georeferenced product, or write corners in with gdal_translate -a_ullr"
        )


def _check_no_pole(scene: Scene, name: str) -> None:
    """Round a pole longitudes run through all values: no outline in degrees can be drawn, and no area be told."""
    for pole, lat in (("North", 90.0), ("South", -90.0)):
        # On a grid in degrees a pole is the whole upper or lower edge, never inside: such a scene has an outline.
        at = scene.from_lonlat([[lon, lat] for lon in (-180.0, -90.0, 0.0, 90.0)])
        inside = np.isfinite(at).all(axis=1) & (at > 0).all(axis=1) & (at < (scene.width, scene.height)).all(axis=1)
        if inside.any():
            raise BerthwatchError(
                f"{name}: holds the {pole} Pole, round which no outline in degrees can be drawn; "
                "cut out the part that you want: gdal_translate -projwin …"
            )


def _ground_sample_distance(dataset: DatasetReader, name: str) -> tuple[float, float]:
    """Geodesic metres of one step along x and along y at the raster's centre.

    Ten metres of Web Mercator at Busan (35.1 N) are 10 x cos(35.1 deg) = 8.2 m on the ground.
    """
    x, y = dataset.width / 2, dataset.height / 2
    pixels = np.array([[x, y], [x + 1, y], [x, y + 1]])
    try:
        transformer = _to_wgs84(dataset.crs.to_wkt())
    except ProjError as error:
        raise BerthwatchError(f"{name}: its CRS has no way to longitude and latitude: {error}") from error
    lon, lat = transformer.transform(*_moved(dataset.transform, pixels[:, 0], pixels[:, 1]))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise BerthwatchError(f"{name}: its centre is nowhere on Earth in its CRS; check CRS and transform")
    _, _, metres = _WGS84.inv([lon[0], lon[0]], [lat[0], lat[0]], [lon[1], lon[2]], [lat[1], lat[2]])
    return float(metres[0]), float(metres[1])
