"""Scenes across 180 degrees lie in two parts, on either side, and never around the globe."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from inference_scenes import BrightHulls, Hull, paint
from pyproj import Geod

from berthwatch.imagery.antimeridian import cut_at_antimeridian
from berthwatch.imagery.scene import open_scene
from berthwatch.inference.detect import DetectSettings, detect_scene
from berthwatch.inference.land import Land
from berthwatch.inference.store import read_scene, write_scene
from berthwatch.reporting.export import export_store
from berthwatch.reporting.frame import Frame
from berthwatch.training.comparison import _scene_corners

HULL = 65.0, 70.0, 330.0, 60.0  # latitude, heading, length, beam
WGS84 = Geod(ellps="WGS84")
GREENWICH = shapely.box(0.0, 64.9, 0.1, 65.1)
# Of 600 x 400 pixels: 1.8 km by 1.2 km around 180 degrees east, 65 north.
PLACES = {
    "UTM zone 1": ("EPSG:32601", Affine(3, 0, 357_672, 0, -3, 7_212_411)),
    "UTM zone 60": ("EPSG:32660", Affine(3, 0, 640_528, 0, -3, 7_212_411)),
    "degrees counted on": ("EPSG:4326", Affine(6.4e-5, 0, 179.9808, 0, -2.7e-5, 65.0054)),
    "Web Mercator counted on": ("EPSG:3857", Affine(7.1, 0, 20_035_378, 0, -7.1, 9_609_792)),
    "Web Mercator counted back": ("EPSG:3857", Affine(7.1, 0, -20_039_638, 0, -7.1, 9_609_792)),
    "degrees counted back": ("EPSG:4326", Affine(6.4e-5, 0, -180.0192, 0, -2.7e-5, 65.0054)),
}


@pytest.fixture(params=PLACES.values(), ids=PLACES)
def place(request):
    return request.param


def test_footprint_and_its_pixels_lie_on_both_sides(write_raster, place):
    crs, transform = place
    scene = open_scene(write_raster(np.full((3, 400, 600), 50, np.uint8), crs=crs, transform=transform))

    footprint = scene.footprint()

    west, east = sorted(shapely.get_parts(footprint), key=lambda part: -part.centroid.x)
    assert footprint.is_valid
    assert (west.bounds[2], east.bounds[0]) == (180.0, -180.0)
    assert (east.bounds[2] + 360) - west.bounds[0] < 0.2
    area_m2 = abs(WGS84.geometry_area_perimeter(footprint)[0])
    assert area_m2 == pytest.approx(600 * 400 * scene.gsd_m**2, rel=0.01)
    corners = np.array([[0, 0], [600, 0], [600, 400], [0, 400]])
    lonlat = scene.to_lonlat(corners)
    assert (np.abs(lonlat[:, 0]) <= 180).all()
    assert scene.from_lonlat(lonlat) == pytest.approx(corners, abs=1e-3)


def test_a_ship_on_the_line_is_found_seen_stored_and_exported(write_raster, place, tmp_path):
    crs, transform = place
    lon = -180.0 if transform.c < 0 else 180.0
    pixels = paint([Hull(lon, *HULL)], crs=crs, transform=transform, width=600, height=400, gsd_m=3.0)
    scene = open_scene(write_raster(pixels, crs=crs, transform=transform))

    record, ships = detect_scene(scene, BrightHulls())
    path = write_scene(tmp_path / "store", record, ships)
    again, read = read_scene(path)
    out = export_store(tmp_path / "store", tmp_path / "out.geojson")

    assert record.observed.symmetric_difference(record.footprint).area < 1e-3 * record.footprint.area
    assert not record.footprint.intersects(GREENWICH)
    assert not record.observed.intersects(GREENWICH)
    assert again.footprint.equals(record.footprint)
    (ship,) = read.geometry
    assert ship.geom_type == "MultiPolygon"
    assert abs(WGS84.geometry_area_perimeter(ship)[0]) == pytest.approx(330 * 60, rel=0.05)
    assert read.length_m[0] == pytest.approx(330, rel=0.02)
    for feature in json.loads(out.read_text())["features"]:
        for part in shapely.get_parts(shapely.from_geojson(json.dumps(feature["geometry"]))):
            assert part.bounds[2] - part.bounds[0] < 1


def test_a_ship_on_the_line_is_drawn_and_judged_as_one_box(write_raster):
    crs, transform = PLACES["UTM zone 1"]
    pixels = paint([Hull(180.0, *HULL)], crs=crs, transform=transform, width=600, height=400, gsd_m=3.0)
    scene = open_scene(write_raster(pixels, crs=crs, transform=transform))
    _, ships = detect_scene(scene, BrightHulls())
    frame = Frame.of_picture(scene.from_lonlat, (600, 400), (180.0, 65.0))

    drawn = shapely.Polygon([tuple(map(float, xy.split(","))) for xy in frame.points(ships.geometry[0]).split()])
    (corners,) = _scene_corners(scene, ships)

    assert drawn.area == pytest.approx(330 * 60, rel=0.05)
    assert shapely.Polygon(corners).area * scene.gsd_m**2 == pytest.approx(330 * 60, rel=0.05)


@pytest.mark.parametrize("lon", [-170, -10, -5, 90])
def test_land_on_the_other_side_of_the_globe_hides_nothing(write_raster, place, lon):
    crs, transform = place
    scene = open_scene(write_raster(np.full((3, 400, 600), 50, np.uint8), crs=crs, transform=transform))
    land = Land(shapely.box(lon, 60, lon + 10, 70))

    record, _ = detect_scene(scene, BrightHulls(), DetectSettings(land=land))

    assert record.observed.area == pytest.approx(record.footprint.area, rel=1e-3)


@pytest.mark.parametrize("bounds", [(-180, -90, 180, 90), (-180, 0, 0, 90), (-180, 0, 180, 80)])
def test_an_area_of_interest_may_be_as_large_as_the_globe(write_raster, place, bounds):
    crs, transform = place
    scene = open_scene(write_raster(np.full((3, 400, 600), 50, np.uint8), crs=crs, transform=transform))
    area = shapely.box(*bounds)

    record, _ = detect_scene(scene, BrightHulls(), aoi=area)

    assert record.observed.area == pytest.approx(shapely.intersection(record.footprint, area).area, rel=1e-2)


@pytest.mark.parametrize(
    "ring",
    [
        [(179, 0), (179.5, 0), (179.5, 1), (179, 1)],
        [(-180, 0), (-179.5, 0), (-179.5, 1), (-180, 1)],
        [(-90, 0), (0, 0), (90, 0), (90, 1), (0, 1), (-90, 1)],
    ],
)
def test_what_does_not_cross_stays_as_it_is(ring):
    polygon = shapely.Polygon(ring)
    assert cut_at_antimeridian(polygon) is polygon


def test_a_hole_on_the_line_stays_a_hole():
    def ring(half):
        return [(180 - half, -half), (half - 180, -half), (half - 180, half), (180 - half, half)]

    cut = cut_at_antimeridian(shapely.Polygon(ring(2), [ring(1)]))

    assert cut.is_valid
    assert cut.area == pytest.approx(16 - 4)
    assert not cut.intersects(shapely.points([(179.5, 0), (-179.5, 0)])).any()


def test_an_area_that_only_touches_the_line_is_one_part():
    cut = cut_at_antimeridian(shapely.Polygon([(180, 0), (-179, 0), (-179, 1), (-180, 1)]))
    assert cut.geom_type == "Polygon"
    assert cut.bounds == (-180, 0, -179, 1)
