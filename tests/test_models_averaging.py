"""Boxes of one ship are averaged; neighbours keep to themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.models.averaging import averaged
from berthwatch.models.boxes import Boxes
from berthwatch.models.merge import kept_indexes


def boxes_of(rows: list[tuple[float, float, float, float, float]], scores: list[float]) -> Boxes:
    return Boxes.from_xywhr(np.array(rows), np.array(scores), np.zeros(len(rows), int))


def test_the_mean_is_weighted_by_the_square_of_the_score() -> None:
    boxes = boxes_of([(100, 50, 90, 20, 0.0), (103, 50, 96, 20, 0.0)], [0.8, 0.4])

    ship = averaged(boxes, kept_indexes(boxes))

    assert len(ship) == 1
    assert ship.scores[0] == 0.8
    # 0.64 and 0.16: four parts to one.
    assert ship.xywha[0] == pytest.approx([100.6, 50, 91.2, 20, 0.0])


def test_angles_on_both_sides_of_zero_average_across_it() -> None:
    one_degree = np.deg2rad(1)
    boxes = boxes_of([(0, 0, 90, 20, one_degree), (0, 0, 90, 20, np.pi - one_degree)], [0.5, 0.5])

    (angle,) = averaged(boxes, kept_indexes(boxes)).xywha[:, 4]

    assert min(angle, np.pi - angle) < 1e-9
    assert 0 <= angle < np.pi


@given(angle=st.floats(0, np.pi), seed=st.integers(0, 2**16), noise=st.floats(0.0, 2.0))
@settings(deadline=None)
def test_hulls_side_by_side_stay_apart_and_true(angle: float, seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    across = np.array([-np.sin(angle), np.cos(angle)])
    centres = np.array([300.0, 300.0]) + np.outer([0, 16.5, 33], across)
    rows = [(*(centre + rng.normal(0, noise * 0.3, 2)), 83 + rng.normal(0, noise), 15, angle)
            for centre in centres for _ in range(20)]  # fmt: skip
    boxes = boxes_of(rows, list(rng.uniform(0.5, 0.9, len(rows))))

    ships = averaged(boxes, kept_indexes(boxes))

    assert len(ships) == 3
    nearest = np.abs(ships.xywha[:, None, :2] - centres).sum(2).argmin(1)
    assert sorted(nearest) == [0, 1, 2]
    # Twenty boxes, weights within a factor of 3.3: the mean's error is about a quarter of one box's.
    assert np.abs(ships.xywha[:, 2] - 83).max() <= 1.6 * noise + 1e-6


@given(seed=st.integers(0, 2**16))
@settings(deadline=None)
def test_a_lone_box_and_one_that_only_overlaps_a_part_stay_as_they_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = (*rng.uniform(50, 500, 2), rng.uniform(40, 120), rng.uniform(8, 30), rng.uniform(0, np.pi))
    half = (row[0], row[1], row[2] * 0.5, row[3], row[4])
    boxes = boxes_of([row, half], [0.9, 0.6])

    (ship,) = averaged(boxes, kept_indexes(boxes)).xywha

    assert ship == pytest.approx(boxes.xywha[0])


def test_a_faint_box_and_one_that_lies_crosswise_have_no_say() -> None:
    faint = boxes_of([(0, 0, 90, 20, 0.0), (0, 0, 110, 20, 0.0)], [0.8, 0.39])
    crosswise = boxes_of([(0, 0, 12, 10, 0.0), (0, 0, 12, 10, np.pi / 2)], [0.8, 0.8])

    for boxes in (faint, crosswise):
        (ship,) = averaged(boxes, kept_indexes(boxes)).xywha
        assert ship == pytest.approx(boxes.xywha[0])
