"""What was seen of a scene: valid pixels under no cloud. Roofs, quays, sand and ships are not taken for cloud."""

import re

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Geod
from rasterio.features import rasterize
from scipy import ndimage

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.cells import CellGatherer, Cells
from berthwatch.imagery.clouds import cloud_scale, cloudy_cells
from berthwatch.imagery.observed import SeenGatherer
from berthwatch.imagery.pixels import open_at_scale, read_window
from berthwatch.imagery.radiometry import Stretch, estimate_stretch
from berthwatch.imagery.scene import Scene, open_scene
from berthwatch.imagery.tiles import TileGrid, read_tiles

WGS84 = Geod(ellps="WGS84")


def town_and_sea(height: int = 700, width: int = 700, *, seed: int = 0, house_px: int = 10) -> np.ndarray:
    """8-bit (3, height, width): water on the left, a port town on the right, ships on the water."""
    rng = np.random.default_rng(seed)
    picture = np.stack([rng.normal(level, 3, (height, width)) for level in (35, 55, 60)])
    shore = width // 2
    houses = rng.uniform(40, 235, (1, height // house_px + 1, (width - shore) // house_px + 1))
    picture[:, :, shore:] = np.kron(houses, np.ones((1, house_px, house_px)))[:, :height, : width - shore]
    for _ in range(12):
        y, x = rng.integers(0, height - 20), rng.integers(0, shore - 90)
        picture[:, y : y + 15, x : x + 80] = rng.uniform(120, 250)
    return np.clip(picture, 1, 255).astype(np.uint8)


def under_cloud(picture: np.ndarray, *, gsd_m: float, size_m: float, cover: float, seed: int, white: float = 240.0):
    """The picture under drifting cloud, and the cloud's opacity (height, width), 0 to 1."""
    rng = np.random.default_rng(seed)
    shape = picture.shape[1:]
    field = np.zeros(shape)
    for octave in range(4):
        waves = ndimage.gaussian_filter(rng.normal(size=shape), size_m / gsd_m / 4 / 2**octave)
        field += waves / waves.std() * 0.5**octave
    field = (field - field.mean()) / field.std()
    opacity = np.clip((field - np.quantile(field, 1 - cover)) / 0.5, 0, 1)
    shade = white * (1 + 0.02 * ndimage.gaussian_filter(rng.normal(size=shape), 5) * 5)
    mixed = picture * (1 - opacity) + shade * opacity
    return np.clip(mixed, 0, np.iinfo(picture.dtype).max).astype(picture.dtype), opacity


def planned(scene: Scene, *, working_m: float | None = None) -> TileGrid:
    """The scene's tiles; at its own GSD, 3 m at the finest, if none is given."""
    return TileGrid.plan(scene, gsd_m=working_m or max(scene.gsd_m, 3.0), tile_px=640, overlap_m=400)


def observed_area(scene: Scene, *, working_m: float | None = None) -> shapely.MultiPolygon:
    """What was seen of the scene, from the pixels that are read for its tiles."""
    grid, stretch = planned(scene, working_m=working_m), estimate_stretch(scene)
    gatherer = SeenGatherer(grid, stretch)
    for _ in read_tiles(grid, stretch, batch_size=4, seen=gatherer):
        pass
    return gatherer.area()


def cells_of(scene: Scene, stretch: Stretch, *, working_m: float | None = None) -> Cells:
    """The whole scene as cells."""
    grid = planned(scene, working_m=working_m)
    gatherer = CellGatherer.of(grid, stretch)
    with open_at_scale(scene, min(grid.scale_x, grid.scale_y)) as dataset:
        whole = (0.0, 0.0, float(scene.width), float(scene.height))
        gatherer.add(0, 0, read_window(dataset, scene, whole, (grid.height, grid.width)))
    return gatherer.cells()


def as_mask(scene: Scene, area: shapely.Geometry) -> np.ndarray:
    """Scene pixels (height, width) whose centres lie in an EPSG:4326 area."""
    if area.is_empty:
        return np.zeros((scene.height, scene.width), dtype=bool)
    in_pixels = shapely.transform(area, scene.from_lonlat)
    return rasterize([(in_pixels, 1)], out_shape=(scene.height, scene.width)) > 0


# ---- validity


def test_a_clear_valid_scene_is_seen_whole(write_raster):
    scene = open_scene(write_raster(town_and_sea()))

    area = observed_area(scene)

    assert isinstance(area, shapely.MultiPolygon)
    assert area.is_valid
    assert area.symmetric_difference(scene.footprint()).area < 1e-4 * scene.footprint().area


TURNED = Affine.translation(500_000, 4_700_000) @ Affine.rotation(30) @ Affine.scale(3, -3)


@pytest.mark.parametrize(
    "place",
    [
        {"crs": "EPSG:32652"},
        {"crs": "EPSG:4326"},
        {"crs": "EPSG:3857"},
        {"transform": TURNED},
        {"transform": Affine(3, 0, 500_000, 0, 3, 4_700_000)},
    ],
    ids=["UTM", "degrees", "Web Mercator", "turned", "south-up"],
)
@pytest.mark.parametrize("how", ["nodata", "mask", "alpha", "black margin"])
def test_what_is_not_valid_was_not_seen(write_raster, place, how):
    pixels = town_and_sea(400, 500)
    seen = np.ones((400, 500), dtype=bool)
    seen[:, 330:] = False
    if how == "nodata":
        path = write_raster(np.where(seen, pixels, 9), nodata=9, **place)
    elif how == "mask":
        path = write_raster(pixels, mask=seen, **place)
    elif how == "alpha":
        rgba = np.concatenate([pixels, seen[None] * np.uint8(255)])
        path = write_raster(rgba, photometric="RGB", alpha="YES", **place)
    else:
        path = write_raster(np.where(seen, pixels, 0).astype(np.uint8), **place)
    scene = open_scene(path)

    mask = as_mask(scene, observed_area(scene))

    assert mask[:, :320].all()
    assert not mask[:, 340:].any()


def test_a_scene_without_a_valid_pixel_was_not_seen(write_raster):
    scene = open_scene(write_raster(np.zeros((3, 100, 100), np.uint8), nodata=0))

    area = observed_area(scene)

    assert area.is_empty
    assert isinstance(area, shapely.MultiPolygon)


def test_a_black_ship_or_dock_inside_the_picture_is_seen(write_raster):
    pixels = town_and_sea()
    pixels[:, 300:420, 300:450] = 0
    scene = open_scene(write_raster(pixels))

    assert as_mask(scene, observed_area(scene)).all()


# ---- our own cloud test


@pytest.mark.parametrize("gsd_m", [3.0, 10.0])
def test_cloud_banks_over_sea_and_town_hide_both(write_raster, gsd_m):
    clear = town_and_sea() if gsd_m == 3.0 else town_and_sea(500, 500, house_px=3)
    picture, opacity = under_cloud(clear, gsd_m=gsd_m, size_m=1500, cover=0.4, seed=2)
    scene = open_scene(write_raster(picture, gsd_m=gsd_m))

    seen = as_mask(scene, observed_area(scene))

    assert seen[opacity > 0.8].mean() < 0.03
    assert seen[opacity < 0.05].mean() > 0.93
    half = picture.shape[2] // 2
    assert (opacity > 0.8)[:, :half].any()
    assert (opacity > 0.8)[:, half:].any()


def test_an_overcast_scene_was_not_seen(write_raster):
    picture, _ = under_cloud(town_and_sea(), gsd_m=3.0, size_m=1500, cover=0.99, seed=3)
    scene = open_scene(write_raster(picture))

    assert as_mask(scene, observed_area(scene)).mean() < 0.05


def test_clouds_are_found_in_16_bits_too(write_raster):
    counts = (town_and_sea(500, 500, house_px=3).astype(np.float32) * 10).astype(np.uint16)
    picture, opacity = under_cloud(counts, gsd_m=10.0, size_m=2500, cover=0.3, seed=4, white=6500.0)
    scene = open_scene(write_raster(picture, gsd_m=10.0))

    seen = as_mask(scene, observed_area(scene))

    assert seen[opacity > 0.8].mean() < 0.03
    assert seen[opacity < 0.05].mean() > 0.93


def test_light_haze_does_not_hide_the_sea(write_raster):
    hazy = (town_and_sea() * 0.6 + 230 * 0.4).astype(np.uint8)
    scene = open_scene(write_raster(hazy))

    assert as_mask(scene, observed_area(scene)).mean() > 0.99


@pytest.mark.parametrize(
    ("what", "colour", "size_px"),
    [
        ("white warehouse", (250, 250, 248), (80, 50)),
        ("concrete quay", (205, 198, 176), (300, 60)),
        ("beach", (250, 232, 205), (600, 120)),
        ("two white ships abreast", (245, 245, 245), (110, 28)),
        ("tank", (252, 252, 252), (30, 30)),
    ],
)
def test_bright_things_on_the_ground_are_no_cloud(write_raster, what, colour, size_px):
    pixels = town_and_sea()
    pixels[:, 30 : 30 + size_px[0], 250 : 250 + size_px[1]] = np.array(colour)[:, None, None]
    scene = open_scene(write_raster(pixels))

    assert as_mask(scene, observed_area(scene)).all(), what


def test_an_open_sea_in_16_bits_is_no_cloud(write_raster):
    rng = np.random.default_rng(0)
    sea = np.stack([rng.normal(level, 15, (400, 400)) for level in (180, 320, 350)])
    sea += 150 * np.linspace(0, 1, 400)  # glint that grows across the picture
    scene = open_scene(write_raster(sea.astype(np.uint16), gsd_m=10.0))

    assert as_mask(scene, observed_area(scene)).all()


@pytest.mark.parametrize("levels", [(35, 55, 60), (55, 60, 65), (75, 85, 80)])
def test_an_open_sea_in_8_bits_is_no_cloud_however_its_picture_is_brightened(write_raster, levels):
    rng = np.random.default_rng(0)
    sea = np.stack([rng.normal(level, 3, (400, 400)) for level in levels]).astype(np.uint8)
    scene = open_scene(write_raster(sea))

    assert estimate_stretch(scene) != Stretch.identity()
    assert as_mask(scene, observed_area(scene)).all()


def test_clouds_of_an_underexposed_picture_are_found(write_raster):
    rng = np.random.default_rng(0)
    sea = np.stack([rng.normal(level, 2, (700, 700)) for level in (12, 16, 18)])
    pixels, opacity = under_cloud(
        np.clip(sea, 1, 255).astype(np.uint8), gsd_m=3, size_m=900, cover=0.3, seed=4, white=115
    )
    scene = open_scene(write_raster(pixels))

    seen = as_mask(scene, observed_area(scene))

    assert estimate_stretch(scene) != Stretch.identity()
    assert seen[opacity > 0.95].mean() < 0.1
    assert seen[opacity == 0].mean() > 0.9


# ---- masks that come with the scene


@pytest.fixture
def clouded(write_raster):
    """A scene whose left third is white cloud by our own test."""
    pixels = town_and_sea(300, 600)
    rng = np.random.default_rng(1)
    pixels[:, :, :200] = rng.integers(225, 245, (3, 300, 200))
    return write_raster(pixels)


@pytest.mark.parametrize("working_m", [3.0, 3.5, 4.2])
def test_a_given_mask_is_believed_instead_of_our_test_up_to_the_edge(write_raster, clouded, working_m):
    obscured = np.zeros((1, 300, 600), np.uint8)
    obscured[:, :, 400:] = 1
    mask = write_raster(obscured, name="clouds.tif")
    scene = open_scene(clouded, cloud_mask=mask)

    seen = as_mask(scene, observed_area(scene, working_m=working_m))

    assert seen[:, :380].all()
    assert not seen[:, 420:].any()


def test_a_mask_on_another_grid_and_crs_is_laid_on_the_scene(write_raster, clouded):
    whole = open_scene(clouded)
    west, south, east, north = whole.footprint().bounds
    size = 64
    transform = Affine((east - west) / size, 0, west, 0, (south - north) / size, north)
    columns = np.zeros((1, size, size), np.uint8)
    columns[:, :, size // 2 :] = 1
    mask = write_raster(columns, name="clouds.tif", crs="EPSG:4326", transform=transform)

    seen = as_mask(whole, observed_area(open_scene(clouded, cloud_mask=mask)))

    lon = whole.to_lonlat(np.column_stack([np.arange(600) + 0.5, np.full(600, 150.5)]))[:, 0]
    middle = (west + east) / 2
    assert seen[150][lon < middle - 5e-4].all()
    assert not seen[150][lon > middle + 5e-4].any()


def test_scene_classification_of_sentinel_2(write_raster, clouded):
    """Classes in strips of 60 px: cloud and cirrus hide, shadow, water and snow do not."""
    classes = np.repeat([4, 6, 3, 11, 5, 7, 8, 9, 10, 2], 60)[None, None].repeat(300, axis=1).astype(np.uint8)
    mask = write_raster(classes, name="T52TGP_20240307T020651_SCL_20m.tif")

    scene = open_scene(clouded, cloud_mask=mask)
    seen = as_mask(scene, observed_area(scene))

    shown = [bool(seen[150, 60 * i + 30]) for i in range(10)]
    assert shown == [True, True, True, True, True, True, False, False, False, True]


def test_usable_data_mask_of_planet(write_raster, clouded):
    """Bands clear, snow, shadow, light haze, heavy haze, cloud, confidence, unusable, one set in each strip."""
    bands = np.zeros((8, 300, 600), np.uint8)
    for band in range(8):
        bands[band, :, band * 75 : band * 75 + 75] = 1
    mask = write_raster(bands, name="20240307_015312_45_2489_3B_udm2.tif")

    scene = open_scene(clouded, cloud_mask=mask)
    seen = as_mask(scene, observed_area(scene))

    shown = [bool(seen[150, 75 * i + 37]) for i in range(8)]
    assert shown == [True, True, True, True, False, False, True, False]


def test_qa_pixel_of_landsat(write_raster, clouded):
    bits = np.repeat([1 << 6, 1 << 7, 1 << 4, 1 << 1, 1 << 3, 1 << 2], 100)[None, None].repeat(300, axis=1)
    mask = write_raster(bits.astype(np.uint16), name="LC08_L2SP_112030_20240307_20240316_02_T1_QA_PIXEL.TIF")

    scene = open_scene(clouded, cloud_mask=mask)
    seen = as_mask(scene, observed_area(scene))

    assert [bool(seen[150, 100 * i + 50]) for i in range(6)] == [True, True, True, False, False, False]


def test_a_mask_that_cannot_be_read_is_named(clouded, tmp_path):
    with pytest.raises(BerthwatchError, match=r"absent\.tif"):
        observed_area(open_scene(clouded, cloud_mask=tmp_path / "absent.tif"))


# ---- cells


@pytest.mark.parametrize("working_m", [4.3, 10.0])
def test_the_working_gsd_hardly_matters(write_raster, working_m):
    picture, _ = under_cloud(town_and_sea(), gsd_m=3.0, size_m=1200, cover=0.3, seed=6)
    picture[:, :, 600:] = 0
    scene = open_scene(write_raster(picture, nodata=0))

    coarse, own = (as_mask(scene, observed_area(scene, working_m=m)) for m in (working_m, 3.0))

    assert (coarse == own).mean() > 0.96


def test_cells_lie_where_the_scene_says(write_raster):
    pixels = np.full((3, 360, 360), 40, np.uint8)
    pixels[:, 180:216, 270:306] = 200
    scene = open_scene(write_raster(pixels))

    cells = cells_of(scene, Stretch.identity(), working_m=3.0)  # of 3 x 3 samples of 3 x 3 pixels: 9 a side

    rows, cols = np.nonzero(cells.darkest > 190)
    assert cells.mean.shape == (40, 40)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (20, 23, 30, 33)
    assert cells.step[19, 30] == cells.step[20, 29] == 160  # the step is noted on the cell left of it and above it


# ---- the real scenes: all clear over the port


def cloud_share(scene: Scene) -> float:
    """At the GSD that the shipped model works at."""
    stretch, working_m = cloud_scale(estimate_stretch(scene)), float(np.clip(scene.gsd_m, 3.5, 4.2))
    return float(cloudy_cells(cells_of(scene, stretch, working_m=working_m)).mean())


@pytest.mark.parametrize("folder", ["planet", "oil-terminals", "sentinel2"])
def test_roofs_quays_tanks_sand_salt_and_ships_of_real_ports_are_no_cloud(real_data, folder):
    for path in sorted((real_data / folder).glob("*.tif")):
        share = cloud_share(open_scene(path))
        # Cartagena has some real small clouds. In Gdynia and San Francisco, whose pixels of 6 and 8 m were made of ones
        # of 10 m, the edge of the greatest roof is soft enough for a cloud's.
        allowed = 0.003 if re.search("cartagena|gdynia|san_francisco", path.name) else 0.0
        assert share <= allowed, path.name


def test_the_small_real_cloud_of_cartagena_is_found(real_data):
    scene = open_scene(real_data / "sentinel2" / "S2_cartagena_2023-07-30.tif")

    seen = as_mask(scene, observed_area(scene))

    assert not seen[962, 75]
    assert seen[560:760, 330:620].all()  # the port


@pytest.mark.parametrize("size_m", [1500, 4000])
def test_cloud_banks_over_a_real_port_are_found(real_data, write_raster, size_m):
    path = real_data / "planet" / "scene_3_utm11n_3m.tif"
    with rasterio.open(path) as file:
        clear, transform = file.read()[:, :1000, 500:1700], file.transform @ Affine.translation(500, 0)
    picture, opacity = under_cloud(clear, gsd_m=3.0, size_m=size_m, cover=0.35, seed=8, white=238.0)
    scene = open_scene(write_raster(picture, crs="EPSG:32611", transform=transform))

    seen = as_mask(scene, observed_area(scene))

    assert seen[opacity > 0.8].mean() < 0.05
    assert seen[opacity < 0.05].mean() > 0.93


def test_areas_are_true_on_the_ground(write_raster):
    scene = open_scene(write_raster(town_and_sea(400, 400), crs="EPSG:3857", gsd_m=3.0, lonlat=(24.9, 60.2)))

    area_m2 = abs(WGS84.geometry_area_perimeter(observed_area(scene))[0])

    assert area_m2 == pytest.approx((400 * 3.0) ** 2, rel=0.01)


def test_of_a_very_wide_scene_no_outline_overlaps_another(write_raster):
    """Sides that are straight in metres bend in degrees, by more than a gap of 30 m on 600 km; nothing seen is lost."""
    pixels = np.full((3, 63, 60_000), 40, np.uint8)
    pixels[:, 30:33] = 0
    for notch in range(0, 60_000, 300):  # corners all along one side of the gap, so that it bends and the other sags
        pixels[:, 33:36, notch : notch + 3] = 0
    transform = Affine(10, 0, 200_000, 0, -10, 7_200_000)
    scene = open_scene(write_raster(pixels, transform=transform, nodata=0, compress="deflate"))

    area = observed_area(scene)

    assert area.is_valid
    everything = scene.polygon_to_lonlat(shapely.box(0, 0, 60_000, 63))
    valid = (pixels[0] > 0).mean()
    assert area.area / everything.area == pytest.approx(valid, abs=0.005)
