"""Pictures to measure on, made from synthetic ports with known truth: of any size, in any format."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import shapely
from numpy.typing import NDArray
from rasterio.transform import Affine
from rasterio.windows import Window

from berthwatch.imagery.synthetic.canvas import Frame
from berthwatch.imagery.synthetic.chips import random_chip
from berthwatch.imagery.synthetic.fleet import afloat, anchored, under_way
from berthwatch.imagery.synthetic.harbour import HarbourLayout
from berthwatch.imagery.synthetic.picture import Conditions, View, take_picture
from berthwatch.imagery.synthetic.ships import SyntheticShip
from berthwatch.models.boxes import Boxes

CRS = "EPSG:32653"
# Inside the range of pixel sizes that the shipped model works at: berthwatch and its peers see the same pixels.
GSD_M = 3.5
LEFT, TOP = 500_000.0, 4_740_000.0

_CHIP_PX = 512
_MOST_CHIPS = 24
_BLOCK_PX = 1024

FORMATS: dict[str, dict[str, Any]] = {
    "tiled": {
        "driver": "GTiff",
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "deflate",
        "predictor": 2,
    },
    "striped": {"driver": "GTiff", "tiled": False, "blockysize": 1, "compress": "deflate", "predictor": 2},
    "cog": {"driver": "COG", "compress": "deflate", "blocksize": 512, "predictor": "YES"},
    "jp2": {"driver": "JP2OpenJPEG", "quality": "25", "reversible": "NO"},
}


def mosaic(
    path: Path,
    side_px: int,
    *,
    gsd_m: float = GSD_M,
    dtype: str = "uint8",
    left_top: tuple[float, float] = (LEFT, TOP),
    seed: int = 0,
) -> Path:
    """A tiled, deflated GeoTIFF of `side_px` squared: synthetic chips of ports and sea, turned about, side by side.

    Ships are cut where chips meet: this is for time and memory, not for counting ships. Counts of uint16 are such as
    Sentinel-2 has. Written by rows of chips, so that a picture of 40,000 pixels a side needs little memory.
    """
    count = min(_MOST_CHIPS, math.ceil(side_px / _CHIP_PX) ** 2)
    chips = [random_chip(np.random.default_rng([seed, i]), gsd_m=gsd_m, size_px=_CHIP_PX).rgb for i in range(count)]
    rng = np.random.default_rng(seed)
    options = FORMATS["tiled"] | {"zlevel": 1, "num_threads": "all_cpus", "bigtiff": "if_safer"}
    with rasterio.open(path, "w", **_georeference(side_px, gsd_m, dtype, left_top), **options) as file:
        for top in range(0, side_px, _CHIP_PX):
            rows = min(_CHIP_PX, side_px - top)
            row = np.concatenate(list(_turned(chips, math.ceil(side_px / _CHIP_PX), rng)), axis=1)[:rows, :side_px]
            counts = row if dtype == "uint8" else row.astype(np.uint16) * 12 + 800
            file.write(counts.transpose(2, 0, 1), window=Window(0, top, side_px, rows))  # pyright: ignore[reportCallIssue]
    return path


def _turned(chips: list[NDArray[np.uint8]], count: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    for _ in range(count):
        chip = np.rot90(chips[rng.integers(len(chips))], int(rng.integers(4)))
        yield chip[::-1] if rng.random() < 0.5 else chip


def _georeference(
    side_px: int, gsd_m: float, dtype: str, left_top: tuple[float, float] = (LEFT, TOP)
) -> dict[str, Any]:
    transform = Affine(gsd_m, 0, left_top[0], 0, -gsd_m, left_top[1])
    return {"width": side_px, "height": side_px, "count": 3, "dtype": dtype, "crs": CRS, "transform": transform}


def converted(path: Path, name: str, folder: Path) -> Path:
    """The same pixels in one of FORMATS; JP2 is lossy."""
    target = folder / f"{path.stem}-{name}{'.jp2' if name == 'jp2' else '.tif'}"
    rasterio.shutil.copy(path, target, **FORMATS[name])
    return target


@dataclass(frozen=True)
class Truth:
    """What ships a picture shows: boxes in its pixels, and which of them have a neighbour within 30 m."""

    boxes: Boxes
    has_neighbour: NDArray[np.bool_]


def port_picture(path: Path, side_px: int, *, rows: int, gsd_m: float = GSD_M, seed: int = 0) -> Truth:
    """Write a scene of anchored and sailing ships and of rows of moored tankers, and tell where they are.

    A row is four tankers side by side, 120 to 330 m long, gaps of 3 to 12 m, at a random angle. All hulls are whole in
    the picture, and none overlaps another.
    """
    rng = np.random.default_rng(seed)
    extent = side_px * gsd_m
    ships: list[SyntheticShip] = []
    for _ in range(rows):
        ships += _moored_row(rng, extent)
    ships += anchored(rng, extent, max(3, side_px // 40)) + under_way(rng, extent, max(1, side_px // 150))
    placed = _apart(afloat(ships, HarbourLayout()), extent)
    with rasterio.open(path, "w", **_georeference(side_px, gsd_m, "uint8"), **FORMATS["tiled"]) as file:
        for y in range(0, side_px, _BLOCK_PX):
            for x in range(0, side_px, _BLOCK_PX):
                size = min(_BLOCK_PX, side_px - x), min(_BLOCK_PX, side_px - y)
                rgb = _block(placed, extent, x, y, size, gsd_m=gsd_m)
                file.write(rgb.transpose(2, 0, 1), window=Window(x, y, *size))  # pyright: ignore[reportCallIssue]
    whole = View(0.0, extent, side_px, side_px, gsd_m)
    boxes = Boxes.from_corners(np.array([whole.to_pixels(ship.corners) for ship in placed]))
    return Truth(boxes, _has_neighbour(boxes, 30.0 / gsd_m))


def _block(
    ships: list[SyntheticShip], extent: float, x: int, y: int, size: tuple[int, int], *, gsd_m: float
) -> NDArray[np.uint8]:
    """A piece of the picture: the painter's own canvas is nine times finer, too large for the whole."""
    view = View(x * gsd_m, extent - y * gsd_m, *size, gsd_m)
    near = shapely.box(view.left, view.top - size[1] * gsd_m, view.left + size[0] * gsd_m, view.top).buffer(300)
    seen = [ship for ship in ships if near.contains(shapely.Point(ship.x, ship.y))]
    rgb, _ = take_picture(np.random.default_rng([x, y]), view, Conditions(), HarbourLayout(), seen)
    return np.maximum(rgb, 1)


def _moored_row(rng: np.random.Generator, extent: float) -> list[SyntheticShip]:
    length_m = float(rng.uniform(120, 330))
    beam_m, gap_m = length_m / 5.8, float(rng.uniform(3, 12))
    reach = 0.75 * length_m
    middle = Frame(*(float(v) for v in rng.uniform(reach, extent - reach, 2)), float(rng.uniform(0, 360)))
    row = []
    for place in range(4):
        frame = middle.at(float(rng.normal(0, 3)), (place - 1.5) * (beam_m + gap_m))
        seed = int(rng.integers(2**31))
        row.append(SyntheticShip(frame.x, frame.y, frame.heading_deg, length_m, beam_m, "tanker", seed=seed))
    return row


def _apart(ships: list[SyntheticShip], extent: float) -> list[SyntheticShip]:
    """Ships that lie whole on the square, and of two that overlap the first."""
    kept: list[SyntheticShip] = []
    hulls: list[Any] = []
    for ship in ships:
        hull = shapely.Polygon(ship.corners)
        whole = (ship.corners > 10).all() and (ship.corners < extent - 10).all()
        if whole and not any(hull.distance(other) < 0.3 for other in hulls):
            kept.append(ship)
            hulls.append(hull)
    return kept


def _has_neighbour(boxes: Boxes, within_px: float) -> NDArray[np.bool_]:
    hulls = shapely.polygons(boxes.corners())
    one, other = shapely.STRtree(hulls).query(hulls, predicate="dwithin", distance=within_px)
    return np.isin(np.arange(len(hulls)), one[one != other])
