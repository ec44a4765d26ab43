"""Band by band as all at once: what is merged while tiles come is what merging everything at the end would keep."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from berthwatch.imagery.grid import TileGrid
from berthwatch.imagery.scene import Scene
from berthwatch.inference.seams import SceneBoxes, cut_by_border
from berthwatch.models.boxes import Boxes
from berthwatch.models.merge import merge

GSD_M = 3.0
TILE = np.ones((320, 320, 3), np.uint8)


def grid_of(width: int, height: int, *, tile_px: int = 320, overlap_m: float = 400.0) -> TileGrid:
    """A grid whose scene has no file: nothing is read here."""
    transform = Affine(GSD_M, 0, 500_000, 0, -GSD_M, 4_730_000)
    acquired_at = datetime(2024, 3, 7, tzinfo=UTC)
    scene = Scene(
        "s",
        "s.tif",
        acquired_at,
        CRS.from_epsg(32653),
        transform,
        width,
        height,
        *(GSD_M,) * 3,
        (1, 2, 3),
        "uint8",
        None,
    )
    return TileGrid.plan(scene, gsd_m=GSD_M, tile_px=tile_px, overlap_m=overlap_m)


def sightings(grid: TileGrid, ships: np.ndarray, rng: np.random.Generator) -> list[Boxes]:
    """What each tile reports: ships whose centre it holds, a little displaced, each with a score of its own."""
    seen = []
    for window in grid.tiles:
        tile_px = grid.tile_px
        x, y = ships[:, 0] - window.x0, ships[:, 1] - window.y0
        inside = ships[(x >= 0) & (x < tile_px) & (y >= 0) & (y < tile_px)]
        jitter = rng.normal(0, [1.0, 1.0, 2.0, 0.5, 0.02], inside.shape)
        placed = inside + jitter - [window.x0, window.y0, 0, 0, 0]
        seen.append(Boxes.from_xywhr(placed, rng.uniform(0.3, 0.95, len(placed))))
    return seen


def by_panel(grid: TileGrid, columns: int) -> list[int]:
    """Tiles in the order in which the reader delivers them: panel, row, column."""
    return sorted(range(len(grid.tiles)), key=lambda i: (grid.tiles[i].col // columns, i))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.sampled_from([1, 2, 100]), st.floats(0, 0.6))
def test_streaming_keeps_what_merging_all_at_once_keeps(seed, n_ships, panel_columns, left_out):
    rng = np.random.default_rng(seed)
    grid = grid_of(1100, 1500)
    spread = [1100, 1500, 110, 18, math.pi]
    seen = sightings(grid, rng.uniform(0, 1, (n_ships, 5)) * spread + np.array([0, 0, 8, 3, 0]), rng)
    order = [i for i in by_panel(grid, panel_columns) if rng.random() >= left_out]  # tiles without pixels never come

    found, gathered = SceneBoxes(grid), SceneBoxes(grid)
    for i in order:
        found.add(grid.tiles[i], TILE, seen[i])
    streamed, _ = found.merged()

    gathered._close = lambda: None  # type: ignore[method-assign]
    for i in order:
        gathered.add(grid.tiles[i], TILE, seen[i])
    expected = merge(Boxes.concat(gathered._open))

    kept = np.lexsort((expected.xywha[:, 0], expected.xywha[:, 1]))
    np.testing.assert_array_equal(streamed.xywha, expected.xywha[kept])
    np.testing.assert_array_equal(streamed.scores, expected.scores[kept])


def test_boxes_far_above_the_tiles_to_come_are_closed_on_the_way():
    rng = np.random.default_rng(1)
    grid = grid_of(900, 12_000)
    ships = np.column_stack([rng.uniform(0, 900, 900), rng.uniform(0, 12_000, 900), np.full((900, 3), [30, 6, 1.0])])
    seen = sightings(grid, ships, rng)

    found = SceneBoxes(grid)
    most_open = 0
    for i, window in enumerate(grid.tiles):
        found.add(window, TILE, seen[i])
        most_open = max(most_open, sum(map(len, found._open)))

    assert most_open < 0.15 * sum(map(len, seen))
    assert len(found.merged()[0]) == pytest.approx(900, abs=60), "some of the random ships lie over each other"


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 185), st.integers(0, 185), st.floats(0, math.pi), st.floats(0, 20), st.floats(44, 350))
def test_a_moored_row_is_whole_at_every_phase_of_the_seams(dx, dy, angle, gap_m, length_m):
    """Four hulls side by side in the middle of the scene, the scene's corner moved by (dx, dy): always four."""
    rng = np.random.default_rng([dx, dy])
    grid = grid_of(900, 900)
    beam_m = max(8.0, length_m / 6)
    place = (np.arange(4) - 1.5) * (beam_m + gap_m) / GSD_M
    ships = np.column_stack(
        [
            450 - dx - place * math.sin(angle),
            450 - dy + place * math.cos(angle),
            np.tile([length_m / GSD_M, beam_m / GSD_M, angle], (4, 1)),
        ]
    )
    found = SceneBoxes(grid)
    for window in grid.tiles:
        local = ships - [window.x0, window.y0, 0, 0, 0]
        boxes = Boxes.from_xywhr(local + rng.uniform(-0.3, 0.3, local.shape) * [1, 1, 1, 1, 0.01], rng.random(4))
        corners = boxes.corners()
        whole = ((corners >= 0) & (corners <= grid.tile_px)).all(axis=(1, 2))
        found.add(window, TILE, boxes.select(whole))

    boxes, cut = found.merged()

    assert len(boxes) == 4
    assert not cut.any()


def test_a_box_longer_than_two_tiles_was_seen_in_none_and_swallows_no_ship():
    grid = grid_of(300, 300)
    (window,) = grid.tiles
    ship, giant = [150.0, 150.0, 60.0, 12.0, 0.3], [150.0, 150.0, 700.0, 200.0, 0.3]
    found = SceneBoxes(grid)

    found.add(window, TILE, Boxes.from_xywhr([giant, ship], [0.95, 0.6]))
    boxes, _ = found.merged()

    assert boxes.xywha[:, 2].tolist() == [60.0]


@pytest.mark.parametrize(("gap_px", "is_cut"), [(1, True), (2, False)])
def test_a_ship_nearer_to_the_pictures_border_than_a_pixel_and_a_half_may_go_on_beyond_it(gap_px, is_cut):
    grid = grid_of(300, 300)
    (window,) = grid.tiles
    ship = Boxes.from_xywhr([[300 - gap_px - 30, 150, 60, 12, 0.0]])

    assert cut_by_border(ship, window, TILE, grid).tolist() == [is_cut]


@pytest.mark.parametrize("n_tiles_given", [0, 1])
def test_no_boxes_are_no_ships(n_tiles_given):
    grid = grid_of(900, 900)
    found = SceneBoxes(grid)
    for window in grid.tiles[:n_tiles_given]:
        found.add(window, TILE, Boxes.empty())

    boxes, cut = found.merged()

    assert (len(boxes), len(cut)) == (0, 0)
