"""From boxes in tiles to ships in the scene: which tile owns a ship, and which ships the border of the picture cuts."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..imagery.tiles import TileGrid, TileWindow
from ..models.boxes import Boxes
from ..models.merge import kept_indexes

# A tile also reports ships whose centre lies just outside its core, by a sixteenth of the overlap (25 m of 400 m). A
# ship on the line between two cores is seen by both tiles with centres a pixel apart, perhaps each in the other's
# core: strict ownership would lose it, while the merge removes a second sighting. Tiles part in the middle of their
# overlap, so up to 400 - 2 * 25 = 350 m even these ships lie whole inside the tile.
_CORE_MARGIN_OF_OVERLAP = 1 / 16
_SAMPLES_A_SIDE = 12
_RIM_PX = 1.5
_BLANK_SHARE = 0.05


class SceneBoxes:
    """Gathers the boxes of one scene tile by tile, and merges them band by band: no pixels, no duplicates are held.

    Each time the tiles go on to another row, boxes that no tile to come can touch are merged and closed, together
    with all that hang together with them. What overlaps nothing cannot change what merging keeps of it, so the result
    is that of merging all boxes of the scene at once.
    """

    def __init__(self, grid: TileGrid) -> None:
        self._grid = grid
        self._margin = grid.overlap_px * _CORE_MARGIN_OF_OVERLAP
        self._row: int | None = None
        self._open: list[Boxes] = []
        self._open_cut: list[NDArray[np.bool_]] = []
        self._closed: list[Boxes] = []
        self._closed_cut: list[NDArray[np.bool_]] = []
        self._tile_row = np.array([tile.row for tile in grid.tiles], np.int64)
        self._tile_col = np.array([tile.col for tile in grid.tiles], np.int64)
        self._last_row = np.full(self._tile_col.max(initial=-1) + 1, -1)  # by column: the lowest row that came
        # Where boxes of each tile may reach: at the border cores are infinite, which a tree cannot hold.
        cores = np.array([tile.core for tile in grid.tiles]).reshape(-1, 4).clip(0, max(grid.width, grid.height))
        reach = self._margin + grid.tile_px
        self._reach = shapely.STRtree(shapely.box(*np.add(cores, [-reach, -reach, reach, reach]).T))

    def add(self, window: TileWindow, tile: NDArray[np.uint8], boxes: Boxes) -> None:
        """Take the boxes that a tile owns. Tiles of one column of the grid come from the top down.

        Args:
            window: the tile's place.
            tile: (tile_px, tile_px, 3) its pixels, black only where there is no picture.
            boxes: in tile pixels.
        """
        if window.row != self._row and self._open:
            self._close()
        self._row = window.row
        self._last_row[window.col] = window.row
        placed = boxes.shifted(window.x0, window.y0)
        x_min, y_min, x_max, y_max = window.core
        margin = self._margin
        owned = placed.centres_inside(x_min - margin, y_min - margin, x_max + margin, y_max + margin)
        # A centre outside the picture is the detector's echo of the black beyond it.
        owned &= placed.centres_inside(0, 0, self._grid.width, self._grid.height)
        # Nothing that reaches farther than a tile's side from its centre was seen in a tile.
        owned &= np.hypot(placed.xywha[:, 2], placed.xywha[:, 3]) <= 2 * self._grid.tile_px
        if owned.any():
            self._open.append(placed.select(owned))
            self._open_cut.append(cut_by_border(placed.select(owned), window, tile, self._grid))

    def merged(self) -> tuple[Boxes, NDArray[np.bool_]]:
        """One box a ship, from north (first row) to south, and (n,) whether the picture's border cuts it."""
        self._last_row[:] = self._tile_row.max(initial=-1)  # no tile comes any more
        if self._open:
            self._close()
        if not self._closed:
            return Boxes.empty(), np.zeros(0, bool)
        boxes, cut = Boxes.concat(self._closed), np.concatenate(self._closed_cut)
        from_north = np.lexsort((boxes.xywha[:, 0], boxes.xywha[:, 1]))
        return boxes.select(from_north), cut[from_north]

    def _close(self) -> None:
        """Merge the open boxes that neither touch what is to come nor hang together with such."""
        boxes, cut = Boxes.concat(self._open), np.concatenate(self._open_cut)
        corners = boxes.corners()
        hulls = shapely.box(*corners.min(axis=1).T, *corners.max(axis=1).T)
        to_come = self._tile_row > self._last_row[self._tile_col]
        box, tile = self._reach.query(hulls, predicate="intersects")
        touched = np.zeros(len(boxes), bool)
        touched[box[to_come[tile]]] = True
        one, other = shapely.STRtree(hulls).query(hulls)
        links = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(boxes), len(boxes)))
        n_groups, group = connected_components(links, directed=False)
        open_group = np.zeros(n_groups, bool)
        open_group[group[touched]] = True
        stays = open_group[group]
        self._open, self._open_cut = ([boxes.select(stays)], [cut[stays]]) if stays.any() else ([], [])
        closed, closed_cut = boxes.select(~stays), cut[~stays]
        kept = kept_indexes(closed)
        self._closed.append(closed.select(kept))
        self._closed_cut.append(closed_cut[kept])


def cut_by_border(boxes: Boxes, window: TileWindow, tile: NDArray[np.uint8], grid: TileGrid) -> NDArray[np.bool_]:
    """(n,) whether the rim of a box, 1.5 pixels outside it, runs through black or out of the scene for 5 % of its way.

    Args:
        boxes: n boxes in working pixels of the scene.
        window, tile: the tile that saw them.
        grid: of the scene.
    """
    grown = boxes.xywha + np.array([0, 0, 2 * _RIM_PX, 2 * _RIM_PX, 0])
    rim = Boxes(grown, boxes.scores, boxes.class_ids).corners()
    in_picture = ((rim >= 0) & (rim < [grid.width, grid.height])).all()
    if in_picture and tile.min() > 0:  # as most are
        return np.zeros(len(boxes), bool)
    along = np.linspace(0, 1, _SAMPLES_A_SIDE, endpoint=False)[:, None]
    # (n, 4 sides, samples, 2): from each corner towards the next.
    points = rim[:, :, None] * (1 - along) + np.roll(rim, -1, axis=1)[:, :, None] * along
    pixel = np.floor(points.reshape(len(boxes), -1, 2)).astype(np.int64)
    outside = (pixel < 0).any(axis=2) | (pixel >= [grid.width, grid.height]).any(axis=2)
    column, row = np.moveaxis(pixel - [window.x0, window.y0], 2, 0)
    in_tile = (column >= 0) & (row >= 0) & (column < tile.shape[1]) & (row < tile.shape[0])
    black = np.zeros_like(in_tile)
    black[in_tile] = (tile[row[in_tile], column[in_tile]] == 0).all(axis=1)
    return (outside | black).mean(axis=1) >= _BLANK_SHARE
