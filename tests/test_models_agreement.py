"""When one runtime's ships may stand for another's."""

import numpy as np
import pytest
from models_cases import corner_distance

from berthwatch.models.agreement import agreement, corner_shifts
from berthwatch.models.boxes import Boxes


def fleet(n=20, *, score=0.6, shift=0.0, seed=0):
    """n hulls far from each other, moved by `shift` pixels."""
    rng = np.random.default_rng(seed)
    centres = np.stack(np.meshgrid(np.arange(5), np.arange(4)), axis=-1).reshape(-1, 2)[:n] * 120.0 + 60 + shift
    shape = np.column_stack([np.full(n, 80.0), np.full(n, 13.0), rng.uniform(0, np.pi, n)])
    return Boxes.from_xywhr(np.column_stack([centres, shape]), np.full(n, score))


def test_the_same_boxes_agree_in_full():
    found = agreement([fleet(), Boxes.empty()], [fleet(), Boxes.empty()], threshold=0.25)

    assert (found.ships, found.missing, found.shift_px, found.score_change) == (20, 0, 0.0, 0.0)
    assert found.holds()


def test_a_box_that_begins_at_the_other_corner_is_the_same_box():
    turned = fleet()
    turned.xywha[:, 4] += np.pi

    assert agreement([fleet()], [turned], threshold=0.25).shift_px == pytest.approx(0, abs=1e-9)


def test_a_hulls_shift_is_that_of_the_corner_that_moved_farthest_whichever_comes_first():
    hulls, moved = fleet(), fleet()
    moved.xywha[:] += np.random.default_rng(1).normal(0, [0.5, 0.5, 0.8, 0.4, 0.02], (20, 5))
    moved.xywha[::2, 4] += np.pi

    np.testing.assert_allclose(corner_shifts(hulls, moved), corner_distance(hulls, moved), atol=1e-9)


@pytest.mark.parametrize(
    ("change", "holds"),
    [({"shift": 0.6}, True), ({"shift": 0.8}, False), ({"score": 0.62}, True), ({"score": 0.64}, False)],
    ids=["0.85 px", "1.13 px", "0.02 of score", "0.04 of score"],
)
def test_ships_may_differ_by_a_pixel_and_by_three_hundredths(change, holds):
    found = agreement([fleet()], [fleet(**change)], threshold=0.25)

    assert found.ships == 20
    assert found.holds() is holds


def test_one_ship_of_twenty_may_be_shown_by_another_box_of_its_hull():
    other = fleet()
    other.xywha[3, :2] += 2.0

    found = agreement([fleet()], [other], threshold=0.25)

    assert found.missing == 0
    assert found.holds()


@pytest.mark.parametrize("how", ["they lie elsewhere", "they score otherwise"])
def test_three_ships_of_twenty_may_not_differ(how):
    other = fleet()
    if how == "they lie elsewhere":
        other.xywha[:3, :2] += 2.0
    else:
        other.scores[:3] += 0.1

    found = agreement([fleet()], [other], threshold=0.25)

    assert (found.ships, found.missing) == (20, 0)
    assert not found.holds()


@pytest.mark.parametrize(("score", "missing"), [(0.29, 0), (0.31, 1)])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_ship_that_one_alone_sees_counts_unless_it_is_at_the_threshold(score, missing, swapped):
    extra = Boxes.concat([fleet(), Boxes.from_xywhr([[560.0, 560.0, 50.0, 9.0, 0.3]], [score])])
    pair = ([extra], [fleet()]) if swapped else ([fleet()], [extra])

    found = agreement(*pair, threshold=0.25)

    assert (found.ships, found.missing) == (20, missing)
    assert found.holds() is (missing == 0)


def test_where_there_is_no_ship_nothing_is_proven():
    assert not agreement([Boxes.empty()], [Boxes.empty()], threshold=0.25).holds()
    assert not agreement([], [], threshold=0.25).holds()


def test_neighbours_side_by_side_are_not_taken_for_each_other():
    row = Boxes.from_xywhr([[100, 100 + 14 * i, 80, 13, 0.0] for i in range(4)], np.full(4, 0.7))

    found = agreement([row], [row.select(np.array([0, 2, 3]))], threshold=0.25)

    assert (found.ships, found.missing) == (3, 1)
