"""Boxes to metres, classes to probabilities, areas from the command line."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from inference_scenes import metadata
from pyproj import Geod

from berthwatch.errors import BerthwatchError
from berthwatch.inference.aoi import read_aoi
from berthwatch.inference.describe import class_probabilities, tanker_probability
from berthwatch.inference.measure import measure
from berthwatch.models.boxes import Boxes

GEOD = Geod(ellps="WGS84")


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
