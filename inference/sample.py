"""A few tiles of the pictures to be searched: to try a runtime on them before it is trusted with the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BerthwatchError
from ..imagery.radiometry import estimate_stretch
from ..imagery.scene import Scene, open_scene
from ..imagery.tiles import read_tiles
from ..models.metadata import ModelMetadata
from .detect import Area, DetectSettings, plan_grid

SAMPLE_TILES = 6
# Fewer than so many tiles are searched sooner than a second runtime is loaded and tried: that takes 1 to 2 s, and saves
# some 13 ms a tile (OpenVINO in bfloat16 beside ONNX Runtime, YOLO26n, 2 cores of an AMD EPYC).
LEAST_TILES = 100


def sample_tiles(
    scenes: Sequence[str | Path],
    metadata: ModelMetadata,
    settings: DetectSettings | None = None,
    *,
    aoi: Area | None = None,
    opener: Callable[[str | Path], Scene] = open_scene,
) -> NDArray[np.uint8]:
    """At most six tiles, (b, tile_px, tile_px, 3), evenly spread over the first scene that shows anything.

    None where a trial would not repay: scenes of that one's size make fewer than `LEAST_TILES` tiles together.

    Args:
        scenes: sources for `opener`. One that cannot be read is passed over: detection will say so.
        metadata: of the model that shall see them.
        settings, aoi: as `detect_scene`.
    """
    none = np.zeros((0, metadata.tile_px, metadata.tile_px, 3), np.uint8)
    for source in scenes:
        try:
            scene = opener(source)
            grid = plan_grid(scene, metadata, settings or DetectSettings(), aoi)
            if len(grid.tiles) * len(scenes) < LEAST_TILES:
                return none
            spread = range(0, len(grid.tiles), max(1, ceil(len(grid.tiles) / SAMPLE_TILES)))
            some = replace(grid, tiles=tuple(grid.tiles[i] for i in spread))
            _, tiles = next(read_tiles(some, estimate_stretch(scene), batch_size=SAMPLE_TILES), ([], none))
        except BerthwatchError:
            continue
        if len(tiles):
            return tiles
    return none
