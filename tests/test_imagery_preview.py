"""Pictures for reports: no larger than asked, square on the ground, and places found on them."""

import numpy as np
import pytest
from affine import Affine

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.preview import read_preview
from berthwatch.imagery.scene import open_scene


@pytest.fixture
def marked() -> np.ndarray:
    """A bright block of 40 x 40 px round (300, 220)."""
    pixels = np.full((3, 400, 600), 40, np.uint8)
    pixels[:, 200:240, 280:320] = 250
    return pixels


def centre_of_the_bright(rgb: np.ndarray) -> np.ndarray:
    weight = rgb[..., 0].astype(float) - 40
    rows, cols = np.indices(weight.shape) + 0.5
    return np.array([[np.average(cols, weights=weight), np.average(rows, weights=weight)]])


PLACES = {
    "UTM": {"crs": "EPSG:32652"},
    "degrees": {"crs": "EPSG:4326", "lonlat": (24.9, 60.2)},
    "turned": {"transform": Affine.translation(500_000, 4_700_000) @ Affine.rotation(25) @ Affine.scale(3, -3)},
    "south-up": {"transform": Affine(3, 0, 500_000, 0, 3, 4_700_000)},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("max_px", [1200, 300, 77])
def test_a_place_is_found_on_the_picture(write_raster, marked, place, max_px):
    scene = open_scene(write_raster(marked, **place))

    preview = read_preview(scene, max_px=max_px)

    assert max(preview.rgb.shape[:2]) <= max_px
    expected = preview.to_pixel(scene.to_lonlat([[300, 220]]))
    assert centre_of_the_bright(preview.rgb) == pytest.approx(expected, abs=0.25)


def test_it_is_never_finer_than_the_scene(write_raster, marked):
    assert read_preview(open_scene(write_raster(marked)), max_px=5000).rgb.shape == (400, 600, 3)


def test_pixels_of_degrees_are_made_square(write_raster, marked):
    degrees = Affine(1e-4, 0, 24.9, 0, -1e-4, 60.2)  # 5.5 m by 11.1 m
    preview = read_preview(open_scene(write_raster(marked, crs="EPSG:4326", transform=degrees)), max_px=1000)

    height, width = preview.rgb.shape[:2]
    assert width / height == pytest.approx(600 * 5.55 / (400 * 11.14), rel=0.01)


def test_a_part_is_cut_out_by_its_bounds(write_raster, marked):
    scene = open_scene(write_raster(marked))
    west, south = scene.to_lonlat([[270, 250]])[0]
    east, north = scene.to_lonlat([[330, 190]])[0]

    preview = read_preview(scene, bounds_lonlat=(west, south, east, north))

    assert 58 <= preview.rgb.shape[0] <= 66
    assert 58 <= preview.rgb.shape[1] <= 66
    expected = preview.to_pixel(scene.to_lonlat([[300, 220]]))
    assert centre_of_the_bright(preview.rgb) == pytest.approx(expected, abs=0.25)


def test_a_part_that_the_scene_misses_is_refused_with_what_it_covers(write_raster, marked):
    with pytest.raises(BerthwatchError, match=r"scene: does not cover \(10, 10, 11, 11\).*it covers \(133\.0"):
        read_preview(open_scene(write_raster(marked)), bounds_lonlat=(10, 10, 11, 11))


def test_what_is_not_valid_is_black(write_raster, marked):
    marked[:, :, :100] = 7
    rgb = read_preview(open_scene(write_raster(marked, nodata=7))).rgb

    assert not rgb[:, :100].any()
    assert rgb[:, 100:].all()
