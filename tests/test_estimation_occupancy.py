"""A berth is occupied by a ship that lies as a moored ship lies, vacant when seen empty, unobserved otherwise."""

import numpy as np
import pytest
import shapely
from estimation_scenes import BERTH, CLOUDED, FRAME, PORT, Ship, detections, record, watched
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.port import load_port
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.occupancy import BerthFrame, observe_berths

RECALL = load_cargo().detector.recall


def observe(ships, observed=None):
    rows = observe_berths(PORT, [record("s", 0, observed=observed)], detections({"s": (0, ships)}), recall=RECALL)
    return rows.iloc[0]


def test_frame_of_the_vostochny_berth_is_150_by_40_metres():
    assert FRAME.length_m == pytest.approx(150, abs=0.5)
    assert FRAME.width_m == pytest.approx(40, abs=0.5)


@given(st.floats(-600, 600), st.floats(-600, 600))
def test_frame_goes_there_and_back(u, v):
    uv = np.array([[u, v]])

    assert FRAME.to_uv(FRAME.to_lonlat(uv)) == pytest.approx(uv, abs=1e-6)


def test_frame_keeps_geodesic_distances_within_500_m():
    from pyproj import Geod

    (lon, lat) = FRAME.to_lonlat(np.array([[300.0, 400.0]]))[0]

    assert Geod(ellps="WGS84").inv(FRAME.lon, FRAME.lat, lon, lat)[2] == pytest.approx(500, abs=0.2)


def test_ship_on_the_axis_is_alongside():
    row = observe([Ship()])

    assert row["state"] == "occupied"
    assert row["detection_ids"] == ["s-0"]


@pytest.mark.parametrize(
    ("ship", "why"),
    [
        (Ship(v=60), "too far from the quay line"),
        (Ship(off_deg=50), "not parallel to the quay"),
        (Ship(u=150), "beyond the end of the berth, 15 m of 90 m alongside at most"),
        (Ship(length_m=25), "a tug"),
        (Ship(u=900), "elsewhere"),
    ],
)
def test_ship_that_does_not_lie_as_a_moored_one_is_not_alongside(ship, why):
    assert observe([ship])["state"] == "vacant", why


def test_ship_with_her_centre_off_the_polygon_but_well_alongside_counts():
    # A 110 m ship whose middle is 25 m off the axis: centre outside the 40 m wide polygon, within position error.
    assert observe([Ship(length_m=110, v=25)])["state"] == "occupied"


def test_heading_is_taken_modulo_180():
    assert observe([Ship(off_deg=180)])["state"] == "occupied"


def test_rafted_ship_is_told_from_the_one_alongside_and_from_one_passing():
    row = observe([Ship(v=2), Ship(v=20, length_m=85), Ship(v=120)])

    assert row["detection_ids"] == ["s-0"]
    assert row["rafted_ids"] == ["s-1"]
    assert row["nearby_ids"] == ["s-2"]


@pytest.mark.parametrize(
    ("share", "state"), [(0.0, "unobserved"), (0.5, "unobserved"), (0.8, "vacant"), (1.0, "vacant")]
)
def test_berth_hidden_in_part_is_vacant_only_when_enough_of_it_shows(share, state):
    half = FRAME.length_m / 2
    corners = FRAME.to_lonlat(
        np.array([(-half, -50), (-half, 50), (-half + share * 2 * half, 50), (-half + share * 2 * half, -50)])
    )
    area = shapely.MultiPolygon([shapely.Polygon(corners)]) if share else CLOUDED

    row = observe([], observed=area)

    assert row["state"] == state
    assert row["observed_fraction"] == pytest.approx(share, abs=0.01)
    assert np.isnan(row["miss_probability"]) == (state == "unobserved")


def test_ship_found_in_a_gap_of_the_clouds_counts():
    assert observe([Ship()], observed=CLOUDED)["state"] == "occupied"


def test_scene_that_misses_the_port_leaves_every_berth_unobserved():
    elsewhere = shapely.MultiPolygon([shapely.box(131, 43, 131.1, 43.1)])
    port = load_port("long-beach")

    rows = observe_berths(port, [record("s", 0, observed=elsewhere)], detections({}), recall=RECALL)

    assert set(rows["state"]) == {"unobserved"}
    assert len(rows) == len(port.berths)


def test_coarser_pixels_miss_more():
    rows = observe_berths(PORT, [record("fine", 0), record("coarse", 1, gsd_m=10)], detections({}), recall=RECALL)

    fine, coarse = rows["miss_probability"]
    assert 0 < fine < coarse < 1


def test_rows_come_in_order_of_time_whatever_the_order_given():
    records, found = watched({3: [Ship()], 1: [], 2: None})

    rows = observe_berths(PORT, records, found, recall=RECALL)

    assert list(rows["scene_id"]) == ["s1", "s2", "s3"]
    assert list(rows["state"]) == ["vacant", "unobserved", "occupied"]


def test_scene_without_time_says_what_to_do():
    with pytest.raises(BerthwatchError, match="acquired-at"):
        observe_berths(PORT, [record("s", None)], detections({}), recall=RECALL)


def test_scene_given_twice_is_refused():
    with pytest.raises(BerthwatchError, match="s comes twice"):
        observe_berths(PORT, [record("s", 0), record("s", 1)], detections({}), recall=RECALL)


def test_every_long_beach_berth_has_a_frame_as_long_as_was_drawn():
    lengths = {b.id: BerthFrame.of(b).length_m for b in load_port("long-beach").berths}

    assert lengths["LB-T-oil-VLCC"] == pytest.approx(360, abs=3)
    assert lengths["LB-E-container"] == pytest.approx(858, abs=3)
    assert BERTH.approximate
