"""The error model of lengths: known errors are found again, and its sigma covers what it says."""

import numpy as np
import pytest

from berthwatch.training.calibrate import fit_size_errors


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
