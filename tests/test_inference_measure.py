"""Boxes to metres, classes to probabilities, areas from the command line."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from inference_scenes import metadata, write
from pyproj import Geod

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import open_scene
from berthwatch.imagery.tiles import TileGrid
from berthwatch.inference.aoi import read_aoi
from berthwatch.inference.describe import class_probabilities, describe, tanker_probability
from berthwatch.inference.detections import empty_detections
from berthwatch.inference.measure import measure
from berthwatch.models.boxes import Boxes

GEOD = Geod(ellps="WGS84")
SQUARE = Affine(3, 0, 500_000, 0, -3, 4_740_000)


def plane_at(lon, lat, metres_a_pixel):
    """Pixels of a local plane, x east and y south, to lonlat, by geodesics from (lon, lat)."""

    def to_lonlat(xy):
        east, south = np.asarray(xy).T * metres_a_pixel
        azimuth, distance = np.degrees(np.arctan2(east, -south)), np.hypot(east, south)
        n = len(distance)
        return np.column_stack(GEOD.fwd(np.full(n, lon), np.full(n, lat), azimuth, distance)[:2])

    return to_lonlat


@given(
    heading=st.floats(0, 179.9),
    length=st.floats(20, 400),
    ratio=st.floats(2, 9),
    lat=st.floats(-75, 75),
    gsd=st.floats(0.3, 10),
)
def test_a_box_is_measured_on_the_ellipsoid_wherever_it_lies(heading, length, ratio, lat, gsd):
    # A compass heading of 0 is up, that is -y; the box's angle turns from +x towards +y.
    angle = np.radians(heading - 90)
    boxes = Boxes.from_xywhr([[0, 0, length / gsd, length / ratio / gsd, angle]])

    ship = measure(boxes, plane_at(129.0, lat, gsd), working_gsd_m=gsd, sensor_px=1.0, metadata=metadata())

    assert ship.length_m[0] == pytest.approx(length, rel=1e-4)
    assert ship.beam_m[0] == pytest.approx(max(length / ratio, gsd / 2), rel=1e-4)
    assert abs((ship.heading_deg[0] - heading + 90) % 180 - 90) < 0.01
    assert 0 <= ship.heading_deg[0] < 180
    np.testing.assert_allclose(ship.lonlat[0], [129.0, lat], atol=1e-9)
    assert shapely.Polygon(ship.corners_lonlat[0]).contains(shapely.Point(129.0, lat))


def test_the_models_bias_comes_off_and_its_errors_become_metres():
    card = metadata(length_bias_px=0.5, length_sd_px=1.0, length_sd_fraction=0.02, beam_bias_px=-1.0, beam_sd_px=2.0)
    boxes = Boxes.from_xywhr([[0, 0, 100 / 3, 15 / 3, 0.0]])

    ship = measure(boxes, plane_at(133, 42, 3.0), working_gsd_m=3.0, sensor_px=1.0, metadata=card)

    assert ship.length_m[0] == pytest.approx(98.5, abs=0.01)
    assert ship.length_sd_m[0] == pytest.approx(np.hypot(3.0, 2.0), abs=0.01)
    assert ship.beam_m[0] == pytest.approx(18.0, abs=0.01)
    assert ship.beam_sd_m[0] == pytest.approx(6.0)


def test_a_bias_never_makes_a_ship_vanish():
    card = metadata(length_bias_px=2.0, beam_bias_px=2.0)
    boxes = Boxes.from_xywhr([[0, 0, 2.5, 1.0, 0.0]])

    ship = measure(boxes, plane_at(133, 42, 10.0), working_gsd_m=10.0, sensor_px=1.0, metadata=card)

    assert ship.length_m[0] == pytest.approx(5.0, abs=0.1)
    assert ship.beam_m[0] == pytest.approx(5.0)


def test_class_scores_become_probabilities():
    boxes = Boxes.from_xywhr([[0, 0, 9, 3, 0]], [0.6], [0], np.float32([[0.6, 0.3, 0.3]]))

    np.testing.assert_allclose(class_probabilities(boxes, ("tanker", "cargo", "other")), [[0.5, 0.25, 0.25]], rtol=1e-6)


def test_without_class_scores_the_called_class_gets_its_score():
    boxes = Boxes.from_xywhr([[0, 0, 9, 3, 0]] * 2, [0.7, 0.4], [0, 2])

    np.testing.assert_allclose(
        class_probabilities(boxes, ("tanker", "cargo", "other")), [[0.7, 0.15, 0.15], [0.3, 0.3, 0.4]]
    )


def test_unknown_ships_may_be_tankers():
    classes = ("tanker", "cargo", "other", "unknown")
    probabilities = np.array([[0.1, 0.0, 0.0, 0.9], [0.7, 0.2, 0.1, 0.0]])

    np.testing.assert_allclose(tanker_probability(probabilities, classes), [0.4, 0.7])
    np.testing.assert_allclose(tanker_probability(np.ones((2, 1)), ("ship",)), [0.0, 0.0])


def test_many_ships_are_described_in_blocks_as_each_alone(tmp_path):
    path = write(tmp_path / "sea.tif", np.full((3, 8, 8), 40, np.uint8), crs="EPSG:32652", transform=SQUARE)
    grid = TileGrid.plan(open_scene(path), gsd_m=3.0, tile_px=320, overlap_m=400)
    rng = np.random.default_rng(0)
    n = 5000
    sides = np.column_stack([rng.uniform(20, 90, n), rng.uniform(4, 15, n), rng.uniform(0, 3, n)])
    boxes = Boxes.from_xywhr(np.column_stack([rng.uniform(0, 9000, (n, 2)), sides]), rng.uniform(0.2, 0.9, n))
    cut = rng.uniform(size=n) < 0.1

    tracemalloc.start()
    try:
        ships = describe(boxes, cut, grid, metadata())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert ships.detection_id.tolist() == [f"sea-{i:05d}" for i in range(1, n + 1)]
    assert ships.crs.to_epsg() == 4326
    assert (ships.dtypes == empty_detections().dtypes).all()
    few = np.array([0, 1999, 2000, 4711, n - 1])
    alone = describe(boxes.select(few), cut[few], grid, metadata())
    said = ships.iloc[few].reset_index(drop=True)
    pd.testing.assert_frame_equal(said.drop(columns="detection_id"), alone.drop(columns="detection_id"))
    assert peak < 800 * n  # bytes; 1150 when all are described at once


def test_an_aoi_is_four_numbers_or_a_file(tmp_path):
    square = shapely.box(132.96, 42.70, 133.10, 42.785)
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps(shapely.geometry.mapping(square)))

    assert read_aoi("132.96,42.70,133.10,42.785").equals(square)
    assert read_aoi(str(path)).equals(square)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("133,42,134", "neither a file nor four numbers"),
        ("no-such-file.geojson", "neither a file nor four numbers"),
        ("133.1,42.7,132.9,42.8", "not a box on Earth"),
        ("42.7,132.96,42.785,133.10", "not a box on Earth"),
    ],
)
def test_an_aoi_that_is_none_is_refused(text, message):
    with pytest.raises(BerthwatchError, match=message):
        read_aoi(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not a map", "cannot be read as a vector file"),
        (json.dumps({"type": "Point", "coordinates": [133, 42]}), "holds no polygon"),
    ],
)
def test_an_aoi_file_without_polygons_is_refused(tmp_path, content, message):
    path = tmp_path / "area.geojson"
    path.write_text(content)

    with pytest.raises(BerthwatchError, match=message):
        read_aoi(str(path))
