"""Breakdowns, confusions and reliability, on ships counted by hand."""

import numpy as np
import pytest
from evaluation_cases import detected, labels, open_busan, ship
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.training import evaluation_tables as tables
from berthwatch.training.evaluate import compare, judge
from berthwatch.training.evaluation_cases import worst_false_alarms, worst_misses


@pytest.fixture
def judged(tmp_path):
    """Two tankers (one missed), a bulk carrier called tanker, a ship of unknown kind, two false alarms; 8.2 m."""
    scene = open_busan(tmp_path)
    ships = ship(100, 50, 40, 7), ship(100, 100, 20, 4), ship(100, 150, 20, 4), ship(100, 200, 10, 2.5)
    found = [ships[0], ships[2], ships[3], ship(300, 50, 20, 4), ship(300, 200, 5, 2)]
    detections = detected(scene, found, scores=[0.9, 0.8, 0.35, 0.6, 0.1], tanker=[0.9, 0.7, 0.2, 0.6, 0.1])
    detections["vessel_class"] = ["tanker", "tanker", "cargo", "cargo", "other"]
    truth = labels(*ships, kinds=("tanker", "tanker", "bulk-carrier", "unknown"))
    return [compare(scene, truth, detections)], judge([compare(scene, truth, detections)], score_threshold=0.25)


def test_each_ship_counts_in_its_own_range_of_length(judged):
    by_length = tables.by_length_m(judged[1])

    assert {name: (row["ships"], row["found"], row["false_alarms"]) for name, row in by_length.items()} == {
        "60 to 100 m": (1, 1, 0),
        "150 to 200 m": (2, 1, 1),
        "300 m and over": (1, 1, 0),
    }
    assert {name: row["ships"] for name, row in tables.by_length_px(judged[1]).items()} == {
        "10 to 20 px": 1, "20 to 40 px": 2, "40 to 80 px": 1,
    }  # fmt: skip
    assert [*tables.by_gsd(judged[1])] == ["6 m and over"]


def test_scenes_are_told_by_name(judged):
    assert [*tables.by_name(judged[1], ["busan"])] == ["busan"]
    assert tables.by_name(judged[1], ["busan"])["busan"]["ships"] == 4


def test_a_class_is_found_and_named_and_unknown_kinds_count_neither_way(judged):
    by_class = tables.by_class(judged[1])

    tanker = by_class["tanker"]
    assert (tanker["ships"], tanker["found"], tanker["named"]) == (2, 1, 1)
    assert (tanker["recall"], tanker["precision"]) == (0.5, 0.5)  # one of the two called tanker is a bulk carrier
    cargo = by_class["cargo"]
    assert (cargo["ships"], cargo["found"], cargo["named"], cargo["precision"]) == (1, 1, 0, 0.0)
    assert tables.by_kind(judged[1])["tanker"] == {"ships": 2, "found": 1, "recall": 0.5, "called_tanker": 1}


def test_confusion_counts_every_ship_and_every_false_alarm(judged):
    assert tables.kind_confusion(judged[1]) == {
        "tanker": {"tanker": 1, "cargo": 0, "missed": 1},
        "cargo": {"tanker": 1, "cargo": 0, "missed": 0},
        "unknown": {"tanker": 0, "cargo": 1, "missed": 0},
        tables.NOTHING_THERE: {"tanker": 0, "cargo": 1, "missed": 0},
    }


def test_the_curve_ends_at_all_detections(judged):
    curve = tables.precision_recall_curve(judged[1])

    assert curve[0] == [0.9, 0.25, 1.0]
    assert curve[-1] == [0.1, 0.75, 0.6]


def test_reliability_of_a_known_case():
    told = tables.reliability_of(np.array([0.92, 0.98, 0.15, 0.15]), np.array([True, True, False, True]))

    assert told["bins"] == [
        {"claimed": 0.15, "true": 0.5, "count": 2},
        {"claimed": 0.95, "true": 1.0, "count": 2},
    ]
    assert told["ece"] == pytest.approx((2 * 0.35 + 2 * 0.05) / 4)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_reliability_stays_within_bounds_and_loses_nothing(pairs):
    told = tables.reliability_of(np.array([p for p, _ in pairs]), np.array([t for _, t in pairs]))

    assert 0 <= told["ece"] <= 1
    assert sum(part["count"] for part in told["bins"]) == len(pairs)


def test_the_worst_come_first(judged):
    comparisons, _ = judged

    (miss,) = worst_misses(comparisons, score_thresholds=[0.25], most=5)
    false = worst_false_alarms(comparisons, score_thresholds=[0.05], most=5)

    assert (miss.told, round(miss.length_px), round(miss.length_m, -1)) == ("tanker", 20, 160)
    assert [role for role, _ in miss.outlines].count("label") == 3
    assert [case.told for case in false] == ["called cargo with a score of 0.60", "called other with a score of 0.10"]
    assert len(worst_misses(comparisons, score_thresholds=[0.95], most=3)) == 3
