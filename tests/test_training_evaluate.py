"""Scene-level evaluation: perfect detections are perfect, and every kind of fault shows in its own figure."""

import numpy as np
import pytest
from evaluation_cases import detected, labels, open_busan, ship

from berthwatch.errors import BerthwatchError
from berthwatch.training.evaluate import compare, figures, labels_beside


@pytest.fixture
def scene(tmp_path):
    return open_busan(tmp_path)


def test_perfect_detections_give_perfect_figures(scene):
    ships = [ship(100, 100, 30, 5), ship(200, 200, 20, 4)]

    result = figures([compare(scene, labels(*ships), detected(scene, ships))], score_threshold=0.25)

    assert (result["recall"], result["precision"], result["f1"], result["average_precision"]) == (1, 1, 1, 1)
    assert result["length_mae"] == pytest.approx(0, abs=4e-3)  # the scale differs across the scene
    assert result["heading_median_abs_deg"] == pytest.approx(0, abs=0.2)
    assert result["tankers_called_tanker"] == 2


def test_metres_are_ground_metres(scene):
    pair = compare(scene, labels(ship(200, 150, 30, 5)), detected(scene, []))

    assert pair.ships["length_m"][0] == pytest.approx(30 * scene.gsd_m, rel=3e-3)
    assert 8.0 < scene.gsd_m < 8.4


def test_misses_false_alarms_lengths_and_kinds_each_have_their_figure(scene):
    tanker, bulker, missed = ship(100, 100, 30, 5), ship(200, 200, 30, 5), ship(300, 100, 30, 5)
    found = detected(
        scene, [tanker, bulker, ship(50, 250, 30, 5)], scores=[0.9, 0.8, 0.3], tanker=[0.2, 0.7, 0.9], stretch_m=24.6
    )

    result = figures(
        [compare(scene, labels(tanker, bulker, missed, kinds=("tanker", "bulk-carrier", "tanker")), found)],
        score_threshold=0.25,
    )

    assert result["recall"] == pytest.approx(2 / 3, abs=1e-3)
    assert result["precision"] == pytest.approx(2 / 3, abs=1e-3)
    assert result["false_alarms"] == 1
    assert result["length_bias"] == pytest.approx(24.6 / (30 * scene.gsd_m), rel=0.04)
    assert (result["tankers"], result["tankers_found"], result["tankers_called_tanker"]) == (2, 1, 0)
    assert result["tanker_or_not_right"] == 0.0
    assert result["recall_90"][0] < 2 / 3 < result["recall_90"][1]


def test_the_threshold_cuts_low_scores_and_short_ships_do_not_count(scene):
    long, short = ship(100, 100, 30, 5), ship(200, 200, 5, 2)
    found = detected(scene, [long, ship(300, 200, 5, 2)], scores=[0.2, 0.9])

    pair = compare(scene, labels(long, short), found, min_length_m=80)

    assert figures([pair], score_threshold=0.5)["recall"] == 0.0
    low = figures([pair], score_threshold=0.1)
    assert (low["ships"], low["recall"], low["false_alarms"]) == (1, 1.0, 0)


def test_a_scene_without_labels_says_where_they_were_expected(tmp_path):
    with pytest.raises(BerthwatchError, match=r"alpha\.txt"):
        labels_beside(tmp_path / "alpha.tif")


def test_average_precision_at_strict_overlaps_asks_for_exact_boxes(scene):
    truth = ship(100, 100, 40, 10)
    shifted = ship(104, 100, 40, 10)  # IoU 36 / 44 = 0.82: true at 0.5 to 0.8, seven of the ten overlaps

    result = figures([compare(scene, labels(truth), detected(scene, [shifted]))], score_threshold=0.25)

    assert (result["ap_30"], result["ap_50"]) == (1.0, 1.0)
    assert result["ap_50_95"] == pytest.approx(0.7)


def test_ships_seen_twice_in_parts_and_two_as_one_are_told_apart(scene):
    twice, parted = ship(60, 50, 40, 8), ship(60, 150, 40, 8)
    moored = ship(200, 50, 40, 8), ship(200, 59, 40, 8)
    parts = ship(49, 150, 18, 8), ship(71, 150, 18, 8)
    found = [twice, ship(61, 50, 40, 8), *parts, ship(200, 54.5, 40, 18), ship(300, 250, 40, 8)]

    result = figures([compare(scene, labels(twice, parted, *moored), detected(scene, found))], score_threshold=0.25)

    assert (result["duplicates"], result["splits"], result["joined"]) == (1, 1, 1)


def test_heading_errors_know_no_bow_and_leave_square_hulls_out(scene):
    long, square = ship(100, 100, 40, 8), ship(200, 200, 20, 18)
    found = detected(scene, [long, square])
    found["heading_deg"] = [271.0 - 180, 45.0]

    result = figures([compare(scene, labels(long, square), found)], score_threshold=0.25)

    assert result["heading_mae_deg"] == pytest.approx(1.0, abs=0.2)


def test_upright_boxes_find_an_oblique_ship_by_its_hull_alone(scene):
    turn = np.array([[0.7071, 0.7071], [-0.7071, 0.7071]])
    oblique = (ship(0, 0, 60, 9) @ turn) + [200, 150]
    hull = ship(200, 150, 49, 49)
    found = detected(scene, [hull])

    as_is = figures([compare(scene, labels(oblique), found)], score_threshold=0.25)
    by_hulls = figures([compare(scene, labels(oblique), found, upright=True)], score_threshold=0.25)

    assert (as_is["recall"], by_hulls["recall"], by_hulls["ap_50_95"]) == (0.0, 1.0, 1.0)


def test_a_label_known_upright_finds_but_is_not_measured(scene):
    truth = ship(200, 150, 40, 20)

    pair = compare(scene, labels(truth), detected(scene, [truth], stretch_m=50), known_upright=np.array([True]))
    result = figures([pair], score_threshold=0.25)

    assert result["recall"] == 1.0
    assert "length_mae" not in result


def test_intervals_of_many_pictures_follow_the_pictures(scene):
    """Ten ships a picture, all found or none: pictures vary, though every ship agrees with its neighbours."""
    ships = [ship(30 + 38 * k, 100, 30, 5) for k in range(10)]
    pairs = [compare(scene, labels(*ships), detected(scene, ships if k % 2 else [])) for k in range(12)]

    whole = figures(pairs, score_threshold=0.25)
    single = figures(pairs[:2], score_threshold=0.25)

    low, high = whole["recall_90"]
    assert whole["recall"] == 0.5
    assert high - low > 0.4  # 120 independent ships would give 0.15
    assert single["recall_90"][1] - single["recall_90"][0] < 0.4


def test_the_best_threshold_is_found(scene):
    truth, second = ship(100, 100, 30, 5), ship(200, 200, 30, 5)
    found = detected(scene, [truth, second, ship(300, 50, 30, 5)], scores=[0.15, 0.12, 0.05])

    result = figures([compare(scene, labels(truth, second), found)], score_threshold=0.25)

    assert (result["f1"], result["best_f1"], result["best_f1_score"]) == (0.0, 1.0, 0.12)


def test_each_picture_has_its_own_threshold(scene):
    truth = ship(100, 100, 30, 5)
    pairs = [compare(scene, labels(truth), detected(scene, [truth], scores=[0.3])) for _ in range(2)]

    assert figures(pairs, score_threshold=[0.2, 0.4])["recall"] == 0.5
