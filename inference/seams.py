"""From boxes in tiles to ships in the scene: which tile owns a ship, and which ships the border of the picture cuts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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


@dataclass
class SceneBoxes:
    """Gathers the boxes of one scene tile by tile; it holds boxes only, no pixels."""

    grid: TileGrid
    _boxes: list[Boxes] = field(default_factory=list)
    _cut: list[NDArray[np.bool_]] = field(default_factory=list)

    def add(self, window: TileWindow, tile: NDArray[np.uint8], boxes: Boxes) -> None:
        """Take the boxes that a tile owns.

        Args:
            window: the tile's place.
            tile: (tile_px, tile_px, 3) its pixels, black only where there is no picture.
            boxes: in tile pixels.
        """
        margin = self.grid.overlap_px * _CORE_MARGIN_OF_OVERLAP
        placed = boxes.shifted(window.x0, window.y0)
        x_min, y_min, x_max, y_max = window.core
        owned = placed.centres_inside(x_min - margin, y_min - margin, x_max + margin, y_max + margin)
        # A centre outside the picture is the detector's echo of the black beyond it.
        owned &= placed.centres_inside(0, 0, self.grid.width, self.grid.height)
        if owned.any():
            self._boxes.append(placed.select(owned))
            self._cut.append(cut_by_border(placed.select(owned), window, tile, self.grid))

    def merged(self) -> tuple[Boxes, NDArray[np.bool_]]:
        """One box a ship, from north (first row) to south, and (n,) whether the picture's border cuts it."""
        if not self._boxes:
            return Boxes.empty(), np.zeros(0, bool)
        boxes, cut = Boxes.concat(self._boxes), np.concatenate(self._cut)
        kept = kept_indexes(boxes)
        kept = kept[np.lexsort((boxes.xywha[kept, 0], boxes.xywha[kept, 1]))]
        return boxes.select(kept), cut[kept]


def cut_by_border(boxes: Boxes, window: TileWindow, tile: NDArray[np.uint8], grid: TileGrid) -> NDArray[np.bool_]:
    """(n,) whether the rim of a box, 1.5 pixels outside it, runs through black or out of the scene for 5 % of its way.

    Args:
        boxes: n boxes in working pixels of the scene.
        window, tile: the tile that saw them.
        grid: of the scene.
    """
    grown = boxes.xywha + np.array([0, 0, 2 * _RIM_PX, 2 * _RIM_PX, 0])
    rim = Boxes(grown, boxes.scores, boxes.class_ids).corners()
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
