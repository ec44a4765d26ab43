"""A georeferenced synthetic scene and its exact truth, for the demo and for tests."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from rasterio.crs import CRS
from rasterio.transform import Affine

from ...errors import BerthwatchError
from ..scene import SYNTHETIC
from .canvas import Frame
from .harbour import HarbourLayout
from .picture import Conditions, View, take_picture
from .ships import SyntheticShip

_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True)
class SyntheticScene:
    """What to paint: a piece of ground, when it was seen, under what conditions, and the ships in it.

    crs: projected, in metres, such as "EPSG:32653". left, top: outer corner of the first pixel in it. width,
    height: pixels. acquired_at: timezone-aware. layout keeps its own seed: the same layout is the same harbour on
    every date; `seed` is for what changes, waves, clouds and noise. off_swath: part of the picture (0..1) beyond
    the edge of the swath, on the side that off_swath_towards_deg points to (clockwise from grid north).

    Ships are placed in the CRS's metres and headings count from grid north: `frame_at` converts. Inside a UTM zone
    those metres are ground metres within 0.1 %.
    """

    crs: str
    left: float
    top: float
    width: int
    height: int
    gsd_m: float
    acquired_at: datetime
    layout: HarbourLayout = field(default_factory=HarbourLayout)
    ships: tuple[SyntheticShip, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    off_swath: float = 0.0
    off_swath_towards_deg: float = 100.0
    seed: int = 0

    def __post_init__(self) -> None:
        crs = CRS.from_user_input(self.crs)
        if not crs.is_projected or crs.linear_units_factor[1] != 1.0:
            raise BerthwatchError(f"synthetic scene: crs {self.crs} is not in metres: use UTM, such as EPSG:32653")
        if self.acquired_at.tzinfo is None:
            raise BerthwatchError("synthetic scene: acquired_at has no time zone: give a UTC time")
        if self.width < 16 or self.height < 16 or self.gsd_m <= 0:
            raise BerthwatchError(
                f"synthetic scene: {self.width} x {self.height} pixels of {self.gsd_m} m: need 16 x 16 and gsd_m > 0"
            )
        if not 0 <= self.off_swath < 1:
            raise BerthwatchError(f"synthetic scene: off_swath is {self.off_swath}: need 0 <= off_swath < 1")

    @property
    def view(self) -> View:
        """The pixels' place in the CRS."""
        return View(self.left, self.top, self.width, self.height, self.gsd_m)

    @property
    def transform(self) -> Affine:
        """Pixel (col, row) -> CRS."""
        return Affine(self.gsd_m, 0, self.left, 0, -self.gsd_m, self.top)


@dataclass(frozen=True)
class RenderedScene:
    """rgb: uint8 (h, w, 3), 0 in all bands off the swath and nowhere else. valid: bool (h, w).

    clouds: float32 (h, w), opacity 0..1. truth: GeoDataFrame, EPSG:4326, one row a ship: geometry (hull rectangle),
    name, kind, length_m, beam_m, heading_deg (true, where the bow points), visible (part of the hull on valid
    pixels of the picture), cloud (mean opacity over that part).
    """

    rgb: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    clouds: NDArray[np.float32]
    truth: gpd.GeoDataFrame


def frame_at(crs: str, lon: float, lat: float, heading_deg: float = 0.0) -> Frame:
    """Frame in the CRS's metres at a WGS84 position, heading_deg clockwise from true north turned to grid north."""
    to_crs = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    ahead_lon, ahead_lat, _ = _GEOD.fwd(lon, lat, heading_deg, 50.0)
    (x, ahead_x), (y, ahead_y) = to_crs.transform([lon, ahead_lon], [lat, ahead_lat])
    return Frame(x, y, float(np.degrees(np.arctan2(ahead_x - x, ahead_y - y)) % 360))


def render(scene: SyntheticScene) -> RenderedScene:
    """Paint the scene: the same scene gives the same bytes."""
    rng = np.random.default_rng(scene.seed)
    rgb, clouds = take_picture(rng, scene.view, scene.conditions, scene.layout, scene.ships)
    valid = _swath(scene)
    rgb = np.where(valid[..., None], np.maximum(rgb, 1), 0).astype(np.uint8)
    return RenderedScene(rgb, valid, clouds, _truth(scene, valid, clouds))


def write_scene(scene: SyntheticScene, path: str | Path) -> tuple[Path, Path]:
    """Render and write a GeoTIFF and its truth; returns (path, path with suffix .truth.geojson).

    The GeoTIFF is tiled, deflated, uint8 RGB with nodata 0, and tells its acquisition time in UTC in
    TIFFTAG_DATETIME and ACQUISITION_DATETIME. Either both files are there afterwards or none is new.
    """
    path = Path(path)
    truth_path = path.with_suffix(".truth.geojson")
    rendered = render(scene)
    when = scene.acquired_at.astimezone(UTC)
    partial = path.with_name(f".{path.name}.partial.tif")
    profile = {
        "driver": "GTiff", "width": scene.width, "height": scene.height, "count": 3, "dtype": "uint8", "nodata": 0,
        "crs": scene.crs, "transform": scene.transform, "photometric": "RGB", "tiled": True, "blockxsize": 256,
        "blockysize": 256, "compress": "deflate", "predictor": 2, "zlevel": 6,
    }  # fmt: skip
    partial_truth = truth_path.with_name(f".{truth_path.name}.partial")
    try:
        with rasterio.open(partial, "w", **profile) as dataset:
            dataset.write(np.moveaxis(rendered.rgb, -1, 0))
            dataset.update_tags(
                TIFFTAG_DATETIME=when.strftime("%Y:%m:%d %H:%M:%S"),
                ACQUISITION_DATETIME=when.isoformat().replace("+00:00", "Z"),
                TIFFTAG_IMAGEDESCRIPTION=SYNTHETIC,
            )
        partial_truth.write_text(truth_geojson(rendered.truth))
        partial.replace(path)
        partial_truth.replace(truth_path)
    finally:
        partial.unlink(missing_ok=True)
        partial_truth.unlink(missing_ok=True)
    return path, truth_path


def truth_geojson(truth: gpd.GeoDataFrame) -> str:
    """RFC 7946 text of the truth, positions to a centimetre; valid also where no ship is in it."""
    if truth.empty:
        return json.dumps({"type": "FeatureCollection", "features": []})
    rounded = truth.set_geometry(shapely.set_precision(truth.geometry.values, 1e-7, mode="pointwise"))
    return rounded.to_json(drop_id=True)


def _swath(scene: SyntheticScene) -> NDArray[np.bool_]:
    """True on the swath: a straight edge that leaves the given part of the pixels beyond it."""
    if scene.off_swath == 0:
        return np.ones((scene.height, scene.width), bool)
    towards = np.deg2rad(scene.off_swath_towards_deg)
    beyond = np.sin(towards) * np.arange(scene.width)[None] - np.cos(towards) * np.arange(scene.height)[:, None]
    return beyond <= np.quantile(beyond, 1 - scene.off_swath)


def _truth(scene: SyntheticScene, valid: NDArray[np.bool_], clouds: NDArray[np.float32]) -> gpd.GeoDataFrame:
    """Hull rectangles of all ships that touch the picture's pixels."""
    to_lonlat = Transformer.from_crs(scene.crs, "EPSG:4326", always_xy=True)
    rows, polygons = [], []
    for ship in scene.ships:
        on_picture, on_swath, cloud = _how_seen(scene.view, valid, clouds, ship)
        if not on_picture:
            continue
        lon, lat = to_lonlat.transform(*np.vstack([ship.corners, ship.frame.to_world([(-1, 0), (1, 0)])]).T)
        azimuth, _, _ = _GEOD.inv(lon[4], lat[4], lon[5], lat[5])
        polygons.append(shapely.Polygon(np.column_stack([lon[:4], lat[:4]])))
        rows.append(
            {"name": ship.name, "kind": ship.kind, "length_m": ship.length_m, "beam_m": ship.beam_m,
             "heading_deg": azimuth % 360, "visible": on_swath, "cloud": cloud}
        )  # fmt: skip
    columns = ["name", "kind", "length_m", "beam_m", "heading_deg", "visible", "cloud"]
    return gpd.GeoDataFrame(rows, columns=columns, geometry=polygons, crs="EPSG:4326")


def _how_seen(
    view: View, valid: NDArray[np.bool_], clouds: NDArray[np.float32], ship: SyntheticShip
) -> tuple[bool, float, float]:
    """(touches the picture, part of the hull on valid pixels, mean cloud opacity there), sampled on the hull."""
    s, t = np.meshgrid(np.linspace(-0.5, 0.5, 41) * ship.length_m, np.linspace(-0.5, 0.5, 9) * ship.beam_m)
    col, row = np.floor(view.to_pixels(ship.frame.to_world(np.column_stack([s.ravel(), t.ravel()])))).astype(int).T
    inside = (col >= 0) & (row >= 0) & (col < view.width) & (row < view.height)
    seen = np.zeros(len(col), bool)
    seen[inside] = valid[row[inside], col[inside]]
    cloud = float(clouds[row[seen], col[seen]].mean()) if seen.any() else 0.0
    return bool(inside.any()), float(seen.mean()), cloud
