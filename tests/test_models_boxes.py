"""Oriented boxes: one convention, reached from any other without moving a corner."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from berthwatch.models.boxes import Boxes, half_turn

coordinate = st.floats(-1e5, 1e5)
side = st.floats(0.5, 800.0)
turn = st.floats(-20.0, 20.0)
xywhr = st.lists(st.tuples(coordinate, coordinate, side, side, turn), min_size=1, max_size=20).map(np.array)


def corners_of(box):
    """Corners by the definition: the width runs along the angle, y down."""
    x, y, w, h, angle = box
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[x + u * w / 2 * c - v * h / 2 * s, y + u * w / 2 * s + v * h / 2 * c]
                     for u, v in [(1, 1), (-1, 1), (-1, -1), (1, -1)]])  # fmt: skip


def same_corner_sets(a, b, tolerance=1e-6):
    gaps = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return gaps.min(axis=0).max() < tolerance and gaps.min(axis=1).max() < tolerance


@given(xywhr)
def test_any_width_height_angle_becomes_long_short_angle_with_the_same_corners(given_boxes):
    boxes = Boxes.from_xywhr(given_boxes)
    assert (boxes.xywha[:, 2] >= boxes.xywha[:, 3]).all()
    assert (boxes.xywha[:, 4] >= 0).all()
    assert (boxes.xywha[:, 4] < np.pi).all()
    for given_box, corners in zip(given_boxes, boxes.corners(), strict=True):
        assert same_corner_sets(corners_of(given_box), corners)


@given(xywhr, st.integers(0, 3), st.booleans())
def test_corners_round_trip_from_any_start_and_either_way_round(given_boxes, start, backwards):
    boxes = Boxes.from_xywhr(given_boxes)
    corners = np.roll(boxes.corners(), start, axis=1)
    back = Boxes.from_corners(corners[:, ::-1] if backwards else corners)
    np.testing.assert_allclose(back.xywha[:, :4], boxes.xywha[:, :4], atol=1e-6)
    for a, b in zip(boxes.corners(), back.corners(), strict=True):
        assert same_corner_sets(a, b)


def test_a_ship_pointing_down_right_has_an_angle_of_45_degrees():
    boxes = Boxes.from_corners([[[0, 1], [1, 0], [11, 10], [10, 11]]])
    np.testing.assert_allclose(boxes.xywha, [[5.5, 5.5, 10 * 2**0.5, 2**0.5, np.pi / 4]])


def test_a_quadrilateral_gives_its_mean_sides():
    boxes = Boxes.from_corners([[[0, 0], [10, 0], [10, 2], [0, 4]]])
    assert boxes.xywha[0, 3] == pytest.approx(3.0)
    assert boxes.xywha[0, 2] == pytest.approx(10.05, abs=0.01)


@given(hnp.arrays(np.float64, 5, elements=st.floats(-1e6, 1e6)))
def test_half_turn_stays_below_pi(angles):
    reduced = half_turn(angles)
    assert (reduced >= 0).all()
    assert (reduced < np.pi).all()


def test_half_turn_of_a_hair_below_zero_is_zero_not_pi():
    assert half_turn(np.array([-1e-18]))[0] == 0.0


def test_a_centre_on_a_shared_border_belongs_to_one_rectangle():
    boxes = Boxes.from_xywhr([[100.0, 50.0, 20, 5, 0.3]])
    assert not boxes.centres_inside(0, 0, 100, 100)[0]
    assert boxes.centres_inside(100, 0, 200, 100)[0]


def test_concat_keeps_order_and_class_scores():
    a = Boxes.from_xywhr([[0, 0, 4, 2, 0]], [0.5], [1], np.array([[0.1, 0.5]], np.float32))
    b = Boxes.from_xywhr([[9, 0, 4, 2, 0]], [0.7], [0], np.array([[0.7, 0.2]], np.float32))
    both = Boxes.concat([a, Boxes.empty(2), b])
    assert both.scores.tolist() == [0.5, 0.7]
    assert both.class_ids.tolist() == [1, 0]
    np.testing.assert_array_equal(both.class_scores, np.array([[0.1, 0.5], [0.7, 0.2]], np.float32))
    assert Boxes.concat([a, Boxes.from_xywhr([[0, 0, 1, 1, 0]])]).class_scores is None
    assert len(Boxes.concat([])) == 0


def test_shifted_moves_centres_only():
    boxes = Boxes.from_xywhr([[1, 2, 4, 2, 0.5]]).shifted(100, -50)
    np.testing.assert_allclose(boxes.xywha, [[101, -48, 4, 2, 0.5]])


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="xywha"):
        Boxes(np.zeros((2, 5)), np.zeros(1), np.zeros(2, np.int64))
