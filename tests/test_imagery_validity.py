"""Which pixels a scene has: NaN and infinity never count, whatever the file declares, and never reach a ship's look."""

import numpy as np
import pytest
from shapely import MultiPolygon

from berthwatch.imagery.observed import SeenGatherer
from berthwatch.imagery.radiometry import Stretch, estimate_stretch
from berthwatch.imagery.scene import Scene, open_scene
from berthwatch.imagery.tiles import TileGrid, read_tiles

SIZE = 300


def reflectance() -> np.ndarray:
    """Float32 (3, 300, 300): water of 0.03, in it a deck of 0.25."""
    rng = np.random.default_rng(2)
    picture = rng.normal(0.03, 0.002, (3, SIZE, SIZE))
    picture[:, 100:110, 20:60] = 0.25
    return picture.astype(np.float32)


def read(scene: Scene, stretch: Stretch) -> tuple[list[np.ndarray], MultiPolygon]:
    """The tiles a detector gets, and the area that counts as seen."""
    grid = TileGrid.plan(scene, gsd_m=scene.gsd_m, tile_px=SIZE, overlap_m=90)
    seen = SeenGatherer(grid, stretch)
    tiles = [tile for _, batch in read_tiles(grid, stretch, batch_size=1, seen=seen) for tile in batch]
    return tiles, seen.area()


DECLARED = {
    "nodata -9999": {"nodata": -9999.0},
    "nodata 0": {"nodata": 0.0},
    "nodata NaN": {"nodata": float("nan")},
    "a mask": {"mask": np.ones((SIZE, SIZE), bool)},
    "nothing": {},
}


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_a_hole_of_nan_or_infinity_is_unseen_and_darkens_nothing_else(write_raster, declared, hole):
    whole = open_scene(write_raster(reflectance(), name="whole.tif"))
    pixels = reflectance()
    pixels[:, :, 150:] = hole
    scene = open_scene(write_raster(pixels, **declared))

    stretch = estimate_stretch(scene)
    (tile,), seen = read(scene, stretch)

    assert np.isfinite([*stretch.low, *stretch.high]).all()
    assert tile[105, 40].min() > 200  # the deck is bright, as in the whole scene
    assert tile[50:90, :140].max() < 128
    assert not tile[:, 150:].any()
    assert seen.area == pytest.approx(whole.footprint().area / 2, rel=0.03)  # to a cell


@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_a_scene_of_nothing_but_nan_was_not_observed(write_raster, declared):
    scene = open_scene(write_raster(np.full((3, SIZE, SIZE), np.nan, np.float32), **declared))

    stretch = estimate_stretch(scene)
    tiles, seen = read(scene, stretch)

    assert stretch == Stretch.identity()
    assert tiles == []
    assert seen.is_empty


@pytest.mark.parametrize(("rows", "share"), [(4, 0), (5, 1)])
def test_a_cell_is_seen_if_at_least_half_of_it_is_valid(write_raster, rows, share):
    """Cells of 9 x 9 pixels, of which the first 4 or 5 rows are valid: whole samples of 3 x 3 and parts of such."""
    valid = np.repeat((np.arange(SIZE) % 9 < rows)[:, None], SIZE, axis=1)
    scene = open_scene(write_raster(reflectance(), mask=valid))

    _, seen = read(scene, estimate_stretch(scene))

    assert seen.area == pytest.approx(share * scene.footprint().area, abs=0.02 * scene.footprint().area)
