"""From the two layouts of network output to boxes."""

import numpy as np
import pytest

from berthwatch.models.decode import decode


def raw_output(anchors, n_anchors=8):
    """(1, 4 + 3 + 1, n_anchors): the given columns, then columns of zeros."""
    raw = np.zeros((1, 8, n_anchors), np.float32)
    raw[0, :, : len(anchors)] = np.array(anchors, np.float32).T
    return raw


def test_raw_columns_are_centre_sides_class_scores_and_last_the_angle():
    (boxes,), saturated = decode(
        raw_output([[100, 50, 10, 60, 0.05, 0.6, 0.1, -0.3]]), "raw", n_classes=3, threshold=0.25
    )

    np.testing.assert_allclose(boxes.xywha, [[100, 50, 60, 10, np.pi / 2 - 0.3]], rtol=1e-6)
    assert boxes.scores == pytest.approx([0.75])
    assert boxes.class_ids.tolist() == [1]
    np.testing.assert_allclose(boxes.class_scores, [[0.05, 0.6, 0.1]])
    assert saturated == 0


def test_end2end_columns_are_centre_sides_score_class_and_angle():
    output = np.zeros((1, 4, 7), np.float32)
    output[0, 0] = 100, 50, 60, 10, 0.7, 2, np.pi + 0.25

    (boxes,), saturated = decode(output, "end2end", n_classes=3, threshold=0.25)

    np.testing.assert_allclose(boxes.xywha, [[100, 50, 60, 10, 0.25]], atol=1e-6)
    assert boxes.class_ids.tolist() == [2]
    assert boxes.class_scores is None
    assert saturated == 0


def test_a_score_at_the_threshold_is_kept_and_below_it_is_not():
    anchors = [[100, 50, 60, 10, 0.5, 0, 0, 0], [300, 50, 60, 10, 0.49, 0, 0, 0]]
    (boxes,), _ = decode(raw_output(anchors), "raw", n_classes=3, threshold=0.5)
    assert boxes.xywha[:, 0].tolist() == [100]


def test_duplicates_within_a_tile_are_merged_whatever_their_class():
    anchors = [[100, 50, 60, 10, 0.5, 0, 0, 0], [101, 50, 60, 10, 0, 0.8, 0, 0.01], [300, 50, 60, 10, 0.4, 0, 0, 0]]
    (boxes,), _ = decode(raw_output(anchors), "raw", n_classes=3, threshold=0.25)
    # Both show one hull: their mean, by the squares of 0.8 and 0.5.
    assert boxes.xywha[:, 0].tolist() == pytest.approx([100 + 0.8**2 / (0.8**2 + 0.5**2), 300])


def test_boxes_of_one_hull_are_merged_though_the_file_promises_none():
    """The head that needs no suppression learns last: half trained, it reports hulls twice."""
    output = np.zeros((1, 4, 7), np.float32)
    output[0, :3] = [100, 50, 60, 10, 0.8, 0, 0], [101, 50, 60, 10, 0.5, 1, 0.01], [300, 50, 60, 10, 0.4, 0, 0]

    (boxes,), _ = decode(output, "end2end", n_classes=3, threshold=0.25)

    assert boxes.xywha[:, 0].tolist() == pytest.approx([100 + 0.5**2 / (0.8**2 + 0.5**2), 300])
    assert boxes.class_ids.tolist() == [0, 0]


def test_tiles_decoded_together_give_what_each_gives_alone_to_the_last_bit():
    rng = np.random.default_rng(7)
    raw = np.concatenate(
        [rng.uniform(0, 640, (6, 2, 300)), rng.uniform(4, 90, (6, 2, 300)), rng.uniform(0, 0.4, (6, 3, 300))], axis=1
    )
    raw = np.concatenate([raw, rng.uniform(-4, 4, (6, 1, 300))], axis=1).astype(np.float32)

    together, _ = decode(raw, "raw", n_classes=3, threshold=0.2)

    for boxes, tile in zip(together, raw, strict=True):
        ((alone,), _) = decode(tile[None], "raw", n_classes=3, threshold=0.2)
        assert 50 < len(alone) < 300
        np.testing.assert_array_equal(boxes.xywha, alone.xywha)
        np.testing.assert_array_equal(boxes.scores, alone.scores)
        np.testing.assert_array_equal(boxes.class_scores, alone.class_scores)


def test_an_anchor_that_reaches_for_the_moon_is_no_ship_and_disturbs_no_other_tile():
    ship = [100, 50, 60, 10, 0.9, 0, 0, 0]
    raw = np.concatenate([raw_output([ship]), raw_output([ship, [100, 50, 1e30, 10, 0.9, 0, 0, 0]])])

    boxes, _ = decode(raw, "raw", n_classes=3, threshold=0.25)

    assert [tile.xywha[:, 2].tolist() for tile in boxes] == [[60], [60]]


def test_an_anchor_of_five_tiles_width_hides_no_ship_of_the_next_tile():
    ship, wide = [100, 50, 60, 10, 0.6, 0, 0, 0], [320, 320, 3000, 3000, 0.9, 0, 0, 0]

    boxes, _ = decode(np.concatenate([raw_output([wide]), raw_output([ship])]), "raw", n_classes=3, threshold=0.25)

    assert [tile.xywha[:, 2].tolist() for tile in boxes] == [[3000], [60]]


def test_at_a_threshold_of_zero_a_ship_of_score_zero_has_a_shape():
    (boxes,), _ = decode(raw_output([[100, 50, 60, 10, 0, 0, 0, 0]]), "raw", n_classes=3, threshold=0.0)

    np.testing.assert_allclose(boxes.xywha, [[100, 50, 60, 10, 0]])


def test_each_box_stays_with_its_tile_and_empty_tiles_give_empty_boxes():
    ship = raw_output([[100, 50, 60, 10, 0.9, 0, 0, 0]])
    nothing = np.zeros_like(ship)
    boxes, _ = decode(np.concatenate([nothing, ship, nothing, ship]), "raw", n_classes=3, threshold=0.25)
    assert [len(tile) for tile in boxes] == [0, 1, 0, 1]
    assert boxes[0].class_scores is not None
    assert boxes[0].class_scores.shape == (0, 3)


@pytest.mark.parametrize("layout", ["raw", "end2end"])
@pytest.mark.parametrize("spoiled", [np.nan, np.inf, -5.0, 0.0])
def test_boxes_without_a_sound_size_are_dropped(layout, spoiled):
    sound, bad = [100, 50, 60, 10, 0.9, 0, 0, 0], [300, 50, spoiled, 10, 0.9, 0, 0, 0]
    output = raw_output([sound, bad]) if layout == "raw" else np.array([[sound[:7], bad[:7]]], np.float32)
    (boxes,), _ = decode(output, layout, n_classes=3, threshold=0.25)
    assert boxes.xywha[:, 0].tolist() == [100]


def test_raw_output_holds_as_many_ships_as_there_are():
    columns, rows = np.meshgrid(np.arange(40) * 16.0, np.arange(40) * 16.0)
    anchors = [[x, y, 10, 4, 0.9, 0, 0, 0.4] for x, y in zip(columns.ravel(), rows.ravel(), strict=True)]
    (boxes,), saturated = decode(raw_output(anchors, n_anchors=1600), "raw", n_classes=3, threshold=0.25)
    assert (len(boxes), saturated) == (1600, 0)


def test_an_end2end_tile_full_to_its_limit_is_counted():
    full = np.array([[[x * 50, 50, 40, 10, 0.9, 0, 0] for x in range(5)]], np.float32)
    almost = full.copy()
    almost[0, 4, 4] = 0.1
    boxes, saturated = decode(np.concatenate([full, almost]), "end2end", n_classes=3, threshold=0.25)
    assert [len(tile) for tile in boxes] == [5, 4]
    assert saturated == 1


@pytest.mark.parametrize(("layout", "shape"), [("raw", (1, 300, 7)), ("end2end", (1, 8, 300)), ("raw", (8, 300))])
def test_a_shape_that_is_not_the_layouts_is_refused(layout, shape):
    with pytest.raises(ValueError, match=layout):
        decode(np.zeros(shape, np.float32), layout, n_classes=3, threshold=0.25)


def test_a_ship_of_doubtful_kind_is_no_doubtful_ship() -> None:
    raw = np.zeros((1, 4 + 3 + 1, 2), np.float32)
    raw[0, :4, :] = np.array([[50, 200], [50, 200], [40, 40], [8, 8]])
    raw[0, 4:7, 0] = [0.3, 0.3, 0.05]
    raw[0, 4:7, 1] = [0.9, 0.4, 0.0]

    (boxes,), _ = decode(raw, "raw", n_classes=3, threshold=0.5)

    np.testing.assert_allclose(boxes.scores, [1.0, 0.65], rtol=1e-6)
    assert boxes.class_ids.tolist() == [0, 0]
