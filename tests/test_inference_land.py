"""Land of the user's: not searched, and no ship on it, but for what lies near its shore."""

from dataclasses import replace
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pytest
import shapely
from inference_scenes import BrightHulls, Hull, metadata, north_up, paint, write
from pyproj import Transformer

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.port import Berth, Port
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.occupancy import observe_berths
from berthwatch.imagery.scene import open_scene
from berthwatch.inference.detect import DetectSettings, detect_scene, plan_grid
from berthwatch.inference.land import Land
from berthwatch.inference.stage_times import StageTimes

UTM, GSD_M, SIDE_PX = "EPSG:32653", 3.0, 1200
TRANSFORM = north_up(UTM, 133.05, 42.74, (GSD_M, GSD_M))
SHORE_PX = 500  # land is all that lies west of this column


def lonlat(xy):
    easting, northing = TRANSFORM @ np.asarray(xy, float).T
    return np.column_stack(Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(easting, northing))


def hull_at(x, y):
    ((lon, lat),) = lonlat([[x, y]])
    return Hull(lon, lat, 30.0, 150.0, 25.0)


def west_of(x_px):
    """Land up to a column and far beyond the scene, EPSG:4326."""
    return shapely.transform(shapely.segmentize(shapely.box(-50_000, -50_000, x_px, 50_000), 100), lonlat)


@pytest.fixture
def scene(tmp_path):
    """Ships 180 m inland, 40 m inland, and at sea."""
    hulls = [hull_at(SHORE_PX - 60, 300), hull_at(SHORE_PX - 13, 600), hull_at(SHORE_PX + 200, 900)]
    pixels = paint(hulls, crs=UTM, transform=TRANSFORM, width=SIDE_PX, height=SIDE_PX, gsd_m=GSD_M)
    return open_scene(write(tmp_path / "scene.tif", pixels, crs=UTM, transform=TRANSFORM))


def columns(scene, ships):
    return scene.from_lonlat(ships[["lon", "lat"]].to_numpy())[:, 0]


def test_ships_on_land_are_dropped_and_counted_but_not_those_near_its_shore(scene):
    times = StageTimes()
    _, without = detect_scene(scene, BrightHulls())
    record, ships = detect_scene(scene, BrightHulls(), DetectSettings(land=Land(west_of(SHORE_PX))), times=times)

    assert len(without) == 3
    assert sorted(columns(scene, ships)) == pytest.approx([SHORE_PX - 13, SHORE_PX + 200], abs=2)
    assert times.ships_on_land == 1
    assert "beyond 50 m from its shore" in record.settings["land"]


@pytest.mark.parametrize(("inland_m", "kept"), [(48, True), (52, False)])
def test_the_margin_is_50_metres_on_the_ground(scene, inland_m, kept):
    shore = SHORE_PX - 60 + inland_m / GSD_M

    _, ships = detect_scene(scene, BrightHulls(), DetectSettings(land=Land(west_of(shore))))

    assert (columns(scene, ships).min() < SHORE_PX - 50) == kept


def test_tiles_wholly_on_land_are_not_looked_at(scene):
    everything, at_sea = BrightHulls(), BrightHulls()
    land = Land(west_of(SHORE_PX))
    detect_scene(scene, everything)
    detect_scene(scene, at_sea, DetectSettings(land=land))
    whole = plan_grid(scene, at_sea.metadata, DetectSettings())
    shore_px = SHORE_PX * GSD_M / whole.gsd_m - 50 / whole.gsd_m
    expected = sum(tile.core[2] > shore_px for tile in whole.tiles)

    assert everything.tiles_seen == len(whole.tiles)
    assert at_sea.tiles_seen == expected < len(whole.tiles)


def test_where_all_is_land_nothing_is_found_and_nothing_observed(scene):
    record, ships = detect_scene(scene, BrightHulls(), DetectSettings(land=Land(west_of(5 * SIDE_PX))))

    assert len(ships) == 0
    assert record.observed.is_empty


def test_land_elsewhere_changes_nothing_but_what_the_record_says(scene):
    elsewhere = Land(shapely.box(10.0, 50.0, 11.0, 51.0))
    record, ships = detect_scene(scene, BrightHulls(), DetectSettings(land=elsewhere))
    plain, all_ships = detect_scene(scene, BrightHulls())

    assert len(ships) == len(all_ships) == 3
    assert record.fingerprint != plain.fingerprint
    assert "land" not in plain.settings


def test_other_land_is_another_run(scene):
    one, other = (
        detect_scene(scene, BrightHulls(), DetectSettings(land=Land(west_of(x))))[0].fingerprint for x in (500, 510)
    )

    assert one != other


@pytest.mark.parametrize(("name", "crs"), [("land.gpkg", UTM), ("land.geojson", "EPSG:4326"), ("land.shp", 3857)])
def test_any_vector_file_in_any_crs_will_do(scene, tmp_path, name, crs):
    gpd.GeoDataFrame(geometry=[west_of(SHORE_PX)], crs="EPSG:4326").to_crs(crs).to_file(tmp_path / name)

    _, ships = detect_scene(scene, BrightHulls(), DetectSettings(land=Land.read(tmp_path / name)))

    assert len(ships) == 2


def test_a_file_that_is_no_land_says_so(tmp_path):
    points = tmp_path / "points.geojson"
    gpd.GeoDataFrame(geometry=[shapely.Point(1, 1)], crs="EPSG:4326").to_file(points)

    with pytest.raises(BerthwatchError, match=r"--land .*points\.geojson: holds no polygon"):
        Land.read(points)
    with pytest.raises(BerthwatchError, match=r"--land .*absent\.gpkg: cannot be read as a vector file"):
        Land.read(tmp_path / "absent.gpkg")


def test_ground_where_ships_are_dropped_is_not_observed(scene):
    record, _ = detect_scene(scene, BrightHulls(), DetectSettings(land=Land(west_of(SHORE_PX))))
    plain, _ = detect_scene(scene, BrightHulls())

    limit_px = SHORE_PX - 50 / GSD_M
    (sea,), (beach,), (inland,) = (lonlat([[x, 600]]) for x in (SHORE_PX + 100, limit_px + 2, limit_px - 2))
    assert record.observed.is_valid
    assert shapely.covers(record.observed, shapely.points([sea, beach])).all()
    assert not record.observed.intersects(shapely.Point(inland))
    assert record.observed.area / plain.observed.area == pytest.approx(1 - limit_px / SIDE_PX, abs=0.003)


def test_an_island_and_the_lake_on_it_leave_a_valid_area(scene):
    centre = shapely.Point(600, 600)
    island = centre.buffer(300).difference(centre.buffer(100))

    record, _ = detect_scene(scene, BrightHulls(), DetectSettings(land=Land(shapely.transform(island, lonlat))))

    assert record.observed.is_valid
    at = shapely.points(lonlat([[600, 600], [600 + 200, 600], [600 + 320, 600]]))
    assert shapely.covers(record.observed, at).tolist() == [True, False, True]


@pytest.mark.parametrize(("shore_px", "state"), [(SHORE_PX, "unobserved"), (120, "vacant")])
def test_a_berth_inland_of_a_coarse_shore_is_unobserved_never_vacant(scene, shore_px, state):
    corners = lonlat([[430, 800], [475, 800], [475, 812], [430, 812]])
    berth = Berth(id="b", name="B", kind="oil", polygon=corners.tolist(), heading_deg=90, approximate=False, source="t")
    port = Port(id="p", name="P", country="C", aoi=(133, 42, 134, 43), source="t", berths=(berth,))

    record, ships = detect_scene(scene, BrightHulls(), DetectSettings(land=Land(west_of(shore_px))))

    record = replace(record, acquired_at=datetime(2024, 3, 7, tzinfo=UTC))
    assert observe_berths(port, [record], ships, recall=load_cargo().detector.recall)["state"].tolist() == [state]


@pytest.mark.parametrize("own_gsd_m", [1.5, 10.0])
def test_the_margin_is_50_metres_whatever_the_pixels_of_the_scene(tmp_path, own_gsd_m):
    """Ships 65 m and 35 m inland, of pixels twice as fine and twice as coarse as the model's 3 to 5 m."""
    transform = north_up(UTM, 133.05, 42.74, (own_gsd_m, own_gsd_m))
    hulls = [hull_at(SHORE_PX - 65 / GSD_M, 150), hull_at(SHORE_PX - 35 / GSD_M, 400)]
    side = round(600 * GSD_M / own_gsd_m)
    pixels = paint(hulls, crs=UTM, transform=transform, width=side, height=side, gsd_m=own_gsd_m)
    scene = open_scene(write(tmp_path / "scene.tif", pixels, crs=UTM, transform=transform))
    detector = BrightHulls(metadata(max_working_gsd_m=5.0))

    _, ships = detect_scene(scene, detector, DetectSettings(land=Land(west_of(SHORE_PX))))

    assert columns(scene, ships) * own_gsd_m == pytest.approx([SHORE_PX * GSD_M - 35], abs=5)
