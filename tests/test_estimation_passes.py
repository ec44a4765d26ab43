"""Looks at a berth in one pass of a satellite are one look, in however many scenes the pass comes."""

from dataclasses import replace
from datetime import timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from estimation_scenes import CLOUDED, FRAME, PORT, Ship, at_day, detections, record, watched
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from berthwatch.configs.cargo import load_cargo
from berthwatch.estimation.estimate import Estimate, estimate
from berthwatch.estimation.occupancy import observe_berths
from berthwatch.estimation.passes import ONE_PASS_S, looks_of_one_pass

CARGO = load_cargo()
MINUTE = 1 / 1440
LOOKS: dict[float, list[Ship] | None] = {
    0: [], 2: None, 3: [Ship(88)], 4: [Ship(90)], 5: [], 10: [Ship(105)], 13: [], 16: [], 20: [Ship(95, tanker=0.6)],
    24: [],
}  # fmt: skip


def observe(records, ships=None) -> pd.DataFrame:
    """Looks at the one berth by scene id; ships: scene id -> (day, ships)."""
    return observe_berths(PORT, records, detections(ships or {}), recall=CARGO.detector.recall).set_index("scene_id")


def strip(low: float, high: float) -> shapely.MultiPolygon:
    """What a strip shows that covers the berth from one share of its length to another, and all beside it."""
    (u0, u1), v = (np.array([low, high]) - 0.5) * FRAME.length_m, 200
    return shapely.MultiPolygon([shapely.Polygon(FRAME.to_lonlat(np.array([(u0, -v), (u0, v), (u1, v), (u1, -v)])))])


def run(records, ships: gpd.GeoDataFrame) -> Estimate:
    return estimate(PORT, records, ships, CARGO, period=(at_day(-1), at_day(25)), draws=400, seed=3)


def again(records, ships: gpd.GeoDataFrame, name: str, seconds: float):
    """The same scenes once more, named otherwise and taken later."""
    later = timedelta(seconds=seconds)
    return (
        [replace(r, scene_id=f"{r.scene_id}-{name}", acquired_at=r.acquired_at + later) for r in records],
        ships.assign(
            scene_id=ships["scene_id"] + f"-{name}",
            detection_id=ships["detection_id"] + f"-{name}",
            acquired_at=ships["acquired_at"] + later,
        ),
    )


# ---- what comes of it


@pytest.mark.parametrize("copies", [{"l2a": 0.0}, {"strip": 20.0}, {"strip": 0.5, "tile": 20.0, "l2a": 0.0}])
def test_scenes_that_come_several_times_change_no_visit_and_no_barrel(copies):
    records, ships = watched(LOOKS)
    more = [again(records, ships, name, seconds) for name, seconds in copies.items()]

    once = run(records, ships)
    several = run([*records, *(r for copy, _ in more for r in copy)], pd.concat([ships, *(s for _, s in more)]))

    assert len(several.observations) == (1 + len(copies)) * len(once.observations)
    for table in ("visits", "loadings", "totals", "by_size_class"):
        assert_frame_equal(getattr(several, table), getattr(once, table))
    assert_frame_equal(several.throughput.drop(columns="n_looks"), once.throughput.drop(columns="n_looks"))
    assert_frame_equal(several.ledger.by_date, once.ledger.by_date)
    assert_frame_equal(several.ledger.by_year, once.ledger.by_year)
    assert several.warnings == once.warnings


def test_looks_of_two_passes_count_each():
    records, ships = watched(LOOKS)
    later, later_ships = again(records, ships, "next", 11 * 60)

    twice = run([*records, *later], pd.concat([ships, later_ships]))

    assert twice.throughput["n_clear"].item() == 2 * run(records, ships).throughput["n_clear"].item()
    assert twice.visits["n_sightings"].tolist() == [4, 2, 2]


# ---- which look stands


@pytest.mark.parametrize(("minutes", "clear"), [(0, 1), (1 / 3, 1), (9.9, 1), (11, 2), (95, 2)])
def test_looks_within_ten_minutes_are_one(minutes, clear):
    looks = observe([record("a", 0), record("b", minutes * MINUTE)])

    assert (looks["state"] == "vacant").sum() == clear
    assert looks["miss_probability"].notna().sum() == clear


def test_the_scene_that_shows_most_of_the_berth_stands_and_the_others_name_it():
    strips = {"a": strip(-1, 0.75), "b": strip(-1, 1.0), "c": strip(0.2, 2.0)}

    looks = observe([record(name, i / 8640, observed=shown) for i, (name, shown) in enumerate(strips.items())])

    assert looks["state"].to_dict() == {"a": "unobserved", "b": "vacant", "c": "unobserved"}
    assert looks["same_pass_as"].to_dict() == {"a": "b", "b": None, "c": "b"}
    assert looks["observed_fraction"].tolist() == pytest.approx([0.75, 1.0, 0.8], abs=0.01)


def test_of_scenes_that_show_as_much_the_finest_stands_then_the_first_by_name():
    fine = observe([record("a", 0, gsd_m=10), record("b", 0, gsd_m=3)])
    alike = observe([record("b", 0), record("a", MINUTE)])

    assert fine["same_pass_as"].to_dict() == {"a": "b", "b": None}
    assert alike["same_pass_as"].to_dict() == {"b": "a", "a": None}


def test_outlines_that_differ_by_less_than_a_hundredth_show_as_much():
    looks = observe([record("a", 0, gsd_m=10), record("b", 0, gsd_m=3, observed=strip(-1, 0.9999))])

    assert looks["state"].to_dict() == {"a": "unobserved", "b": "vacant"}


@pytest.mark.parametrize("ship_in", ["a", "b"])
def test_a_ship_in_one_scene_of_the_pass_does_not_settle_which_stands(ship_in):
    looks = observe([record("a", 0), record("b", 0)], {ship_in: (0, [Ship()])})

    assert looks.loc["a", "state"] == ("occupied" if ship_in == "a" else "vacant")
    assert looks.loc["b", "state"] == "unobserved"
    assert looks.loc[ship_in, "detection_ids"] == [f"{ship_in}-0"]


def test_a_ship_that_only_the_scene_that_does_not_count_shows_is_told():
    records = [record("a", 0), record("b", 0), record("c", 1), record("d", 1)]
    found = detections({"b": (0, [Ship()]), "c": (1, [Ship()]), "d": (1, [Ship()])})

    warnings = run(records, found).warnings

    (told,) = [w for w in warnings if "one scene and none in another of the same pass" in w]
    assert told.startswith("A ship was found alongside berth oil-1 (1 scene) in one scene")
    assert not any("hides her" in w for w in warnings)


def test_a_scene_under_cloud_takes_no_part():
    looks = observe([record("a", 0, observed=CLOUDED), record("b", 0, observed=strip(0.25, 2)), record("c", MINUTE)])

    assert looks["state"].to_dict() == {"a": "unobserved", "b": "unobserved", "c": "vacant"}
    assert looks["same_pass_as"].to_dict() == {"a": None, "b": "c", "c": None}


def test_a_scene_may_stand_at_one_berth_and_not_at_the_next():
    corners = FRAME.to_lonlat(FRAME.to_uv(np.array(PORT.berths[0].polygon)) + np.array([FRAME.length_m + 1, 0]))
    second = PORT.berths[0].model_validate(PORT.berths[0].model_dump() | {"id": "oil-2", "polygon": corners.tolist()})
    port = PORT.model_copy(update={"berths": (PORT.berths[0], second)})
    records = [record("left", 0, observed=strip(-1, 1.8)), record("right", 0, observed=strip(0.1, 3))]

    looks = observe_berths(port, records, detections({}), recall=CARGO.detector.recall)

    assert looks[looks["state"] == "vacant"].set_index("berth_id")["scene_id"].to_dict() == {
        "oil-1": "left",
        "oil-2": "right",
    }


@given(
    st.lists(
        st.tuples(st.integers(0, 3600), st.booleans(), st.sampled_from([0.7, 0.8, 1.0]), st.sampled_from([3.0, 10.0])),
        max_size=30,
    )
)
def test_no_two_looks_that_stand_are_of_one_pass_and_each_other_has_one_that_shows_as_much(looks):
    at_s, clear, shown, gsd_m = (
        (np.array(column) for column in zip(*looks, strict=True)) if looks else [np.empty(0)] * 4
    )
    ids = [f"s{i:02d}" for i in range(len(looks))]

    stands_for = looks_of_one_pass(at_s.astype(float), clear.astype(bool), shown, gsd_m, ids)

    stand = [i for i in np.flatnonzero(clear) if i not in stands_for]
    assert (np.diff(np.sort(at_s[stand])) > ONE_PASS_S).all()
    for i, scene_id in stands_for.items():
        j = ids.index(scene_id)
        assert clear[i]
        assert j in stand
        assert abs(at_s[i] - at_s[j]) <= ONE_PASS_S
        assert (-shown[j], gsd_m[j], ids[j]) < (-shown[i], gsd_m[i], ids[i])
