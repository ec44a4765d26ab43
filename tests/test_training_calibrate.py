"""The error model of lengths: known errors are found again, and its sigma covers what it says."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import ndimage

pytest.importorskip("cv2", reason="chips need OpenCV, which comes with the 'train' extra")

from berthwatch.errors import BerthwatchError
from berthwatch.models.boxes import Boxes
from berthwatch.models.metadata import ModelMetadata
from berthwatch.training.calibrate import calibrate, fit_size_errors
from berthwatch.training.chips import read_chips, write_chips
from berthwatch.training.crops import Chip
from berthwatch.training.labels import ShipLabels


@pytest.mark.parametrize(("bias", "sd_px", "fraction"), [(0.8, 1.5, 0.02), (-0.5, 0.6, 0.08), (2.0, 3.0, 0.01)])
def test_known_errors_are_found_again(bias, sd_px, fraction):
    rng = np.random.default_rng(7)
    true = np.exp(rng.uniform(np.log(12), np.log(220), 3000))
    sd = np.hypot(sd_px, fraction * true)
    measured = true + bias + sd * rng.standard_t(4, len(true)) / np.sqrt(2)

    fit = fit_size_errors(measured, true)

    assert fit.bias_px == pytest.approx(bias, abs=0.15)
    assert np.hypot(fit.sd_px, fit.sd_fraction * 60) == pytest.approx(np.hypot(sd_px, fraction * 60), rel=0.12)
    assert np.hypot(fit.sd_px, fit.sd_fraction * 200) == pytest.approx(np.hypot(sd_px, fraction * 200), rel=0.15)


def test_sigma_covers_two_thirds_and_more_in_spite_of_wild_boxes():
    rng = np.random.default_rng(1)
    true = rng.uniform(20, 100, 800)
    measured = true + rng.normal(0, 1.5, 800)
    measured[:40] *= 0.6

    fit = fit_size_errors(measured, true)

    z = (measured - fit.bias_px - true) / np.hypot(fit.sd_px, fit.sd_fraction * measured)
    assert 0.68 <= np.mean(np.abs(z) < 1) <= 0.9


def test_a_handful_of_ships_is_refused():
    with pytest.raises(ValueError, match="at least 20"):
        fit_size_errors(np.ones(5), np.ones(5))


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


def hull_chips(count: int) -> list[Chip]:
    rng = np.random.default_rng(5)
    chips = []
    for i in range(count):
        rgb = np.full((128, 128, 3), 30, np.uint8)
        length = int(rng.integers(20, 60))
        rgb[50:58, 30 : 30 + length] = (250, 40, 40) if i % 2 else (170, 170, 170)
        corners = np.array([[30, 50], [30 + length, 50], [30 + length, 58], [30, 58]], float)
        chips.append(Chip(rgb, ShipLabels(corners[None], ("tanker" if i % 2 else "general-cargo",), np.zeros(1, bool))))
    return chips


def test_a_detectors_errors_are_measured_on_chips_that_share_tiles():
    found = calibrate(PerfectButLong(), hull_chips(50))

    assert found.length.bias_px == pytest.approx(2.0, abs=0.05)
    assert found.beam.bias_px == pytest.approx(0.0, abs=0.05)
    assert found.average_precision == 1.0
    assert found.f1 == 1.0
    assert [(round(share, 2), ships) for _, share, ships in found.tankers] == [(0.0, 25), (1.0, 25)]
    card = PerfectButLong.metadata.model_copy(update=found.card_fields())
    assert ModelMetadata.model_validate(card.model_dump()).length_bias_px == pytest.approx(2.0, abs=0.05)


def test_written_chips_are_read_again(tmp_path):
    chips = hull_chips(3)
    write_chips(tmp_path, "val", [(f"{i}", chip) for i, chip in enumerate(chips)])

    again = list(read_chips(tmp_path, "val"))

    for before, after in zip(chips, again, strict=True):
        np.testing.assert_array_equal(before.rgb, after.rgb)
        np.testing.assert_allclose(before.labels.corners, after.labels.corners, atol=1e-3)
        assert before.labels.classes == after.labels.classes
    with pytest.raises(BerthwatchError, match="holds no chips"):
        list(read_chips(tmp_path, "train"))
