"""Matching and AP, held against hand-counted cases and an independent reckoning."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.training.labels import ShipLabels
from berthwatch.training.metrics import FALSE_ALARM, NOT_COUNTED, average_precision, match_ships


def box(cx: float, cy: float, length: float = 40, beam: float = 8, angle: float = 0.0) -> np.ndarray:
    cos, sin = math.cos(angle), math.sin(angle)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [length / 2, beam / 2]
    return half @ np.array([[cos, sin], [-sin, cos]]) + [cx, cy]


def ships(*corners: np.ndarray, difficult: tuple[bool, ...] | None = None) -> ShipLabels:
    flags = np.array(difficult if difficult else [False] * len(corners), bool)
    return ShipLabels(np.array(corners).reshape(-1, 4, 2), ("tanker",) * len(corners), flags)


def test_a_ship_found_twice_is_found_once_and_raises_one_false_alarm():
    found = np.stack([box(0, 0), box(1, 0), box(100, 100)])

    matches = match_ships(found, np.array([0.6, 0.9, 0.5]), ships(box(0, 0), box(200, 0)))

    assert matches.label_of.tolist() == [FALSE_ALARM, 0, FALSE_ALARM]
    assert matches.recall == 0.5
    assert matches.precision == pytest.approx(1 / 3)


def test_moored_neighbours_are_told_apart_at_any_heading():
    for angle in np.linspace(0, math.pi, 7):
        across = np.array([-math.sin(angle), math.cos(angle)]) * 9
        row = [box(*(k * across), angle=angle) for k in range(4)]

        matches = match_ships(np.stack(row[::-1]), np.full(4, 0.5), ships(*row))

        assert matches.label_of.tolist() == [3, 2, 1, 0]


def test_difficult_and_short_ships_count_neither_for_nor_against():
    labels = ships(box(0, 0), box(100, 0), box(200, 0, length=10, beam=3), difficult=(False, True, False))
    found = np.stack([box(100, 0), box(200, 0, length=10, beam=3), box(300, 0, length=12, beam=3), box(400, 0)])

    matches = match_ships(found, np.full(4, 0.9), labels, min_length=20)

    assert matches.label_of.tolist() == [NOT_COUNTED, NOT_COUNTED, NOT_COUNTED, FALSE_ALARM]
    assert matches.counted.tolist() == [True, False, False]
    assert matches.recall == 0.0


def test_nothing_found_and_nothing_there_are_both_answered():
    nothing = np.zeros((0, 4, 2))

    assert match_ships(nothing, np.zeros(0), ships(box(0, 0))).recall == 0.0
    assert math.isnan(match_ships(nothing, np.zeros(0), ships()).recall)
    assert match_ships(np.stack([box(0, 0)]), np.ones(1), ships()).precision == 0.0


def test_average_precision_of_a_known_curve():
    # Hits at ranks 1, 3, 4 of 4 ships: precision envelope 1, 3/4, 3/4 -> (1 + 0.75 + 0.75) / 4.
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])

    assert average_precision(scores, np.array([True, False, True, True, False]), 4) == pytest.approx(0.625)


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=30, unique_by=lambda pair: pair[0])
)
def test_average_precision_equals_the_integral_taken_step_by_step(detections):
    scores = np.array([score / 1000 for score, _ in detections])
    true = np.array([hit for _, hit in detections])
    ships_there = int(true.sum()) + 2

    ranked = true[np.argsort(-scores)]
    area = 0.0
    for rank in range(len(ranked)):
        if ranked[rank]:
            area += max(ranked[: k + 1].sum() / (k + 1) for k in range(rank, len(ranked))) / ships_there

    assert average_precision(scores, true, ships_there) == pytest.approx(area)
