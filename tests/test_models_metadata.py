"""The card inside a model file."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from berthwatch.errors import BerthwatchError
from berthwatch.models.metadata import METADATA_KEY, ModelMetadata, metadata_from_entries, safetensors_entries


def card(**changes):
    values = {
        "model_id": "test 1",
        "architecture": "yolo26n-obb",
        "classes": ("tanker", "cargo"),
        "min_working_gsd_m": 1.5,
        "max_working_gsd_m": 10.0,
        "tile_px": 640,
        "licence": "AGPL-3.0-or-later",
        "created": datetime(2026, 11, 22, tzinfo=UTC),
    }
    return ModelMetadata(**(values | changes))


def test_it_survives_json():
    assert metadata_from_entries({METADATA_KEY: card().model_dump_json()}, Path("m.onnx")) == card()


@pytest.mark.parametrize(("scene", "working"), [(0.5, 1.5), (3.0, 3.0), (20.0, 10.0)])
def test_a_scene_is_resampled_only_where_the_model_does_not_know_its_gsd(scene, working):
    assert card().working_gsd_m(scene) == working


def test_a_scene_is_judged_at_the_threshold_for_its_gsd():
    coarse = ({"from_gsd_m": 5.0, "score": 0.4}, {"from_gsd_m": 12.0, "score": 0.2})
    calibrated = card(score_threshold=0.3, coarse_score_thresholds=coarse)

    assert [calibrated.score_threshold_at(gsd_m) for gsd_m in (0.5, 4.99, 5.0, 10.0, 30.0)] == [0.3, 0.3, 0.4, 0.4, 0.2]
    assert calibrated.lowest_score_threshold == 0.2


def test_where_berths_are_one_chance_in_three_is_enough():
    seen_as = {"min_working_gsd_m": 3.5, "max_working_gsd_m": 3.5}
    calibrated = card(score_threshold=0.4, ship_intercept=1.8, ship_slope=1.7, ship_log_blur=-2.3, **seen_as)

    sharp, coarse = (calibrated.score_threshold_at(gsd_m, at_berths=True) for gsd_m in (3.0, 10.0))

    assert calibrated.ship_probability(np.array([sharp]), 3.0)[0] == pytest.approx(1 / 3, abs=2e-3)
    assert coarse == 0.4  # blurred, one chance in three asks for more than is recommended: the recommended holds
    assert calibrated.lowest_score_threshold == sharp
    assert card(score_threshold=0.3).score_threshold_at(10.0) == 0.3


def test_a_card_without_calibration_takes_scores_at_their_word():
    scores = np.array([0.05, 0.5, 0.93])
    np.testing.assert_allclose(card().ship_probability(scores, 10.0), scores)


def test_a_pixel_of_a_coarse_scene_spans_several_working_pixels():
    fine = card(max_working_gsd_m=4.0)
    assert [fine.sensor_px(gsd_m) for gsd_m in (0.5, 3.0, 4.0, 10.0)] == [1.0, 1.0, 1.0, 2.5]


def test_size_errors_grow_with_blur_and_size():
    errors = card(length_bias_px=0.5, length_bias_px_per_blur=1.0, length_bias_fraction=0.01, length_sd_px=1.0,
                  length_sd_px_per_blur=2.0, length_sd_fraction=0.02).length_errors  # fmt: skip

    length, sd = errors.corrected(np.array([200.0]), working_gsd_m=4.0, sensor_px=2.5)

    # 2 px of 4 m and 1 % off: 200 - 8 - 2; edges 4 px of 4 m, and 2 % of 200 m.
    np.testing.assert_allclose(length, [190.0])
    np.testing.assert_allclose(sd, [np.hypot(16.0, 4.0)])


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": ()},
        {"tile_px": 600},
        {"min_working_gsd_m": 20.0},
        {"score_threshold": 1.5},
        {"created": datetime(2026, 11, 22)},  # noqa: DTZ001
        {"weights_sha256": "not a hash"},
        {"colour": "blue"},
        {"ship_slope": 0.0},
        {"coarse_score_thresholds": [{"from_gsd_m": 9.0, "score": 0.2}, {"from_gsd_m": 5.0, "score": 0.3}]},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        card(**wrong)


def test_a_file_without_a_card_says_how_to_get_one():
    with pytest.raises(BerthwatchError, match=r"m\.onnx: has no 'berthwatch' metadata.*models export"):
        metadata_from_entries({"names": "{0: 'ship'}"}, Path("m.onnx"))


def test_a_card_with_a_wrong_field_names_file_and_field():
    entry = json.dumps(json.loads(card().model_dump_json()) | {"tile_px": -1})
    with pytest.raises(BerthwatchError, match=r"m\.onnx: metadata field 'tile_px'"):
        metadata_from_entries({METADATA_KEY: entry}, Path("m.onnx"))


@pytest.mark.parametrize("content", [b"", b"12345678", b"\x05\0\0\0\0\0\0\0hello", b"\x02\0\0\0\0\0\0\0[]"])
def test_a_file_that_is_no_safetensors_file_says_so(tmp_path, content):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(BerthwatchError, match="not a safetensors file"):
        safetensors_entries(path)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(BerthwatchError, match="cannot be read"):
        safetensors_entries(tmp_path / "absent.safetensors")
