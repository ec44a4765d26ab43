"""Tiles off real files: the same pixels whatever the layout, no seam between bands, nothing held that need not be."""

import threading
import tracemalloc
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.windows import Window

from berthwatch.errors import BerthwatchError
from berthwatch.imagery import tiles as tiles_module
from berthwatch.imagery.observed import SeenGatherer
from berthwatch.imagery.radiometry import Stretch
from berthwatch.imagery.scene import Scene, open_scene
from berthwatch.imagery.tiles import TileGrid, read_tiles, row_bands

AS_IT_IS = Stretch.identity()


def port(height: int, width: int, *, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    """Smooth water with sharp bright ships and noise: (3, height, width), 20 to 255."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    waves = 60 + 25 * np.sin(rows / 9.0) * np.cos(cols / 13.0)
    picture = np.stack([waves + shift for shift in (0, 10, 20)]) + rng.normal(0, 4, (3, height, width))
    for _ in range(height * width // 4000 + 1):
        y, x = rng.integers(0, height), rng.integers(0, width)
        picture[:, y : y + 5, x : x + 30] = rng.uniform(120, 255, (3, 1, 1))
    picture = np.clip(picture, 20, 255)
    return (picture * (1 if dtype == np.uint8 else 40)).astype(dtype)


def read_all(grid: TileGrid, stretch: Stretch = AS_IT_IS, batch_size: int = 4) -> dict[tuple[int, int], np.ndarray]:
    tiles = {}
    for windows, pixels in read_tiles(grid, stretch, batch_size=batch_size):
        assert 1 <= len(windows) <= batch_size
        assert pixels.shape == (len(windows), grid.tile_px, grid.tile_px, 3)
        assert pixels.dtype == np.uint8
        tiles |= {(window.row, window.col): tile for window, tile in zip(windows, pixels, strict=True)}
    return tiles


def whole_picture(path, grid: TileGrid) -> np.ndarray:
    """The scene resampled in one go, by rasterio alone."""
    with rasterio.open(path) as file:
        shape = (3, grid.height, grid.width)
        kernel = Resampling.average if min(grid.scale_x, grid.scale_y) >= 2 else Resampling.cubic
        return file.read([1, 2, 3], out_shape=shape, resampling=kernel).transpose(1, 2, 0)


def assert_tiles_are_cut_from(tiles, grid: TileGrid, picture: np.ndarray, tolerance: int) -> None:
    assert set(tiles) == {(window.row, window.col) for window in grid.tiles}
    for window in grid.tiles:
        expected = np.zeros((grid.tile_px, grid.tile_px, 3), np.uint8)
        part = picture[window.y0 : window.y0 + grid.tile_px, window.x0 : window.x0 + grid.tile_px]
        expected[: part.shape[0], : part.shape[1]] = part
        difference = np.abs(tiles[window.row, window.col].astype(int) - expected)
        assert difference.max() <= tolerance


LAYOUTS = {
    "one-row strips": {"compress": "deflate", "tiled": False, "blockysize": 1},
    "one strip": {"tiled": False, "blockysize": 1000},
    "blocks": {"compress": "zstd", "tiled": True, "blockxsize": 128, "blockysize": 128},
    "bands apart": {"compress": "lzw", "interleave": "band", "tiled": True, "blockxsize": 64, "blockysize": 64},
    "cog": {"driver": "COG", "compress": "deflate", "blocksize": 128, "overviews": "NONE"},
    "jp2": {"driver": "JP2OpenJPEG", "quality": "100", "reversible": "yes", "blockxsize": 128, "blockysize": 128},
}


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return port(520, 660)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_the_file_changes_no_pixel(write_raster, pixels, layout):
    name = "scene.jp2" if layout == "jp2" else "scene.tif"
    scene = open_scene(write_raster(pixels, name=name, **LAYOUTS[layout]))
    grid = TileGrid.plan(scene, gsd_m=3.0, tile_px=256, overlap_m=150)

    tiles = read_all(grid)

    assert len(tiles) == len(grid.tiles) == 9
    assert_tiles_are_cut_from(tiles, grid, pixels.transpose(1, 2, 0), tolerance=0)


@pytest.mark.parametrize(
    ("own_m", "working_m"),
    [(0.7, 3.0), (1.5, 3.0), (2.5, 3.1), (10.0, 3.0), (10.0, 5.0), (8.2, 4.7), (3.0, 2.2)],
)
@pytest.mark.parametrize("layout", ["one-row strips", "blocks"])
def test_bands_leave_no_seam_when_the_scene_is_resampled(write_raster, pixels, own_m, working_m, layout, monkeypatch):
    monkeypatch.setattr(tiles_module, "_BAND_ROWS", 16)  # many bands, so that a seam would show
    monkeypatch.setattr(tiles_module, "_GREATEST_BAND_ROWS", 16)
    path = write_raster(pixels, gsd_m=own_m, **LAYOUTS[layout])
    grid = TileGrid.plan(open_scene(path), gsd_m=working_m, tile_px=160, overlap_m=40 * working_m)

    tiles = read_all(grid)

    assert_tiles_are_cut_from(tiles, grid, whole_picture(path, grid), tolerance=1)


def test_overviews_are_used_and_leave_no_seam(write_raster, pixels, monkeypatch):
    monkeypatch.setattr(tiles_module, "_BAND_ROWS", 16)
    path = write_raster(pixels, gsd_m=0.7, **LAYOUTS["blocks"])
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], Resampling.average)
    grid = TileGrid.plan(open_scene(path), gsd_m=3.0, tile_px=96, overlap_m=60)

    tiles = read_all(grid)

    with rasterio.open(path, OVERVIEW_LEVEL="1only") as overview:
        assert overview.width == 165  # a quarter: 2.8 m
        picture = overview.read(out_shape=(3, grid.height, grid.width), resampling=Resampling.cubic)
    assert_tiles_are_cut_from(tiles, grid, picture.transpose(1, 2, 0), tolerance=1)


def test_coarser_pixels_are_averages_not_samples(write_raster):
    checkerboard = (np.indices((400, 400)).sum(axis=0) % 2 * 200 + 20).astype(np.uint8)
    scene = open_scene(write_raster(np.stack([checkerboard] * 3), gsd_m=1.0))
    grid = TileGrid.plan(scene, gsd_m=4.0, tile_px=100, overlap_m=40)

    (tile,) = read_all(grid).values()

    assert np.abs(tile.astype(int) - 120).max() <= 1


def test_a_working_pixel_holds_the_ground_that_the_grid_says(write_raster, pixels):
    marked = np.full_like(pixels, 30)
    marked[:, 400:412, 500:512] = 250
    scene = open_scene(write_raster(marked, crs="EPSG:4326", gsd_m=2.0, lonlat=(24.9, 60.2)))
    grid = TileGrid.plan(scene, gsd_m=3.0, tile_px=640, overlap_m=400)

    (tile,) = read_all(grid).values()

    weight = np.clip(tile[..., 0].astype(float) - 30, 0, None) * (tile[..., 0] > 0)
    rows, cols = np.indices(weight.shape) + 0.5
    centre = grid.to_scene([[np.average(cols, weights=weight), np.average(rows, weights=weight)]])
    assert centre == pytest.approx(np.array([[506, 406]]), abs=0.05)


# ---- panels


def test_wide_scenes_are_read_in_panels_with_the_same_tiles(write_raster, pixels, monkeypatch):
    scene = open_scene(write_raster(pixels, **LAYOUTS["blocks"]))
    grid = TileGrid.plan(scene, gsd_m=3.0, tile_px=160, overlap_m=120)
    at_once = read_all(grid)
    monkeypatch.setattr(tiles_module, "_PANEL_PX", 300)

    in_panels = read_all(grid)

    assert in_panels.keys() == at_once.keys()
    assert all((in_panels[place] == at_once[place]).all() for place in at_once)


# ---- what is no picture


@pytest.mark.parametrize("how", ["nodata", "alpha", "mask", "nan"])
def test_tiles_without_a_valid_pixel_are_left_out(write_raster, pixels, how):
    seen = np.zeros(pixels.shape[1:], dtype=bool)
    seen[:300, :350] = True
    if how == "nodata":
        path = write_raster(np.where(seen, pixels, 7), nodata=7)
    elif how == "alpha":
        path = write_raster(np.concatenate([pixels, seen[None] * np.uint8(255)]), photometric="RGB", alpha="YES")
    elif how == "mask":
        path = write_raster(pixels, mask=seen)
    else:
        path = write_raster(np.where(seen, pixels, np.nan).astype(np.float32), nodata=np.nan)
    grid = TileGrid.plan(open_scene(path), gsd_m=3.0, tile_px=256, overlap_m=150)

    tiles = read_all(grid)

    expected = {(w.row, w.col) for w in grid.tiles if w.x0 < 350 and w.y0 < 300}
    assert set(tiles) == expected
    for window in grid.tiles:
        if (window.row, window.col) in tiles:
            part = seen[window.y0 : window.y0 + 256, window.x0 : window.x0 + 256]
            tile = tiles[window.row, window.col]
            assert (tile[~part] == 0).all()
            assert (tile[part] > 0).all()


@pytest.mark.parametrize("strip", [np.s_[:, :, 37:42], np.s_[:, 37:42, :]], ids=["upright", "level"])
def test_a_tile_that_holds_but_a_thin_strip_of_picture_is_not_left_out(write_raster, pixels, strip):
    valid = np.zeros_like(pixels)
    valid[strip] = pixels[strip]
    grid = TileGrid.plan(open_scene(write_raster(valid, nodata=0)), gsd_m=3.0, tile_px=1024, overlap_m=400)

    (tile,) = read_all(grid).values()

    assert (tile[:520, :660] == valid.transpose(1, 2, 0)).all()


def test_a_dark_pixel_with_nodata_in_one_band_is_valid(write_raster):
    pixels = np.full((3, 64, 64), 90, np.uint16)
    pixels[0] = 0  # red of clear deep water in Sentinel-2 products, where 0 is no data
    scene = open_scene(write_raster(pixels, nodata=0))
    grid = TileGrid.plan(scene, gsd_m=3.0, tile_px=64, overlap_m=30)

    (tile,) = read_all(grid, Stretch((0, 0, 0), (255, 255, 255))).values()

    assert (tile[..., 1] == 90).all()


def test_a_scene_smaller_than_a_tile_is_padded(write_raster):
    pixels = port(50, 70)
    grid = TileGrid.plan(open_scene(write_raster(pixels)), gsd_m=3.0, tile_px=128, overlap_m=90)

    (tile,) = read_all(grid).values()

    assert (tile[:50, :70] == pixels.transpose(1, 2, 0)).all()
    assert not tile[50:].any()
    assert not tile[:, 70:].any()


@pytest.mark.parametrize("declared", [{"nodata": 0}, {}], ids=["no pixel valid", "all black"])
def test_a_scene_in_which_nothing_is_seen_gives_no_tile(write_raster, pixels, declared):
    grid = TileGrid.plan(open_scene(write_raster(pixels * 0, **declared)), gsd_m=3.0, tile_px=256, overlap_m=150)
    assert read_all(grid) == {}


def test_no_tile_is_read_outside_the_area(write_raster, pixels):
    scene = open_scene(write_raster(pixels, **LAYOUTS["blocks"]))
    area = scene.polygon_to_lonlat(shapely.box(400, 300, 460, 360))
    options = {"gsd_m": 3.0, "tile_px": 128, "overlap_m": 60}
    everywhere = read_all(TileGrid.plan(scene, **options))

    inside = read_all(TileGrid.plan(scene, **options, aoi=area))

    assert 0 < len(inside) <= 4
    assert all((everywhere[place] == tile).all() for place, tile in inside.items())


def test_panchromatic_scenes_are_grey(write_raster, pixels):
    grid = TileGrid.plan(open_scene(write_raster(pixels[:1])), gsd_m=3.0, tile_px=1024, overlap_m=400)

    (tile,) = read_all(grid).values()

    assert (tile[:520, :660] == pixels[0, :, :, np.newaxis]).all()


# ---- order, batches, threads, memory


def test_the_batch_size_changes_neither_tiles_nor_their_order(write_raster, pixels):
    grid = TileGrid.plan(open_scene(write_raster(pixels)), gsd_m=3.0, tile_px=160, overlap_m=120)

    runs = []
    for batch_size in (1, 3, 64):
        batches = list(read_tiles(grid, AS_IT_IS, batch_size=batch_size))
        runs.append(([w for windows, _ in batches for w in windows], np.concatenate([p for _, p in batches])))

    assert runs[0][0] == runs[1][0] == runs[2][0] == list(grid.tiles)
    assert (runs[0][1] == runs[1][1]).all()
    assert (runs[0][1] == runs[2][1]).all()


@pytest.mark.parametrize(("own_m", "working_m"), [(3.0, 3.0), (2.5, 3.1), (10.0, 3.0)])
def test_strips_come_out_alike_however_many_cores_decode_them(write_raster, monkeypatch, own_m, working_m):
    """Bands decoded in lanes, each by a thread of its own, are given to `seen` and cut into tiles in their order."""
    path = write_raster(port(1300, 300), gsd_m=own_m, **LAYOUTS["one-row strips"])
    grid = TileGrid.plan(open_scene(path), gsd_m=working_m, tile_px=160, overlap_m=40 * working_m)
    runs = []
    for cores in (1, 2, 3, 8):
        monkeypatch.setattr(tiles_module, "decode_threads", lambda cores=cores: cores)
        seen = SeenGatherer(grid, AS_IT_IS)
        batches = list(read_tiles(grid, AS_IT_IS, batch_size=4, seen=seen))
        runs.append(([w for windows, _ in batches for w in windows], np.concatenate([p for _, p in batches]), seen))

    for windows, tiles, seen in runs[1:]:
        assert windows == runs[0][0]
        assert (tiles == runs[0][1]).all()
        assert seen.area() == runs[0][2].area()


@pytest.mark.parametrize("layout", ["one-row strips", "blocks"])
def test_a_reader_that_is_left_early_ends_its_threads(write_raster, monkeypatch, layout):
    monkeypatch.setattr(tiles_module, "decode_threads", lambda: 3)
    path = write_raster(port(1300, 300), **LAYOUTS[layout])
    grid = TileGrid.plan(open_scene(path), gsd_m=3.0, tile_px=100, overlap_m=60)
    batches = read_tiles(grid, AS_IT_IS, batch_size=1)

    next(batches)
    batches.close()

    assert not [thread for thread in threading.enumerate() if thread.name == "berthwatch-read"]


@pytest.mark.parametrize("cores", [1, 3])
def test_a_file_cut_short_is_named_with_the_reason(write_raster, pixels, monkeypatch, cores):
    monkeypatch.setattr(tiles_module, "decode_threads", lambda: cores)
    path = write_raster(pixels, compress="deflate", tiled=False, blockysize=1)
    grid = TileGrid.plan(open_scene(path), gsd_m=3.0, tile_px=256, overlap_m=150)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(BerthwatchError, match=r"scene\.tif: part of the picture is damaged or missing"):
        read_all(grid)
    assert not [thread for thread in threading.enumerate() if thread.name == "berthwatch-read"]


@given(st.integers(1, 2000), st.integers(64, 700), st.floats(0, 0.9), st.integers(1, 600))
def test_bands_hold_each_needed_row_once(height, tile, share, band_rows):
    grid = plan(height, tile, int(tile * share))
    thinned = replace(grid, tiles=tuple(t for t in grid.tiles if t.row % 3 != 1))

    bands = row_bands(thinned, band_rows)

    rows = [row for start, end in bands for row in range(start, end)]
    needed = {row for t in thinned.tiles for row in range(t.y0, min(t.y0 + tile, height))}
    assert rows == sorted(needed)
    assert all(end % band_rows == 0 or end == height or end not in needed for _, end in bands)


def plan(height: int, tile: int, overlap: int) -> TileGrid:
    transform = Affine(3, 0, 500_000, 0, -3, 4_700_000)
    scene = Scene("s", "s", None, CRS.from_epsg(32652), transform, 50, height, 3.0, 3.0, 3.0, (1, 2, 3), "uint8", None)
    return TileGrid.plan(scene, gsd_m=3.0, tile_px=tile, overlap_m=3.0 * overlap)


@pytest.mark.parametrize("layout", ["one-row strips", "blocks"])
def test_each_block_is_decoded_once(write_raster, monkeypatch, layout):
    """Bytes asked of GDAL for a scene of many tile rows are those of the scene: overlaps are not read again."""
    path = write_raster(port(1500, 250), **LAYOUTS[layout])
    grid = TileGrid.plan(open_scene(path), gsd_m=3.0, tile_px=200, overlap_m=400)
    asked: list[Window] = []
    original = tiles_module.read_window

    def counted(dataset, scene, window, *rest, **options):
        asked.append(Window(*window))
        return original(dataset, scene, window, *rest, **options)

    monkeypatch.setattr(tiles_module, "read_window", counted)
    read_all(grid)

    rows = sorted((window.row_off, window.row_off + window.height) for window in asked)
    assert rows[0][0] == 0
    assert rows[-1][1] == 1500
    assert all(before[1] == after[0] for before, after in pairwise(rows))
    assert len(grid.tiles) > 10


def test_memory_does_not_grow_with_the_scenes_height(write_raster, monkeypatch):
    monkeypatch.setattr(tiles_module, "READ_AHEAD_BYTES", 400_000)

    def least_peak_bytes(height: int) -> int:
        noise = np.random.default_rng(0).integers(20, 255, (1, height, 400), dtype=np.uint8)
        grid = TileGrid.plan(open_scene(write_raster(noise, blockysize=1)), gsd_m=3.0, tile_px=128, overlap_m=90)
        # Bands in flight vary with the threads' pace: the least of some runs is what the scene itself takes.
        return min(peak_bytes(grid) for _ in range(4))

    def peak_bytes(grid: TileGrid) -> int:
        tracemalloc.start()
        for _ in read_tiles(grid, AS_IT_IS, batch_size=4):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    # A scene read whole would take four times as much.
    assert least_peak_bytes(4000) < 1.3 * least_peak_bytes(1000)


@dataclass
class Reading:
    """What `read_tiles` has read of a scene of 400 columns, and holds, when a slow detector has taken one batch."""

    rows: float
    bytes: int
    threads: int


@pytest.fixture
def read_while_the_detector_is_slow(write_raster, monkeypatch):
    def reading(dtype: str, *, cores: int, bytes_ahead: int) -> Reading:
        monkeypatch.setattr(tiles_module, "READ_AHEAD_BYTES", bytes_ahead)
        monkeypatch.setattr(tiles_module, "decode_threads", lambda: cores)
        noise = np.random.default_rng(0).integers(20, 255, (1, 8000, 400), dtype=np.uint8).astype(dtype)
        grid = TileGrid.plan(open_scene(write_raster(noise, blockysize=1)), gsd_m=3.0, tile_px=128, overlap_m=90)
        rows: list[float] = []
        threads: set[int] = set()
        read, band_read = tiles_module.read_window, threading.Semaphore(0)

        def counted(dataset, scene, window, *rest, **options):
            rows.append(window[3])
            threads.add(threading.get_ident())
            band_read.release()
            return read(dataset, scene, window, *rest, **options)

        monkeypatch.setattr(tiles_module, "read_window", counted)
        tracemalloc.start()
        batches = read_tiles(grid, Stretch((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)), batch_size=4)
        next(batches)
        while band_read.acquire(timeout=0.5):  # until the readers wait
            pass
        held = Reading(sum(rows), tracemalloc.get_traced_memory()[0], len(threads))
        tracemalloc.stop()
        batches.close()
        return held

    return reading


BAND_BYTES = 64 * 400 * 3


def test_a_slow_detector_finds_no_more_read_ahead_than_memory_allows(read_while_the_detector_is_slow):
    """Bands of 64 rows: room for two, one in the reader's hand, two in the first row of tiles."""
    held = read_while_the_detector_is_slow("uint8", cores=1, bytes_ahead=2 * BAND_BYTES)

    assert held.rows <= 5 * 64
    assert held.threads == 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_lanes_hold_no_more_than_memory_allows_in_the_files_own_type(read_while_the_detector_is_slow, dtype):
    """Beside what is read ahead: one band in the hand that finishes it, one in the first row of tiles, two batches."""
    held = read_while_the_detector_is_slow(dtype, cores=3, bytes_ahead=32 * BAND_BYTES)

    assert held.threads == 3
    in_hand = 64 * 400 * (3 * np.dtype(dtype).itemsize + 1) + 2 * BAND_BYTES + 2 * 4 * 128 * 128 * 3
    assert held.bytes <= 32 * BAND_BYTES + in_hand + 200_000


def test_few_bands_or_little_memory_need_few_lanes(read_while_the_detector_is_slow):
    two_lanes = 2 * 2 * 64 * 400 * 4

    assert read_while_the_detector_is_slow("uint8", cores=8, bytes_ahead=two_lanes).threads == 2
    assert read_while_the_detector_is_slow("uint8", cores=8, bytes_ahead=two_lanes - 1).threads == 1
