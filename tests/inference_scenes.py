"""Scenes of bright hulls on dark water, drawn by map projection alone, and a detector of them without weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from scipy import ndimage

from berthwatch.models.boxes import Boxes
from berthwatch.models.metadata import ModelMetadata

WATER, HULL = 40, 220


@dataclass(frozen=True)
class Hull:
    """A rectangle on the ground, in metres."""

    lon: float
    lat: float
    heading_deg: float
    length_m: float
    beam_m: float


def paint(
    hulls: Sequence[Hull], *, crs: str, transform: Affine, width: int, height: int, gsd_m: float
) -> NDArray[np.uint8]:
    """Three equal bands (3, height, width); edges of hulls are soft over one pixel of `gsd_m`."""
    to_map, to_lonlat = (
        Transformer.from_crs(a, b, always_xy=True) for a, b in (("EPSG:4326", crs), (crs, "EPSG:4326"))
    )
    picture = np.zeros((height, width))
    for hull in hulls:
        local = CRS.from_proj4(f"+proj=aeqd +lat_0={hull.lat} +lon_0={hull.lon} +ellps=WGS84")
        centre = ~transform @ to_map.transform(hull.lon, hull.lat)
        rows, columns = (
            _around(middle, 0.8 * hull.length_m / gsd_m, size)
            for middle, size in zip(reversed(centre), (height, width), strict=True)
        )
        x, y = np.meshgrid(columns + 0.5, rows + 0.5)
        lonlat = to_lonlat.transform(*(transform @ (x, y)))
        east, north = Transformer.from_crs("EPSG:4326", local, always_xy=True).transform(*lonlat)
        sin, cos = np.sin(np.radians(hull.heading_deg)), np.cos(np.radians(hull.heading_deg))
        along, across = east * sin + north * cos, east * cos - north * sin
        inside = np.clip(0.5 + (hull.length_m / 2 - np.abs(along)) / gsd_m, 0, 1)
        inside *= np.clip(0.5 + (hull.beam_m / 2 - np.abs(across)) / gsd_m, 0, 1)
        picture[np.ix_(rows, columns)] = np.maximum(picture[np.ix_(rows, columns)], inside)
    return np.repeat(np.rint(WATER + (HULL - WATER) * picture).astype(np.uint8)[None], 3, axis=0)


def _around(middle: float, reach: float, size: int) -> NDArray[np.intp]:
    return np.arange(max(0, int(middle - reach)), min(size, int(middle + reach) + 1))


def north_up(crs: str, lon: float, lat: float, pixel: tuple[float, float]) -> Affine:
    """Transform whose upper left corner is (lon, lat), with pixels of the given size in CRS units."""
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    return Affine(pixel[0], 0, x, 0, -pixel[1], y)


def write(path: Path, pixels: NDArray[np.generic], *, crs: str, transform: Affine, **profile: object) -> Path:
    """A GeoTIFF of the pixels (bands, height, width)."""
    count, height, width = pixels.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"driver": "GTiff", "crs": crs, "transform": transform, "dtype": pixels.dtype} | profile
    with rasterio.open(path, "w", count=count, height=height, width=width, **options) as file:
        file.write(pixels)
    return path


def metadata(**changes: object) -> ModelMetadata:
    """Of a model that measures perfectly but for half a pixel."""
    values = {
        "model_id": "bright-hulls",
        "architecture": "moments",
        "classes": ("tanker", "cargo", "other"),
        "min_working_gsd_m": 3.0,
        "max_working_gsd_m": 10.0,
        "tile_px": 320,
        "length_sd_px": 0.5,
        "length_sd_fraction": 0.0,
        "beam_sd_px": 0.5,
        "beam_sd_fraction": 0.0,
        "licence": "AGPL-3.0-or-later",
        "created": datetime(2024, 1, 1, tzinfo=UTC),
    }
    return ModelMetadata(**(values | changes))


@dataclass
class BrightHulls:
    """A `Detector` of bright connected areas: their moments give the box, their evenness the score.

    Of a rectangle of length L the variance along it is L^2 / 12, so the box is exact up to the blur of a pixel.
    """

    metadata: ModelMetadata = field(default_factory=metadata)
    description: str = "connected areas"
    saturated_tiles: int = 0
    tiles_seen: int = 0

    def detect(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        assert tiles.shape[1:] == (self.metadata.tile_px, self.metadata.tile_px, 3)
        self.tiles_seen += len(tiles)
        return [self._one(tile[..., 0]) for tile in tiles]

    def _one(self, picture: NDArray[np.uint8]) -> Boxes:
        share = np.clip((picture.astype(float) - WATER) / (HULL - WATER), 0, 1)
        labels, n = ndimage.label(share > 0.5)
        if n == 0:
            return Boxes.empty()
        found = []
        for k, window in enumerate(ndimage.find_objects(labels), start=1):
            rows, columns = (
                slice(max(0, side.start - 2), min(size, side.stop + 2))
                for side, size in zip(window, picture.shape, strict=True)
            )
            others = (labels[rows, columns] != k) & (labels[rows, columns] != 0)
            weight = np.where(ndimage.binary_dilation(others), 0, share[rows, columns])
            y, x = np.mgrid[rows, columns] + 0.5
            total = weight.sum()
            cx, cy = (weight * x).sum() / total, (weight * y).sum() / total
            xx, yy, xy = (
                (weight * a * b).sum() / total for a, b in ((x - cx, x - cx), (y - cy, y - cy), (x - cx, y - cy))
            )
            (short, long), axes = np.linalg.eigh([[xx, xy], [xy, yy]])
            sides = np.sqrt(12 * np.maximum([long, short], 0.01))
            found.append([cx, cy, *sides, np.arctan2(axes[1, 1], axes[0, 1])])
        scores = np.full(n, 0.9)
        class_scores = np.tile(np.float32([0.9, 0.08, 0.02]), (n, 1))
        return Boxes.from_xywhr(found, scores, np.zeros(n, int), class_scores)
