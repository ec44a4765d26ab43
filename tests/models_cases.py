"""Tiles and comparisons that the tests of detectors share."""

from pathlib import Path

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.windows import Window

from berthwatch.models.boxes import Boxes

TILE_PX = 640


def sea_tile() -> NDArray[np.uint8]:
    """Open water without anything on it: (640, 640, 3)."""
    return np.full((TILE_PX, TILE_PX, 3), (28, 46, 62), np.uint8)


def painted_tile(seed: int = 0) -> NDArray[np.uint8]:
    """Water with noise and six painted hulls with a bright superstructure aft: (640, 640, 3)."""
    rng = np.random.default_rng(seed)
    tile = sea_tile() + rng.normal(0, 4, (TILE_PX, TILE_PX, 3))
    for row, angle in enumerate(rng.uniform(0, np.pi, 6)):
        centre = np.array([110 + 210 * (row % 3), 160 + 320 * (row // 3)])
        aft = centre - 30 * np.array([np.cos(angle), np.sin(angle)])
        for box, colour in (((*centre, 90, 14, angle), (120, 60, 50)), ((*aft, 12, 12, angle), (235, 235, 230))):
            corners = Boxes.from_xywhr([box]).corners()[0]
            inside = rasterize([shapely.Polygon(corners)], out_shape=(TILE_PX, TILE_PX)).astype(bool)
            tile[inside] = colour
    return tile.clip(0, 255).astype(np.uint8)


def real_tile(folder: Path) -> NDArray[np.uint8]:
    """Part of the 3 m PlanetScope scene of Long Beach with tankers at anchor and at berths: (640, 640, 3)."""
    with rasterio.open(folder / "planet" / "scene_3_utm11n_3m.tif") as scene:
        pixels = scene.read([1, 2, 3], window=Window(1700, 700, TILE_PX, TILE_PX))  # pyright: ignore[reportCallIssue]
    return np.moveaxis(pixels, 0, 2)


def corner_distance(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """(n,) largest distance from a corner of a[k] or b[k] to the other's nearest corner."""
    return shapely.hausdorff_distance(*(shapely.multipoints(boxes.corners()) for boxes in (a, b)))


def assert_same_ships(a: Boxes, b: Boxes, *, threshold: float, px: float = 1.0, score: float = 0.02) -> None:
    """Each ship of one list has its like in the other; ships within `score` of the threshold may lack theirs."""
    for one, other in ((a, b), (b, a)):
        sure = one.select(one.scores >= threshold + score)
        gaps = np.linalg.norm(sure.xywha[:, None, :2] - other.xywha[None, :, :2], axis=-1)
        nearest = other.select(gaps.argmin(axis=1)) if len(sure) else sure
        assert (corner_distance(sure, nearest) <= px).all()
        np.testing.assert_allclose(sure.scores, nearest.scores, atol=score)
