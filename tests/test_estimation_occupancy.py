"""A berth is occupied by a ship that lies as a moored ship lies, vacant when seen empty, unobserved otherwise."""

import numpy as np
import pytest
import shapely
from estimation_scenes import BERTH, CLOUDED, FRAME, PORT, Ship, detections, record, watched
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.port import Berth, load_port
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.occupancy import BerthFrame, observe_berths

RECALL = load_cargo().detector.recall


def observe(ships, observed=None):
    rows = observe_berths(PORT, [record("s", 0, observed=observed)], detections({"s": (0, ships)}), recall=RECALL)
    return rows.iloc[0]


def part_of_berth(share):
    """What a scene shows that a cloud hides from a share of the berth's length on."""
    half = FRAME.length_m / 2
    end = -half + share * 2 * half
    corners = FRAME.to_lonlat(np.array([(-half, -50), (-half, 50), (end, 50), (end, -50)]))
    return shapely.MultiPolygon([shapely.Polygon(corners)])


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
    row = observe([], observed=part_of_berth(share) if share else CLOUDED)

    assert row["state"] == state
    assert row["observed_fraction"] == pytest.approx(share, abs=0.01)
    assert np.isnan(row["miss_probability"]) == (state == "unobserved")


def test_ship_found_in_a_gap_of_the_clouds_counts():
    row = observe([Ship(length_m=80, u=-30)], observed=part_of_berth(0.5))

    assert row["state"] == "occupied"
    assert row["observed_fraction"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("observed", [CLOUDED, part_of_berth(0.1)])
def test_ship_found_where_the_mask_hides_her_is_no_clear_look(observed):
    row = observe([Ship()], observed=observed)

    assert row["state"] == "unobserved"
    assert np.isnan(row["miss_probability"])
    assert row["detection_ids"] == ["s-0"]


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


def beside(first, u, v=0.0):
    """A copy of the Vostochny berth, moved by u and v metres."""
    corners = FRAME.to_lonlat(FRAME.to_uv(np.array(BERTH.polygon)) + np.array([u, v]))
    return Berth.model_validate(first.model_dump() | {"id": "oil-2", "polygon": corners.tolist()})


TWO_BERTHS = PORT.model_copy(update={"berths": (BERTH, beside(BERTH, FRAME.length_m + 1))})


@pytest.mark.parametrize(("u", "owner"), [(60, "oil-1"), (90, "oil-2"), (75, "oil-1"), (78, "oil-1")])
def test_ship_across_two_berths_lies_at_one_and_blocks_the_other(u, owner):
    # 200 m at u = 60: 115 m at the first berth (-75 to 75), 84 m at the second (76 to 226).
    rows = observe_berths(
        TWO_BERTHS, [record("s", 0)], detections({"s": (0, [Ship(length_m=200, u=u)])}), recall=RECALL
    ).set_index("berth_id")

    other = "oil-2" if owner == "oil-1" else "oil-1"
    assert rows.loc[owner, ["state", "detection_ids", "blocking_ids"]].tolist() == ["occupied", ["s-0"], []]
    assert rows.loc[other, ["state", "detection_ids", "rafted_ids"]].tolist() == ["unobserved", [], []]
    assert rows.loc[other, "blocking_ids"] == ["s-0"]
    assert np.isnan(rows.loc[other, "miss_probability"])


def test_two_ships_at_two_berths_lie_at_one_each():
    ships = [Ship(length_m=140), Ship(length_m=140, u=FRAME.length_m + 1)]

    rows = observe_berths(TWO_BERTHS, [record("s", 0)], detections({"s": (0, ships)}), recall=RECALL)

    assert rows["detection_ids"].tolist() == [["s-0"], ["s-1"]]
    assert rows["blocking_ids"].tolist() == [[], []]


def test_ship_between_the_berths_of_a_narrow_dock_lies_at_the_nearer_and_is_rafted_at_none():
    dock = PORT.model_copy(update={"berths": (BERTH, beside(BERTH, 0, FRAME.width_m + 1))})
    ships = [Ship(v=29, length_m=85), Ship(v=45)]

    rows = observe_berths(dock, [record("s", 0)], detections({"s": (0, ships)}), recall=RECALL)

    counted = [*rows["detection_ids"].explode().dropna(), *rows["rafted_ids"].explode().dropna()]
    assert sorted(counted) == ["s-0", "s-1"]


@given(st.floats(0.71, 0.99), st.floats(0.71, 0.99))
def test_the_less_of_an_empty_berth_shows_the_less_the_look_is_worth(a, b):
    low, high = sorted((a, b))

    less, more, whole = (observe([], observed=part_of_berth(share))["miss_probability"] for share in (low, high, 1.0))

    assert whole <= more <= less
    # Of the ships found in a clear look those in the hidden part are missed.
    assert 1 - less == pytest.approx((1 - whole) * low, abs=0.01)


def test_a_ship_found_beside_a_cloud_is_no_likelier_a_false_alarm():
    clear, cloudy = observe([Ship()]), observe([Ship()], observed=part_of_berth(0.75))

    assert cloudy["miss_probability"] == clear["miss_probability"]
