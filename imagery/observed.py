"""What of a scene was seen: valid pixels, not under cloud. The rest is unobserved, never vacant."""

from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features
from scipy import ndimage

from .cells import CellGatherer, Cells, read_cells
from .cloud_mask import read_cloud_mask
from .clouds import cloud_scale, cloudy_cells
from .grid import TileGrid
from .radiometry import Stretch, estimate_stretch
from .scene import Scene

CELL_M = 30.0


def observed_area(scene: Scene, *, stretch: Stretch | None = None, cell_m: float = CELL_M) -> shapely.MultiPolygon:
    """The part of the scene that was seen, EPSG:4326, in cells of about `cell_m`; empty where nothing was.

    A cell is seen when at least half of its pixels are valid, it is no part of a black margin, and no cloud lies over
    it: by the scene's own cloud mask, or by our test (clouds.py) where it has none. `stretch` saves a look at the
    file where the scene's is known. Raises BerthwatchError when a file cannot be read.
    """
    return seen_area(scene, read_cells(scene, cloud_scale(stretch or estimate_stretch(scene)), cell_m=cell_m))


def gatherer_for(grid: TileGrid, stretch: Stretch) -> CellGatherer:
    """What gathers cells for `seen_area` from the pixels read for the grid's tiles; `stretch` is the scene's."""
    return CellGatherer.of(grid, cloud_scale(stretch))


def seen_area(scene: Scene, cells: Cells) -> shapely.MultiPolygon:
    """As `observed_area`, from cells that were gathered; what was not looked at was not seen."""
    seen = cells.valid & ~_black_margin(cells)
    seen &= ~(read_cloud_mask(scene, cells) if scene.cloud_mask else cloudy_cells(cells))
    return _to_polygons(scene, cells, seen)


def _black_margin(cells: Cells) -> NDArray[np.bool_]:
    """Black cells that reach in from the border: many a picture turned north-up marks no nodata there."""
    black = np.zeros(cells.black.shape, dtype=np.int32)
    ndimage.label(cells.black, output=black)
    border = np.concatenate([black[0], black[-1], black[:, 0], black[:, -1]])
    return np.isin(black, border[border > 0])


def _to_polygons(scene: Scene, cells: Cells, seen: NDArray[np.bool_]) -> shapely.MultiPolygon:
    to_scene = Affine.scale(cells.scale_x, cells.scale_y) @ Affine.translation(cells.left, cells.top)
    shapes = features.shapes(seen.astype(np.uint8), mask=seen, transform=to_scene)
    picture = shapely.box(0, 0, scene.width, scene.height)  # the last cells may reach beyond it
    inside = shapely.intersection([shapely.Polygon(*_rings(geometry)) for geometry, _ in shapes], picture)
    polygons = [scene.polygon_to_lonlat(polygon) for polygon in shapely.get_parts(inside)]
    parts = shapely.get_parts(shapely.make_valid(shapely.union_all(polygons))) if polygons else []
    return shapely.MultiPolygon([part for part in parts if isinstance(part, shapely.Polygon)])


def _rings(geometry: dict[str, Any]) -> tuple[Any, Any]:
    shell, *holes = geometry["coordinates"]
    return shell, holes
