"""The tile grid in metres: which windows of a scene the detector looks at, and which tile owns which ship."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, inf

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from ..errors import BerthwatchError
from .scene import Scene

# A scene within so much of the working GSD is taken as it is: resampling would blur it and gain nothing.
NATIVE_TOLERANCE = 0.02


@dataclass(frozen=True)
class TileWindow:
    """A tile's place on the working grid, in working pixels."""

    row: int
    col: int
    x0: int
    y0: int
    core: tuple[float, float, float, float]
    """(x_min, y_min, x_max, y_max), half-open; infinite at the scene's border. The cores partition the plane:
    a ship belongs to the one tile whose core holds its centre."""


@dataclass(frozen=True)
class TileGrid:
    """A scene cut into tiles of one shape at the working GSD."""

    scene: Scene
    gsd_m: float
    tile_px: int
    overlap_px: int
    scale_x: float
    """Scene pixels a working pixel along x; 1.0 exactly where the scene is taken as it is."""
    scale_y: float
    width: int
    """Of the whole scene, in working pixels."""
    height: int
    tiles: tuple[TileWindow, ...]
    """By row, then column."""

    @classmethod
    def plan(
        cls,
        scene: Scene,
        *,
        gsd_m: float,
        tile_px: int,
        overlap_m: float,
        aoi: shapely.Polygon | shapely.MultiPolygon | None = None,
    ) -> "TileGrid":
        """Plan the tiles of a scene resampled to `gsd_m` ground metres a pixel, both ways.

        `overlap_m` is the longest ship: every ship up to that length lies whole inside the tile that owns its
        centre. `aoi` (EPSG:4326) keeps the tiles whose cores meet it.

        Raises BerthwatchError when the overlap leaves a tile no room to advance.
        """
        overlap_px = ceil(overlap_m / gsd_m)
        if overlap_px >= tile_px:
            raise BerthwatchError(
                f"an overlap of {overlap_m:g} m is {overlap_px} pixels at {gsd_m:g} m, and a tile has {tile_px}; "
                f"lessen --overlap-m below {tile_px * gsd_m:g} or work at a coarser GSD"
            )
        width, scale_x = _working_axis(scene.width, gsd_m / scene.gsd_x_m)
        height, scale_y = _working_axis(scene.height, gsd_m / scene.gsd_y_m)
        columns = axis_windows(width, tile_px, overlap_px)
        rows = axis_windows(height, tile_px, overlap_px)
        tiles = tuple(
            TileWindow(row, col, x0, y0, (x_min, y_min, x_max, y_max))
            for row, (y0, y_min, y_max) in enumerate(rows)
            for col, (x0, x_min, x_max) in enumerate(columns)
        )
        grid = cls(scene, gsd_m, tile_px, overlap_px, scale_x, scale_y, width, height, tiles)
        return grid if aoi is None else grid._within(aoi)

    def to_scene(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Working pixels (n, 2) -> scene pixels (n, 2)."""
        return np.asarray(xy, dtype=np.float64).reshape(-1, 2) * (self.scale_x, self.scale_y)

    def from_scene(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Scene pixels (n, 2) -> working pixels (n, 2)."""
        return np.asarray(xy, dtype=np.float64).reshape(-1, 2) / (self.scale_x, self.scale_y)

    def in_working_px(self, lonlat: shapely.Geometry) -> shapely.Geometry:
        """An area in EPSG:4326 on the working grid, as far as it lies within a hundredth of a degree of the scene.

        Farther out the scene's CRS may not hold. Sides are cut to a hundredth of a degree first, to stay true.
        """
        parts = shapely.get_parts(self.scene.footprint())  # at 180 degrees two, whose common bounds span the globe
        near = [shapely.clip_by_rect(lonlat, *part.buffer(0.01).bounds) for part in parts]
        dense = shapely.segmentize(shapely.union_all(near), 0.01)
        return shapely.make_valid(shapely.transform(dense, lambda xy: self.from_scene(self.scene.from_lonlat(xy))))

    def without(self, area: shapely.Geometry) -> "TileGrid":
        """The grid without the tiles whose cores lie wholly in an area in working pixels."""
        kept = ~shapely.covers(area, shapely.box(*self._cores()))
        return self._with_tiles(kept)

    def _within(self, aoi: shapely.Polygon | shapely.MultiPolygon) -> "TileGrid":
        area = shapely.intersection(self.in_working_px(aoi), shapely.box(0, 0, self.width, self.height))
        return self._with_tiles(shapely.intersects(area, shapely.box(*self._cores())) & (not area.is_empty))

    def _cores(self) -> NDArray[np.float64]:
        """(4, n) borders of the tiles' cores, within the scene."""
        cores = np.array([tile.core for tile in self.tiles]).reshape(-1, 4)
        return cores.clip(0, (self.width, self.height, self.width, self.height)).T

    def _with_tiles(self, kept: NDArray[np.bool_]) -> "TileGrid":
        return replace(self, tiles=tuple(tile for tile, keep in zip(self.tiles, kept, strict=True) if keep))


def _working_axis(scene_px: int, scale: float) -> tuple[int, float]:
    """Working pixels along an axis of the scene, and scene pixels a working pixel.

    The grid spans the scene exactly: 4787 px of 0.717 m at 3 m are 4787 / (3 / 0.717) = 1144.09 -> 1144 working
    pixels of 4787 / 1144 = 4.1844 scene pixels (3.0002 m).
    """
    if abs(scale - 1.0) <= NATIVE_TOLERANCE:
        return scene_px, 1.0
    working_px = max(1, round(scene_px / scale))
    return working_px, scene_px / working_px


def axis_windows(length_px: int, tile_px: int, overlap_px: int) -> Sequence[tuple[int, float, float]]:
    """Cut an axis into windows: (start, core_min, core_max) each.

    As few windows as overlap by at least `overlap_px`, evenly spread, the last one flush with the end; neighbours
    part in the middle of their overlap. length 1000, tile 400, overlap 100: ceil((1000 - 100) / (400 - 100)) = 3
    windows at 0, 300, 600; they overlap in [300, 400) and [600, 700), so the cores part at 350 and 650.
    An axis shorter than a tile has one window, which reaches past its end.
    """
    if length_px <= tile_px:
        return [(0, -inf, inf)]
    count = ceil((length_px - overlap_px) / (tile_px - overlap_px))
    starts = [round(i * (length_px - tile_px) / (count - 1)) for i in range(count)]
    borders = [(left + tile_px + right) / 2 for left, right in pairwise(starts)]
    return list(zip(starts, [-inf, *borders], [*borders, inf], strict=True))
