"""What of a scene was seen: valid pixels, not under cloud. The rest is unobserved, never vacant."""

from dataclasses import replace

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features
from scipy import ndimage

from .cells import CellGatherer, Cells
from .cloud_mask import read_cloud_mask
from .clouds import cloud_scale, cloudy_cells
from .grid import TileGrid
from .pixels import Pixels
from .radiometry import Stretch
from .scene import Scene


class SeenGatherer:
    """The part of a scene that was seen, from the pixels that are read for a grid's tiles; the rest was not.

    It is told in cells of about 30 m. A cell is seen when at least half of its pixels are valid, it is no part of a
    black margin, and no cloud lies over it: by the scene's own cloud mask, or by our test (clouds.py) where there is
    none. Panels are judged one by one, so that of a wide scene only one panel's cells are held at a time; a cloud that
    lies across two panels is judged in parts.
    """

    def __init__(self, grid: TileGrid, stretch: Stretch) -> None:
        """`stretch` is the scene's."""
        self._grid, self._stretch = grid, cloud_scale(stretch)
        self._panel: CellGatherer | None = None
        self._panel_left = 0
        self._judged: list[tuple[Cells, tuple[int, int], NDArray[np.uint8]]] = []  # where, shape, seen in packed bits
        self._area: shapely.MultiPolygon | None = None

    def add(self, top: int, left: int, pixels: Pixels) -> None:
        """Take rows [top, ...) and columns [left, ...) of the working grid, panel by panel, from the top down."""
        if self._panel is None or self._panel_left != left:
            self.end_panel()
            self._panel, self._panel_left = CellGatherer.of(self._grid, self._stretch), left
        self._panel.add(top, left, pixels)

    def area(self) -> shapely.MultiPolygon:
        """The part of the scene that was seen, EPSG:4326. Nothing may be added afterwards."""
        if self._area is None:
            self.end_panel()
            self._area = self._outline() if self._judged else shapely.MultiPolygon()
        return self._area

    def _outline(self) -> shapely.MultiPolygon:
        top = min(cells.top for cells, _, _ in self._judged)
        left = min(cells.left for cells, _, _ in self._judged)
        bottom, right = (
            max((cells.top, cells.left)[axis] + shape[axis] for cells, shape, _ in self._judged) for axis in (0, 1)
        )
        together = np.zeros((bottom - top, right - left), dtype=bool)
        for cells, (height, width), bits in self._judged:
            row, column = cells.top - top, cells.left - left
            seen = np.unpackbits(bits, count=height * width).reshape(height, width)
            together[row : row + height, column : column + width] = seen
        return _to_polygons(self._grid.scene, replace(self._judged[0][0], top=top, left=left), together)

    def end_panel(self) -> None:
        """Judge the panel whose last rows came, and let its cells go."""
        if self._panel is not None:
            cells = self._panel.cells()
            nothing = np.zeros((0, 0))
            bare = replace(cells, **dict.fromkeys(("valid", "darkest", "mean", "step", "black", "warm"), nothing))
            seen = _seen(self._grid.scene, cells)
            self._judged.append((bare, seen.shape, np.packbits(seen)))
            self._panel = None


def _seen(scene: Scene, cells: Cells) -> NDArray[np.bool_]:
    if not cells.valid.any():
        return cells.valid
    seen = cells.valid & ~_black_margin(cells)
    return seen & ~(read_cloud_mask(scene, cells) if scene.cloud_mask else cloudy_cells(cells))


def _black_margin(cells: Cells) -> NDArray[np.bool_]:
    """Black cells that reach in from the border: many a picture turned north-up marks no nodata there."""
    if not cells.black.any():
        return cells.black
    black = np.zeros(cells.black.shape, dtype=np.int32)
    ndimage.label(cells.black, output=black)
    border = np.concatenate([black[0], black[-1], black[:, 0], black[:, -1]])
    return np.isin(black, border[border > 0])


def _to_polygons(scene: Scene, cells: Cells, seen: NDArray[np.bool_]) -> shapely.MultiPolygon:
    to_scene = Affine.scale(cells.scale_x, cells.scale_y) @ Affine.translation(cells.left, cells.top)
    shapes = [geometry["coordinates"] for geometry, _ in features.shapes(seen.view(np.uint8), seen, transform=to_scene)]
    if not shapes:
        return shapely.MultiPolygon()
    rings = [ring for shape in shapes for ring in shape]  # of each shape the shell, then its holes
    each = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    areas = shapely.polygons(
        np.asarray(shapely.linearrings(np.concatenate(rings), indices=each)),
        indices=np.repeat(np.arange(len(shapes)), [len(shape) for shape in shapes]),
    )
    picture = shapely.box(0, 0, scene.width, scene.height)  # the last cells may reach beyond it
    inside = shapely.intersection(areas, picture)
    polygons = [scene.polygon_to_lonlat(polygon) for polygon in shapely.get_parts(inside)]
    together = shapely.MultiPolygon(list(shapely.get_parts(polygons)))  # they touch at corners only
    parts = shapely.get_parts(shapely.make_valid(together))
    return shapely.MultiPolygon([part for part in parts if isinstance(part, shapely.Polygon)])
