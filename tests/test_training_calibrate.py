"""Calibration: known errors and probabilities are found again, and what the card claims comes true."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

pytest.importorskip("cv2", reason="chips need OpenCV, which comes with the 'train' extra")

from berthwatch.configs.yaml_file import load_yaml
from berthwatch.errors import BerthwatchError
from berthwatch.models.boxes import Boxes
from berthwatch.models.metadata import ModelMetadata
from berthwatch.training.calibrate import calibrate, fit_size_errors, seen_on_chips, write_card
from berthwatch.training.chips import read_chips, write_chips
from berthwatch.training.crops import Chip
from berthwatch.training.labels import ShipLabels
from berthwatch.training.score_fit import ShipFit, best_threshold, calibration_error, fit_ship_probability


@pytest.mark.parametrize(("bias", "sd_px", "fraction"), [(0.8, 1.5, 0.02), (-0.5, 0.6, 0.08), (2.0, 3.0, 0.01)])
def test_known_errors_are_found_again(bias, sd_px, fraction):
    rng = np.random.default_rng(7)
    true = np.exp(rng.uniform(np.log(12), np.log(220), 3000))
    sd = np.hypot(sd_px, fraction * true)
    measured = true + bias + sd * rng.standard_t(4, len(true)) / np.sqrt(2)

    fit = fit_size_errors(measured, true, np.ones(3000))

    assert fit.bias_px + 60 * fit.bias_fraction == pytest.approx(bias, abs=0.3)
    assert np.hypot(fit.sd_px, fit.sd_fraction * 60) == pytest.approx(np.hypot(sd_px, fraction * 60), rel=0.12)
    assert np.hypot(fit.sd_px, fit.sd_fraction * 200) == pytest.approx(np.hypot(sd_px, fraction * 200), rel=0.15)
    assert fit.bias_px_per_blur == pytest.approx(0.0, abs=1e-3), "all pictures were sharp: nothing tells"


@settings(max_examples=15)
@given(
    bias=st.floats(-1, 1.5),
    per_blur=st.floats(-1, 2),
    fraction=st.floats(-0.06, 0.06),
    sd_per_blur=st.floats(0, 1.5),
    seed=st.integers(0, 99),
)
def test_errors_by_sharpness_and_size_are_found_again_and_corrected(bias, per_blur, fraction, sd_per_blur, seed):
    rng = np.random.default_rng(seed)
    measured = np.exp(rng.uniform(np.log(15), np.log(120), 2500))
    sensor_px = rng.choice([1.0, 1.3, 1.8, 2.4], 2500)
    sd = np.hypot(0.9 + sd_per_blur * (sensor_px - 1), 0.03 * measured)
    true = measured - (bias + per_blur * (sensor_px - 1) + fraction * measured) - rng.normal(0, sd)

    fit = fit_size_errors(measured, true, sensor_px)

    for sharpness in (1.0, 2.4):
        part = sensor_px == sharpness
        # At a working GSD of 1 m, metres are pixels.
        corrected, told_sd = fit.corrected(measured[part], working_gsd_m=1.0, sensor_px=sharpness)
        assert np.mean(corrected - true[part]) == pytest.approx(0.0, abs=0.35)
        assert 0.6 <= np.mean(np.abs(corrected - true[part]) < told_sd) <= 0.9


def test_sigma_covers_two_thirds_and_more_in_spite_of_wild_boxes():
    rng = np.random.default_rng(1)
    true = rng.uniform(20, 100, 800)
    measured = true + rng.normal(0, 1.5, 800)
    measured[:40] *= 0.6

    fit = fit_size_errors(measured, true, np.ones(800))

    corrected, sd = fit.corrected(measured, working_gsd_m=1.0, sensor_px=1.0)
    assert 0.68 <= np.mean(np.abs(corrected - true) < sd) <= 0.93


def test_a_handful_of_ships_is_refused():
    with pytest.raises(ValueError, match="at least 20"):
        fit_size_errors(np.ones(5), np.ones(5), np.ones(5))


def simulated_scores(truth: ShipFit, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, sharpness, and ships drawn with the true probability of each."""
    rng = np.random.default_rng(seed)
    scores, sensor_px = rng.uniform(0.05, 0.95, n), rng.choice([1.0, 1.0, 1.4, 2.2], n)
    return scores, sensor_px, rng.random(n) < truth.probability(scores, sensor_px)


@settings(max_examples=25)
@given(
    intercept=st.floats(-1.5, 2.5), slope=st.floats(0.5, 2.5), power=st.floats(-0.8, 0.8), blur=st.floats(-2.5, 1),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_probability_of_a_ship_is_found_again_from_what_was_one(intercept, slope, power, blur, seed):
    truth = ShipFit(intercept, slope, power, blur)
    scores, sensor_px, is_ship = simulated_scores(truth, 4000, seed)

    fit = fit_ship_probability(scores, sensor_px, is_ship)

    for sharpness in (1.0, 1.4, 2.2):
        grid, same = np.linspace(0.05, 0.95, 19), np.full(19, sharpness)
        np.testing.assert_allclose(fit.probability(grid, same), truth.probability(grid, same), atol=0.09)
        assert (np.diff(fit.probability(grid, same)) > 0).all(), "a higher score is never a less likely ship"
    claimed = fit.probability(scores, sensor_px)
    assert calibration_error(claimed, is_ship.astype(float)) < 0.03
    assert calibration_error(claimed, is_ship.astype(float)) <= calibration_error(scores, is_ship.astype(float)) + 0.01


def test_without_detections_a_score_is_taken_at_its_word():
    nothing = fit_ship_probability(np.zeros(0), np.zeros(0), np.zeros(0, bool))
    np.testing.assert_allclose(nothing.probability(np.array([0.2, 0.7]), np.array([1.0, 2.4])), [0.2, 0.7])


def test_the_card_says_the_fitted_probability_at_a_scenes_gsd():
    fit = ShipFit(1.2, 1.7, -0.5, -2.0)
    card = PerfectButLong.metadata.model_copy(update={f"ship_{name}": value for name, value in vars(fit).items()})
    scores = np.array([0.1, 0.4, 0.9])
    # It works at 1 to 5 m: 0.5 m is as sharp as its grid, of 12 m a pixel spans 2.4.
    np.testing.assert_allclose(card.ship_probability(scores, 0.5), fit.probability(scores, np.ones(3)))
    np.testing.assert_allclose(card.ship_probability(scores, 12.0), fit.probability(scores, np.full(3, 2.4)))


@settings(max_examples=30)
@given(seed=st.integers(0, 999), missed=st.integers(0, 60))
def test_no_threshold_has_a_better_expected_f1(seed, missed):
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.05, 0.95, 80)
    probability = scores**2
    ships = round(probability.sum()) + missed

    threshold, f1 = best_threshold(scores, probability, ships)

    for other in np.arange(5, 91) / 100:
        kept = scores >= other
        assert 2 * probability[kept].sum() / (kept.sum() + ships) <= f1 + 1e-9
    kept = scores >= threshold
    assert 2 * probability[kept].sum() / (kept.sum() + ships) == pytest.approx(f1)


class PerfectButLong:
    """A detector that sees every bright hull 2 pixels too long, and calls tankers what is red."""

    description = "test"
    saturated_tiles = 0
    metadata = ModelMetadata(
        model_id="long 1", architecture="none", classes=("tanker", "cargo"), min_working_gsd_m=1, max_working_gsd_m=5,
        tile_px=256, licence="none", created=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip

    def detect(self, tiles: np.ndarray) -> list[Boxes]:
        found = []
        for tile in tiles:
            blobs, n = ndimage.label(tile.max(2) > 150)
            rows = []
            for part in ndimage.find_objects(blobs):
                (y0, y1), (x0, x1) = [(axis.start, axis.stop) for axis in part]
                red = tile[part].mean((0, 1))[0] > 200
                rows.append(((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0 + 2, y1 - y0, 0.8 if red else 0.1))
            table = np.array(rows).reshape(-1, 5)
            tanker = table[:, 4].astype(np.float32)
            xywha = np.column_stack([table[:, :4], np.zeros(n)])
            classes = (tanker < 0.5).astype(int)
            found.append(Boxes(xywha, np.full(n, 0.9), classes, np.stack([tanker, 0.9 - tanker], axis=1)))
        return found


def hull_chips(count: int, *, sensor_px: float = 1.0, shore: int = 0) -> list[Chip]:
    """Chips with a hull each, and, on the first `shore` of them, a bright pier that nobody labelled."""
    rng = np.random.default_rng(5)
    chips = []
    for i in range(count):
        rgb = np.full((128, 128, 3), 30, np.uint8)
        length = int(rng.integers(40, 60))
        rgb[50:58, 30 : 30 + length] = (250, 40, 40) if i % 2 else (170, 170, 170)
        if i < shore:
            rgb[90:94, 10:50] = 170
        corners = np.array([[30, 50], [30 + length, 50], [30 + length, 58], [30, 58]], float)
        labels = ShipLabels(corners[None], ("tanker" if i % 2 else "general-cargo",), np.zeros(1, bool))
        chips.append(Chip(rgb, labels, sensor_px))
    return chips


def test_a_detectors_errors_are_measured_on_chips_that_share_tiles():
    found = calibrate(PerfectButLong(), hull_chips(50))

    at_50 = found.length.bias_px + 50 * found.length.bias_fraction
    assert at_50 == pytest.approx(2.0, abs=0.1)
    assert found.beam.bias_px + 8 * found.beam.bias_fraction == pytest.approx(0.0, abs=0.1)
    assert found.average_precision == 1.0
    assert [(part.sharp, part.ships) for part in found.ranges] == [(True, 50)]
    assert found.card_fields()["coarse_score_thresholds"] == []
    assert [(round(share, 2), ships) for _, share, ships in found.tankers] == [(0.0, 25), (1.0, 25)]


def test_piers_at_coarse_gsd_lower_the_probability_there_alone(tmp_path):
    found = calibrate(PerfectButLong(), [*hull_chips(60), *hull_chips(60, sensor_px=2.0, shore=40)])
    write_card(tmp_path / "card.yaml", found, PerfectButLong.metadata)
    card = load_yaml(tmp_path / "card.yaml", ModelMetadata)

    # It works at 1 to 5 m, so 10 m is shown with 2 pixels a sample.
    sharp, coarse = (float(card.ship_probability(np.array([0.9]), gsd_m)[0]) for gsd_m in (3.0, 10.0))
    assert sharp > 0.9
    assert coarse == pytest.approx(60 / 100, abs=0.1)
    assert [part.ships for part in found.ranges] == [60, 60]
    assert found.ranges[1].error_after < found.ranges[1].error_before
    assert card.score_threshold_at(3.0) == round(found.ranges[0].threshold, 2)
    assert card.score_threshold_at(10.0) == round(found.ranges[1].threshold, 2)
    assert card.coarse_score_thresholds[0].from_gsd_m == 6.25
    assert card.model_id == "long 1"
    assert card.length_bias_px == pytest.approx(found.length.bias_px, abs=1e-4)


def test_a_card_keeps_what_calibration_does_not_settle(tmp_path):
    found = calibrate(PerfectButLong(), hull_chips(50))
    path = tmp_path / "card.yaml"
    write_card(
        path, found, PerfectButLong.metadata.model_copy(update={"licence": "CC0-1.0", "training_data": ("sea",)})
    )

    write_card(path, found, PerfectButLong.metadata)

    assert load_yaml(path, ModelMetadata).licence == "CC0-1.0"
    assert load_yaml(path, ModelMetadata).training_data == ("sea",)
    path.write_text("classes: []")
    with pytest.raises(BerthwatchError, match=r"card\.yaml"):
        write_card(path, found, PerfectButLong.metadata)


def test_ships_of_fewer_than_eight_samples_of_the_sensor_count_neither_way():
    """Hulls of 40 to 59 pixels span 8 samples of 5 pixels each, or more; of 8 pixels, fewer."""
    seen, ships = seen_on_chips(PerfectButLong(), hull_chips(4, sensor_px=5.0, shore=4), min_iou=0.3)
    assert len(ships) == 4
    assert seen["ship"].sum() == 4
    assert (~seen["ship"]).sum() == 4, "a pier of 42 pixels is a false alarm"
    seen, ships = seen_on_chips(PerfectButLong(), hull_chips(4, sensor_px=8.0, shore=4), min_iou=0.3)
    assert len(seen) == len(ships) == 0


def test_written_chips_are_read_again(tmp_path):
    chips = hull_chips(3, sensor_px=1.7)
    write_chips(tmp_path, "val", [(f"{i}", chip) for i, chip in enumerate(chips)])

    again = list(read_chips(tmp_path, "val"))

    for before, after in zip(chips, again, strict=True):
        np.testing.assert_array_equal(before.rgb, after.rgb)
        np.testing.assert_allclose(before.labels.corners, after.labels.corners, atol=1e-3)
        assert before.labels.classes == after.labels.classes
        assert after.sensor_px == pytest.approx(1.7)
    with pytest.raises(BerthwatchError, match="holds no chips"):
        list(read_chips(tmp_path, "train"))
