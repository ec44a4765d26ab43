"""Merging: exact against shapely and a brute-force oracle; no neighbour lost, no duplicate kept."""

import tracemalloc

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from berthwatch.models.boxes import Boxes
from berthwatch.models.merge import DEFAULT_IOS, DEFAULT_IOU, merge
from berthwatch.models.overlap import intersection_areas


def polygon(box: np.ndarray) -> shapely.Polygon:
    return shapely.Polygon(Boxes.from_xywhr(box[None]).corners()[0])


def brute_force(boxes: Boxes, iou: float, ios: float) -> tuple[list[int], bool]:
    """Greedy suppression as the textbook has it, on shapely areas; False if some overlap is on a threshold's edge."""

    def rank(i):
        x, y, long, short, angle = boxes.xywha[i]
        return -boxes.scores[i], y, x, long, short, angle

    order = sorted(range(len(boxes)), key=rank)
    polygons = [polygon(box) for box in boxes.xywha]
    tree = shapely.STRtree(polygons)
    kept: list[int] = []
    sure = True
    for i in order:
        for k in sorted(set(tree.query(polygons[i])) & set(kept)):
            shared = polygons[i].intersection(polygons[k]).area
            over_union = shared / (polygons[i].area + polygons[k].area - shared)
            over_smaller = shared / min(polygons[i].area, polygons[k].area)
            sure &= abs(over_union - iou) > 1e-9 and abs(over_smaller - ios) > 1e-9
            if over_union > iou or over_smaller > ios:
                break
        else:
            kept.append(i)
    return kept, sure


def moored_row(n: int, length: float, beam: float, gap: float, angle: float) -> np.ndarray:
    """n hulls side by side, each `gap` from the next, all at `angle`."""
    step = (beam + gap) * np.array([-np.sin(angle), np.cos(angle)])
    return np.array([[500 + k * step[0], 500 + k * step[1], length, beam, angle] for k in range(n)])


a_box = st.tuples(st.floats(0, 100), st.floats(0, 100), st.floats(5, 80), st.floats(2, 20), st.floats(0, np.pi)).map(
    np.array
)


@given(a_box, a_box)
def test_intersection_area_is_that_of_shapely(a, b):
    pair = Boxes.from_xywhr(np.array([a, b]))
    expected = polygon(a).intersection(polygon(b)).area
    assert intersection_areas(pair, np.array([0]), np.array([1]))[0] == pytest.approx(expected, abs=1e-7)


@given(a_box, st.sampled_from([0.0, 1e-16, 1e-12, 1e-9]), st.integers(0, 3))
def test_intersection_of_a_box_with_itself_a_hair_away_is_its_area(a, hair, quarter_turns):
    b = a + hair
    b[4] += quarter_turns * np.pi / 2
    b[2:4] = b[3:1:-1] if quarter_turns % 2 else b[2:4]
    pair = Boxes.from_xywhr(np.array([a, b]))
    area = intersection_areas(pair, np.array([0, 1]), np.array([1, 0]))
    np.testing.assert_allclose(area, a[2] * a[3], rtol=1e-6)


@given(st.floats(0, np.pi), st.floats(-1e7, 1e7))
def test_intersection_is_as_exact_far_from_the_origin(angle, far):
    pair = Boxes.from_xywhr(
        [[far, far, 100, 10, angle], [far + 5 * np.cos(angle), far + 5 * np.sin(angle), 100, 10, angle]]
    )
    assert intersection_areas(pair, np.array([0]), np.array([1]))[0] == pytest.approx(950, rel=1e-6)


@settings(deadline=None)
@given(
    st.lists(st.tuples(a_box, st.sampled_from([0.3, 0.5, 0.7, 0.9])), min_size=1, max_size=25),
    st.floats(0.05, 1.1),
    st.floats(0.05, 1.1),
)
def test_merge_keeps_what_brute_force_keeps(rows, iou, ios):
    xywhr = np.array([row[0] for row in rows])
    boxes = Boxes.from_xywhr(xywhr, [row[1] for row in rows])
    expected, sure = brute_force(boxes, iou, ios)
    assume(sure)
    kept = merge(boxes, iou=iou, ios=ios)
    np.testing.assert_array_equal(kept.xywha, boxes.xywha[expected])


@pytest.mark.parametrize("n_ships", [15, 150])
def test_merge_of_heaps_of_duplicates_is_that_of_brute_force(n_ships):
    rng = np.random.default_rng(n_ships)
    spread = [2000, 2000, 90, 15, 3]
    ships = rng.uniform(0, 1, (n_ships, 5)) * spread + np.array([0, 0, 30, 5, 0])
    seen = np.repeat(ships, 20, axis=0) + rng.normal(0, [3, 3, 3, 1, 0.05], (n_ships * 20, 5))
    boxes = Boxes.from_xywhr(seen, rng.random(len(seen)))
    expected, sure = brute_force(boxes, DEFAULT_IOU, DEFAULT_IOS)
    assert sure
    np.testing.assert_array_equal(merge(boxes).xywha, boxes.xywha[expected])


def test_a_thousand_boxes_on_one_spot_are_one_ship():
    rng = np.random.default_rng(3)
    heap = np.array([500, 500, 100, 15, 1.0]) + rng.normal(0, [0.5, 0.5, 0.5, 0.2, 0.005], (1000, 5))
    boxes = Boxes.from_xywhr(heap, rng.random(1000))
    assert merge(boxes).scores.tolist() == [boxes.scores.max()]


@given(st.floats(0, np.pi), st.floats(0, 5), st.sampled_from([0.5, 3.0, 10.0]), st.integers(2, 5))
def test_tankers_moored_side_by_side_all_stay(angle, gap_m, gsd_m, n):
    row = moored_row(n, 250 / gsd_m, 44 / gsd_m, gap_m / gsd_m, angle)
    assert len(merge(Boxes.from_xywhr(row, np.linspace(0.9, 0.5, n)))) == n


@given(st.floats(0, np.pi), st.floats(0, 5), st.integers(0, 2**32 - 1))
def test_a_moored_row_seen_three_times_with_jitter_is_the_row(angle, gap_m, seed):
    rng = np.random.default_rng(seed)
    row = np.repeat(moored_row(4, 250 / 3, 44 / 3, gap_m / 3, angle), 3, axis=0)
    seen = row + rng.uniform(-1, 1, row.shape) * [0.8, 0.8, 2.0, 0.5, 0.01]
    assert len(merge(Boxes.from_xywhr(seen, rng.random(12)))) == 4


@given(st.floats(0, np.pi), st.floats(0.2, 0.45))
def test_a_part_of_a_ship_joins_the_whole(angle, share):
    ahead = 100 * (1 - share) / 2
    whole = [0, 0, 100, 15, angle]
    bow = [ahead * np.cos(angle), ahead * np.sin(angle), 100 * share, 14, angle]
    kept = merge(Boxes.from_xywhr([bow, whole], [0.6, 0.8]))
    assert kept.xywha[:, 2].tolist() == [100]


@pytest.mark.parametrize(("overhang", "ships"), [(0.3, 1), (0.5, 2)], ids=["0.7 of it on the hull", "half of it"])
def test_a_fragment_goes_that_lies_on_a_hull_with_more_than_six_tenths_of_itself(overhang, ships):
    hull, fragment = [0, 0, 100, 15, 0.0], [50 + (overhang - 0.5) * 40, 0, 40, 14, 0.0]

    assert len(merge(Boxes.from_xywhr([hull, fragment], [0.8, 0.6]))) == ships


def test_two_hulls_that_share_two_fifths_of_their_union_are_two():
    shared = 100 * 2 * 0.4 / 1.4  # of lengths of 100: 57, that is 57 of 143

    assert len(merge(Boxes.from_xywhr([[0, 0, 100, 15, 0.0], [100 - shared, 0, 100, 15, 0.0]], [0.8, 0.6]))) == 2


def test_a_tug_alongside_a_tanker_stays():
    tanker, tug = (
        [0, 0, 84, 15, 0.0],
        [10, 9.5, 10, 4, 0.0],
    )  # 3 m pixels; hulls touch, boxes overlap by 1 of 4 pixels
    assert len(merge(Boxes.from_xywhr([tanker, tug], [0.9, 0.5]))) == 2


def test_a_box_removed_by_a_better_one_removes_nothing_itself():
    a, b, c = (
        [0, 0, 30, 10, 0],
        [9, 0, 30, 10, 0],
        [18, 0, 30, 10, 0],
    )  # a-b and b-c overlap by IoU 0.54, a-c by 0.25
    kept = merge(Boxes.from_xywhr([a, b, c], [0.9, 0.8, 0.7]))
    assert kept.xywha[:, 0].tolist() == [0.0, 18.0]


@given(st.permutations(range(12)))
def test_order_of_the_input_changes_nothing_even_at_equal_scores(permutation):
    rng = np.random.default_rng(7)
    xywhr = rng.uniform(0, 40, (12, 5)) + np.array([0, 0, 20, 5, 0])
    boxes = Boxes.from_xywhr(xywhr, np.full(12, 0.5), rng.integers(0, 3, 12))
    merged, shuffled = merge(boxes), merge(boxes.select(np.array(permutation)))
    np.testing.assert_array_equal(merged.xywha, shuffled.xywha)
    np.testing.assert_array_equal(merged.class_ids, shuffled.class_ids)


def test_classes_are_not_told_apart_and_class_scores_follow_their_box():
    scores = np.array([[0.8, 0.1], [0.2, 0.7]], np.float32)
    kept = merge(Boxes.from_xywhr([[0, 0, 30, 8, 0], [1, 0, 30, 8, 0]], [0.8, 0.7], [0, 1], scores))
    assert kept.class_ids.tolist() == [0]
    np.testing.assert_array_equal(kept.class_scores, scores[:1])


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_and_one_box_pass_through(n):
    assert len(merge(Boxes.from_xywhr(np.ones((n, 5))))) == n


def test_no_class_and_no_distance_brings_two_ships_onto_one_spot():
    """Ultralytics tells classes apart by moving each 7,680 pixels: in a scene wider than that they meet again."""
    rows = [[100.0 + 7_680.0 * k, 100.0 + 7_680.0 * k, 60.0, 10.0, 0.3] for k in range(4)]

    kept = merge(Boxes.from_xywhr(rows, [0.9, 0.8, 0.7, 0.6], [3, 2, 1, 0]))

    np.testing.assert_array_equal(np.sort(kept.xywha[:, 0]), [row[0] for row in rows])


def test_thirty_thousand_candidates_need_no_table_of_all_pairs():
    rng = np.random.default_rng(0)
    spread = np.column_stack(
        [rng.uniform(0, 20_000, (30_000, 2)), np.tile([40.0, 8.0], (30_000, 1)), rng.random(30_000)]
    )
    boxes = Boxes.from_xywhr(spread, rng.random(30_000))

    tracemalloc.start()
    kept = merge(boxes)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 20_000 < len(kept) < 30_000
    assert peak_bytes < 300e6, "a table of float32 would take 3.6 GB"
