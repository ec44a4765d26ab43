"""The tile grid: cores partition the plane, every ship fits whole into the tile that owns it."""

from dataclasses import replace
from itertools import pairwise
from math import ceil, inf

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.grid import TileGrid, axis_windows
from berthwatch.imagery.scene import Scene


def scene(width: int, height: int, gsd_x_m: float = 3.0, gsd_y_m: float | None = None) -> Scene:
    gsd_y_m = gsd_y_m or gsd_x_m
    transform = Affine(gsd_x_m, 0, 500_000, 0, -gsd_y_m, 4_700_000)
    gsd_m = float(np.sqrt(gsd_x_m * gsd_y_m))
    utm = CRS.from_epsg(32652)
    return Scene("s", "s.tif", None, utm, transform, width, height, gsd_m, gsd_x_m, gsd_y_m, (1, 2, 3), "uint8", None)


sizes = st.integers(1, 3000)
tile_sizes = st.integers(100, 1024)
overlap_shares = st.floats(0, 0.9)


@given(sizes, tile_sizes, overlap_shares)
def test_windows_cover_the_axis_and_end_with_it(length, tile, share):
    overlap = int(tile * share)
    windows = axis_windows(length, tile, overlap)
    starts = [start for start, _, _ in windows]

    assert starts[0] == 0
    assert starts[-1] + tile == max(length, tile)
    assert all(left + tile - right >= overlap for left, right in pairwise(starts))
    assert len(windows) == max(1, ceil((length - overlap) / (tile - overlap)))


@given(sizes, tile_sizes, overlap_shares, st.floats(-10_000, 20_000))
def test_every_point_of_the_line_is_in_one_core(length, tile, share, point):
    windows = axis_windows(length, tile, int(tile * share))

    assert windows[0][1] == -inf
    assert windows[-1][2] == inf
    assert sum(core_min <= point < core_max for _, core_min, core_max in windows) == 1


@given(sizes, sizes, tile_sizes, overlap_shares, st.floats(-100, 3100), st.floats(-100, 3100))
def test_every_point_of_the_plane_is_in_one_core(width, height, tile, share, x, y):
    grid = TileGrid.plan(scene(width, height), gsd_m=3.0, tile_px=tile, overlap_m=3.0 * int(tile * share))

    owners = [t for t in grid.tiles if t.core[0] <= x < t.core[2] and t.core[1] <= y < t.core[3]]

    assert len(owners) == 1


@given(
    st.integers(10, 3000),
    st.integers(10, 3000),
    st.integers(100, 900),
    st.floats(0.05, 0.9),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, np.pi),
    st.floats(0.01, 1),
)
def test_a_ship_lies_whole_in_the_tile_that_owns_it(width, height, tile, share, across, down, angle, part):
    overlap_m = 3.0 * tile * share
    grid = TileGrid.plan(scene(width, height), gsd_m=3.0, tile_px=tile, overlap_m=min(overlap_m, 3.0 * (tile - 1)))
    half = part * grid.overlap_px / 2 * np.array([np.cos(angle), np.sin(angle)])
    centre = np.array([across * width, down * height])
    bow, stern = centre + half, centre - half

    (owner,) = (t for t in grid.tiles if t.core[0] <= centre[0] < t.core[2] and t.core[1] <= centre[1] < t.core[3])

    for end in (bow, stern):  # what of the ship lies in the scene lies in the tile
        inside_scene = np.clip(end, 0, (width, height))
        assert owner.x0 - 1e-6 <= inside_scene[0] <= owner.x0 + tile + 1e-6
        assert owner.y0 - 1e-6 <= inside_scene[1] <= owner.y0 + tile + 1e-6


def test_the_overlap_is_the_longest_ship_in_metres():
    at_3_m = TileGrid.plan(scene(4000, 4000, 3.0), gsd_m=3.0, tile_px=640, overlap_m=400)
    at_5_m = TileGrid.plan(scene(4000, 4000, 3.0), gsd_m=5.0, tile_px=640, overlap_m=400)

    assert (at_3_m.overlap_px, at_5_m.overlap_px) == (134, 80)


def test_an_overlap_as_large_as_a_tile_is_refused():
    with pytest.raises(
        BerthwatchError, match=r"400 m is 800 pixels at 0.5 m, and a tile has 640.*--overlap-m below 320"
    ):
        TileGrid.plan(scene(4000, 4000, 0.5), gsd_m=0.5, tile_px=640, overlap_m=400)


@pytest.mark.parametrize(("own", "working"), [(3.0, 3.0), (2.96, 3.0), (3.05, 3.0)])
def test_a_scene_near_the_working_gsd_is_taken_pixel_for_pixel(own, working):
    grid = TileGrid.plan(scene(1234, 777, own), gsd_m=working, tile_px=640, overlap_m=400)

    assert (grid.width, grid.height, grid.scale_x, grid.scale_y) == (1234, 777, 1.0, 1.0)


def test_a_working_pixel_is_as_wide_as_high_on_the_ground():
    helsinki = scene(4000, 2000, 5.55, 11.13)

    grid = TileGrid.plan(helsinki, gsd_m=10.0, tile_px=640, overlap_m=400)

    assert grid.scale_x * helsinki.gsd_x_m == pytest.approx(10.0, rel=1e-3)
    assert grid.scale_y * helsinki.gsd_y_m == pytest.approx(10.0, rel=1e-3)
    assert grid.to_scene([[grid.width, grid.height]]) == pytest.approx(np.array([[4000, 2000]]))


@given(sizes, sizes, st.floats(0.5, 12), st.floats(0.5, 12), st.floats(1.5, 10))
def test_working_and_scene_pixels_convert_both_ways(width, height, gsd_x, gsd_y, working):
    grid = TileGrid.plan(scene(width, height, gsd_x, gsd_y), gsd_m=working, tile_px=640, overlap_m=300)
    points = np.array([[0.0, 0.0], [width, height], [0.3 * width, 0.9 * height]])

    assert grid.to_scene(grid.from_scene(points)) == pytest.approx(points)


# ---- area of interest


def places(grid: TileGrid) -> set[tuple[int, int]]:
    return {(tile.row, tile.col) for tile in grid.tiles}


def test_an_area_of_interest_keeps_the_tiles_that_own_its_points():
    whole = scene(5000, 4000)
    area = whole.polygon_to_lonlat(shapely.Polygon([(1300, 900), (2900, 1500), (1500, 3000)]))
    options = {"gsd_m": 3.0, "tile_px": 640, "overlap_m": 400}

    everywhere = TileGrid.plan(whole, **options)
    grid = TileGrid.plan(whole, **options, aoi=area)

    assert 0 < len(grid.tiles) < len(everywhere.tiles)
    assert set(grid.tiles) <= set(everywhere.tiles)
    rng = np.random.default_rng(1)
    inside = [p for p in rng.uniform(0, 4000, (3000, 2)) if area.contains(shapely.Point(whole.to_lonlat(p)[0]))]
    for x, y in inside:
        assert any(t.core[0] <= x < t.core[2] and t.core[1] <= y < t.core[3] for t in grid.tiles)


def test_an_area_beside_the_scene_leaves_no_tile():
    grid = TileGrid.plan(scene(2000, 2000), gsd_m=3.0, tile_px=640, overlap_m=400, aoi=shapely.box(10, 10, 11, 11))
    assert grid.tiles == ()


def test_an_area_round_the_scene_keeps_every_tile():
    whole = scene(2000, 2000)
    options = {"gsd_m": 3.0, "tile_px": 640, "overlap_m": 400}
    grid = TileGrid.plan(whole, **options, aoi=whole.footprint().buffer(1))
    assert grid == TileGrid.plan(whole, **options)


def test_the_areas_tiles_do_not_depend_on_the_rasters_orientation():
    north_up = scene(3000, 3000)
    south_up = replace(north_up, transform=Affine(3, 0, 500_000, 0, 3, 4_700_000 - 9000))
    area = north_up.polygon_to_lonlat(shapely.box(100, 100, 600, 500))
    options = {"gsd_m": 3.0, "tile_px": 640, "overlap_m": 400, "aoi": area}

    top = TileGrid.plan(north_up, **options)
    bottom = TileGrid.plan(south_up, **options)

    last = max(tile.row for tile in TileGrid.plan(north_up, gsd_m=3.0, tile_px=640, overlap_m=400).tiles)
    assert places(top) == {(last - row, col) for row, col in places(bottom)}
