"""The stretch to 8 bit: one a scene, ships visible, water dark and flat, clouds and open sea no matter."""

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rasterio.enums import Resampling
from rasterio.features import rasterize
from shapely import Polygon

from berthwatch.imagery import pixels as pixels_module
from berthwatch.imagery.pixels import sample_pixels
from berthwatch.imagery.preview import read_preview
from berthwatch.imagery.radiometry import Stretch, estimate_stretch
from berthwatch.imagery.scene import open_scene


def harbour(rng: np.random.Generator, *, land_share: float = 0.3, ships: int = 30, size: int = 500) -> np.ndarray:
    """Reflectance x 10000 like Sentinel-2's, uint16 (3, size, size): water 150 to 350, town, ships of 1200 to 2500."""
    picture = np.stack([rng.normal(level, 12, (size, size)) for level in (160, 300, 340)])
    shore = int(size * (1 - land_share))
    if shore < size:
        picture[:, :, shore:] = rng.lognormal(6.8, 0.6, (3, size, size - shore))
    for _ in range(ships):
        y, x = rng.integers(0, size), rng.integers(0, max(1, shore - 30))
        picture[:, y : y + 3, x : x + 20] = rng.uniform(1200, 2500)
    return np.clip(picture, 1, 10000).astype(np.uint16)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


# ---- applying


def test_low_becomes_black_and_high_white_band_by_band():
    stretch = Stretch((100, 200, 300), (1100, 1200, 1300))

    counts = np.array([[100, 200, 300], [600, 700, 800], [1100, 1200, 1300], [0, 5000, 65535]], np.uint16)

    assert stretch.apply(counts).tolist() == [[0, 0, 0], [128, 128, 128], [255, 255, 255], [0, 255, 255]]


def test_an_exponent_below_one_lifts_the_darks():
    stretch = Stretch((0, 0, 0), (1000, 1000, 1000), exponent=0.8)

    assert stretch.apply(np.full((1, 3), 100, np.uint16))[0, 0] == round(255 * 0.1**0.8) == 40


@given(
    hnp.arrays(np.uint16, (20, 3)),
    st.floats(0, 3000),
    st.floats(1, 30000),
    st.floats(0.5, 1.5),
)
def test_integers_and_floats_are_stretched_alike(counts, low, span, exponent):
    stretch = Stretch((low,) * 3, (low + span,) * 3, exponent)

    difference = stretch.apply(counts).astype(int) - stretch.apply(counts.astype(np.float64))

    assert np.abs(difference).max() <= 1


@given(hnp.arrays(np.float32, (20, 3), elements=st.floats(width=32)))
def test_any_number_gives_a_byte_and_none_is_black(counts):
    stretched = Stretch((0.0,) * 3, (0.3,) * 3).apply(counts)

    assert stretched.dtype == np.uint8
    assert (stretched[np.isnan(counts)] == 0).all()


# ---- estimating


def test_a_picture_of_8_bits_stays_as_it_is(write_raster, rng):
    picture = rng.integers(10, 240, (3, 200, 200), dtype=np.uint8)

    assert estimate_stretch(open_scene(write_raster(picture))) == Stretch.identity()


def test_an_underexposed_picture_of_8_bits_is_brightened_at_most_threefold(write_raster, rng):
    dim = rng.integers(5, 100, (3, 200, 200), dtype=np.uint8)
    dark = rng.integers(2, 30, (3, 200, 200), dtype=np.uint8)

    brightened = estimate_stretch(open_scene(write_raster(dim))).apply(dim.transpose(1, 2, 0))
    lifted = estimate_stretch(open_scene(write_raster(dark))).apply(dark.transpose(1, 2, 0))

    assert np.percentile(brightened, 99.9) == pytest.approx(220, abs=3)
    assert lifted.max() == pytest.approx(3 * 29, abs=1)


def test_an_8_bit_sea_with_one_bright_ship_is_not_brightened(write_raster, rng):
    sea = rng.integers(25, 40, (3, 300, 300), dtype=np.uint8)
    sea[:, 100:108, 100:160] = 200

    assert estimate_stretch(open_scene(write_raster(sea))) == Stretch.identity()


def test_the_picture_runs_from_the_darkest_half_to_the_brightest_one_and_a_half_per_cent(write_raster, rng):
    """Each count from 0 to 39,999 once, 1000 and 2000 more in green and blue: percentiles are known exactly."""
    counts = rng.permutation(40_000).reshape(200, 200) + np.array([0, 1000, 2000])[:, None, None]

    stretch = estimate_stretch(open_scene(write_raster(counts.astype(np.uint16))))

    assert stretch.low == pytest.approx((200, 1200, 2200), abs=1)
    assert stretch.high == pytest.approx((39_399, 40_399, 41_399), abs=1)
    greys = stretch.apply(np.array([[199, 1199, 2199], [19_800, 20_800, 21_800], [39_400, 40_400, 41_400]], np.uint16))
    assert greys.tolist() == [[0] * 3, [round(255 * 0.5**0.8)] * 3, [255] * 3]


def shown(scene) -> np.ndarray:
    return read_preview(scene, max_px=max(scene.width, scene.height)).rgb


def test_ships_stand_out_and_water_stays_dark(write_raster, rng):
    counts = harbour(rng)
    picture = shown(open_scene(write_raster(counts, gsd_m=10.0)))

    ships = (counts.min(axis=0) > 1100)[:, :340]
    water = (counts.max(axis=0) < 450)[:, :340]
    assert np.percentile(picture[:, :340][ships], 10) > 110
    assert np.percentile(picture[:, :340][water], 99) < 45


@pytest.mark.parametrize("ships", [0, 5])
def test_an_open_sea_is_not_blown_up(write_raster, rng, ships):
    counts = harbour(rng, land_share=0.0, ships=ships)

    picture = shown(open_scene(write_raster(counts, gsd_m=10.0)))

    water = counts.max(axis=0) < 450
    assert picture[water].std(axis=0).max() < 8
    assert picture[water].max() < 70
    if ships:
        assert picture[~water].min() > 200


def test_clouds_do_not_darken_the_ships(write_raster, rng):
    clear = harbour(rng, size=600)
    cloudy = clear.copy()
    cloudy[:, :250, :] = rng.normal(7000, 800, (3, 250, 600)).astype(np.uint16)

    without = estimate_stretch(open_scene(write_raster(clear, gsd_m=10.0)))
    with_clouds = estimate_stretch(open_scene(write_raster(cloudy, gsd_m=10.0, name="cloudy.tif")))

    assert np.array(with_clouds.high) == pytest.approx(np.array(without.high), rel=0.35)
    assert np.array(with_clouds.low) == pytest.approx(np.array(without.low), rel=0.2)


def test_pixels_that_are_not_valid_have_no_say(write_raster, rng):
    counts = harbour(rng)
    margin = counts.copy()
    margin[:, :, :150] = 0

    marked = estimate_stretch(open_scene(write_raster(margin, nodata=0)))
    whole = estimate_stretch(open_scene(write_raster(counts[:, :, 150:], name="whole.tif")))

    assert np.array(marked.low) == pytest.approx(np.array(whole.low), abs=2)
    assert np.array(marked.high) == pytest.approx(np.array(whole.high), rel=0.03)


@pytest.mark.parametrize(("dtype", "factor"), [(np.float32, 1e-4), (np.float32, 1.0), (np.int16, 1.0)])
def test_other_types_look_alike(write_raster, rng, dtype, factor):
    counts = harbour(rng)
    expected = shown(open_scene(write_raster(counts)))

    picture = shown(open_scene(write_raster((counts * factor).astype(dtype), name="other.tif")))

    assert np.abs(picture.astype(int) - expected).max() <= 2


def test_a_scene_without_valid_pixels_gets_the_identity(write_raster):
    scene = open_scene(write_raster(np.zeros((3, 50, 50), np.uint16), nodata=0))
    assert estimate_stretch(scene) == Stretch.identity()


# ---- the sample


@pytest.mark.parametrize("overviews", [False, True])
def test_a_large_file_is_sampled_from_all_over(write_raster, rng, overviews, monkeypatch):
    monkeypatch.setattr(pixels_module, "_SMALL_SCENE_PX", 500 * 500)
    monkeypatch.setattr(pixels_module, "_PIECE_PX", 64)
    size = 1500
    ramp = np.broadcast_to(np.arange(size, dtype=np.uint16) * 4, (3, size, size)) + rng.integers(0, 3, (3, size, size))
    path = write_raster(ramp.astype(np.uint16), tiled=True, blockxsize=64, blockysize=64)
    if overviews:
        with rasterio.open(path, "r+") as file:
            file.build_overviews([2, 4], Resampling.nearest)

    samples = list(sample_pixels(open_scene(path)))

    assert len(samples) == (1 if overviews else 25)
    counts = np.concatenate([sample.rgb.reshape(-1, 3) for sample in samples])
    quantiles = np.percentile(counts[:, 0], [5, 25, 50, 75, 95])
    assert quantiles == pytest.approx(np.array([0.05, 0.25, 0.5, 0.75, 0.95]) * 4 * size, rel=0.15, abs=400)
    assert len(counts) < 1.1e6


@pytest.mark.parametrize(("bright_share", "brightened"), [(0.004, False), (0.0005, True)])
def test_a_large_dark_picture_is_brightened_unless_one_pixel_in_a_thousand_is_bright(
    write_raster, rng, bright_share, brightened, monkeypatch
):
    monkeypatch.setattr(pixels_module, "_SMALL_SCENE_PX", 500 * 500)
    size = 1100
    dark = rng.integers(20, 60, (size, size)).astype(np.uint8)
    roofs = rng.random((size // 10, size // 10)) < bright_share
    bright = np.repeat(np.repeat(roofs, 10, axis=0), 10, axis=1)  # 30 m a side
    picture = np.broadcast_to(np.where(bright, 200, dark), (3, size, size)).astype(np.uint8)

    stretch = estimate_stretch(open_scene(write_raster(picture, tiled=True, blockxsize=256, blockysize=256)))

    assert (stretch != Stretch.identity()) == brightened


# ---- the real scenes


def test_labelled_ships_stand_out_of_the_real_sentinel_2_scenes(real_data):
    for path in sorted((real_data / "sentinel2").glob("*.tif")):
        scene = open_scene(path)
        picture = shown(scene)
        lines = [line.split() for line in path.with_suffix(".txt").read_text().splitlines()]
        hulls = [Polygon(np.array(line[:8], float).reshape(4, 2)) for line in lines if len(line) >= 8]

        def mask(polygons, shape=picture.shape[:2]):
            return rasterize([(polygon, 1) for polygon in polygons], out_shape=shape) > 0

        ships = mask(hulls)
        beside = mask([hull.buffer(8) for hull in hulls]) & ~mask([hull.buffer(3) for hull in hulls])
        water = np.percentile(picture[beside].max(axis=-1), 25)
        assert np.percentile(picture[ships].max(axis=-1), 75) > water + 50, path.name
        assert water < 110, path.name
