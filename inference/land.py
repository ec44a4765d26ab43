"""Land, where no ship lies: it is not observed, and what is found on it is dropped."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from ..imagery.grid import TileGrid
from ..models.boxes import Boxes
from .aoi import read_polygons

# Maps of the shore are some tens of metres off, and new quays are on none: so near to the water a ship may lie.
MARGIN_M = 50.0


class Land:
    """Land as the user's map shows it, EPSG:4326.

    Only what lies `MARGIN_M` or more from its shore is taken for land.
    """

    def __init__(self, area: shapely.Polygon | shapely.MultiPolygon, name: str = "land") -> None:
        self._area, self._name = shapely.make_valid(area), name
        self.digest: str = hashlib.sha256(shapely.to_wkb(shapely.normalize(area))).hexdigest()[:32]

    @classmethod
    def read(cls, path: Path) -> Land:
        """From a GeoJSON, GeoPackage, KML or Shapefile of polygons, any CRS.

        Raises:
            BerthwatchError: it cannot be read, or holds no polygon or has no CRS.
        """
        return cls(read_polygons(path, "--land"), path.name)

    def __str__(self) -> str:
        return f"{self._name}, beyond {MARGIN_M:g} m from its shore not observed, SHA-256 {self.digest}"

    def meets(self, area: shapely.Geometry) -> bool:
        """Whether any of it lies in an area, EPSG:4326."""
        return bool(shapely.intersects(self._area, area))

    def without_tiles_inland(self, grid: TileGrid) -> TileGrid:
        """The grid without the tiles that answer for land alone."""
        return grid.without(self._inland(grid))

    def afloat(self, boxes: Boxes, grid: TileGrid) -> NDArray[np.bool_]:
        """(n,) whether a box's centre, in working pixels, is not on land."""
        return ~np.asarray(shapely.covers(self._inland(grid), shapely.points(boxes.xywha[:, :2])))

    def off_land(self, area: shapely.Geometry, grid: TileGrid) -> shapely.Geometry:
        """An area, EPSG:4326, without the land: where every ship is dropped, an empty berth would be no evidence."""
        within = shapely.intersection(self._inland(grid), shapely.box(0, 0, grid.width, grid.height))
        parts = [part for part in shapely.get_parts(shapely.get_parts(within)) if isinstance(part, shapely.Polygon)]
        if not parts:
            return area
        on_scene = [shapely.transform(part, grid.to_scene) for part in parts]
        land = shapely.make_valid([grid.scene.polygon_to_lonlat(part) for part in on_scene])
        return shapely.difference(area, shapely.union_all(land))

    def _inland(self, grid: TileGrid) -> shapely.Geometry:
        """In working pixels, on the scene and a little beyond."""
        inland = shapely.buffer(grid.in_working_px(self._area), -MARGIN_M / grid.gsd_m)
        shapely.prepare(inland)
        return inland
