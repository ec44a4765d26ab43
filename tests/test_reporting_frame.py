"""The ground drawn flat: a unit of the drawing is a metre on the ground, whatever grid the scene is on."""

import numpy as np
import pytest
from pyproj import Geod
from rasterio.transform import Affine

from berthwatch.imagery.preview import read_preview
from berthwatch.imagery.scene import open_scene
from berthwatch.reporting.frame import Frame, bounds_around, size_m

GEOD = Geod(ellps="WGS84")
CENTRE = (133.056, 42.738)


def frame_of(path, bounds) -> Frame:
    preview = read_preview(open_scene(path), bounds_lonlat=bounds)
    height, width = preview.rgb.shape[:2]
    return Frame.of_picture(preview.to_pixel, (width, height), CENTRE)


@pytest.mark.parametrize("crs", ["EPSG:32652", "EPSG:3857", "EPSG:4326"])
def test_a_metre_on_the_drawing_is_a_metre_on_the_ground(write_raster, crs):
    path = write_raster(np.full((3, 500, 500), 80, np.uint8), crs=crs, gsd_m=3.0, lonlat=(133.048, 42.744))
    frame = frame_of(path, bounds_around(CENTRE, 300, 200))
    ends = [GEOD.fwd(*CENTRE, azimuth, 150)[:2] for azimuth in (20, 110, 200)]

    drawn = frame.to_xy([CENTRE, *ends])

    assert np.hypot(*(drawn[1:] - drawn[0]).T) == pytest.approx([150, 150, 150], rel=0.005)


@pytest.mark.parametrize(
    ("crs", "north_deg"),
    # UTM zone 52's grid north at 133.056 E lies (133.056 - 129) x sin(42.74 deg) = 2.75 degrees east of true north.
    [("EPSG:32652", -2.75), ("EPSG:4326", 0.0)],
)
def test_the_north_arrow_points_to_true_north(write_raster, crs, north_deg):
    path = write_raster(np.full((3, 500, 500), 80, np.uint8), crs=crs, gsd_m=3.0, lonlat=(133.048, 42.744))

    assert frame_of(path, bounds_around(CENTRE, 300, 200)).north_deg == pytest.approx(north_deg, abs=0.1)


def test_south_up_rasters_have_their_north_below(write_raster):
    easting, northing = 832_000.0, 4_738_600.0
    transform = Affine(3.0, 0.0, easting, 0.0, 3.0, northing)
    path = write_raster(np.full((3, 500, 500), 80, np.uint8), transform=transform)
    scene = open_scene(path)
    (middle,) = scene.to_lonlat([[250, 250]])
    preview = read_preview(scene)

    frame = Frame.of_picture(preview.to_pixel, (500, 500), tuple(middle))

    assert abs(frame.north_deg) > 170


def test_a_map_without_a_picture_is_to_scale_and_north_up():
    bounds = bounds_around(CENTRE, 600, 400)
    frame = Frame.of_ground(bounds)

    assert (frame.width_m, frame.height_m) == pytest.approx((1200, 800), rel=0.002)
    assert frame.north_deg == 0.0
    assert frame.share(CENTRE) == pytest.approx((0.5, 0.5), abs=0.002)
    assert size_m(bounds) == pytest.approx((1200, 800), rel=0.001)


@pytest.mark.parametrize(("width_m", "bar_m"), [(1500, 200), (360, 50), (180, 20), (9000, 2000), (80, 20)])
def test_the_scale_bar_is_a_round_length_of_at_most_a_quarter_of_the_width(width_m, bar_m):
    frame = Frame(width_m, width_m, lambda lonlat: np.asarray(lonlat), north_deg=0.0)

    assert frame.scale_bar_m() == bar_m
