"""What of a scene was seen: valid pixels, not under cloud. The rest is unobserved, never vacant."""

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features

from .cells import Cells, read_cells
from .cloud_mask import read_cloud_mask
from .scene import Scene

CELL_M = 30.0


def observed_area(scene: Scene, *, cell_m: float = CELL_M) -> shapely.MultiPolygon:
    """The part of the scene that was seen, EPSG:4326, in cells of about `cell_m`; empty where nothing was.

    A cell is seen when most of its pixels are valid and it is not obscured by the scene's cloud mask.
    """
    cells = read_cells(scene, cell_m=cell_m)
    seen = cells.valid_fraction >= 0.5
    if scene.cloud_mask:
        seen &= ~read_cloud_mask(scene, cells)
    return _to_polygons(scene, cells, seen)


def _to_polygons(scene: Scene, cells: Cells, seen: NDArray[np.bool_]) -> shapely.MultiPolygon:
    to_scene = Affine.scale(cells.scale_x, cells.scale_y)
    shapes = features.shapes(seen.astype(np.uint8), mask=seen, transform=to_scene)
    polygons = [scene.polygon_to_lonlat(shapely.geometry.shape(geometry)) for geometry, _ in shapes]
    area = shapely.make_valid(shapely.union_all(polygons)) if polygons else shapely.MultiPolygon()
    parts = [part for part in shapely.get_parts(area) if isinstance(part, shapely.Polygon)]
    return shapely.MultiPolygon(parts)
