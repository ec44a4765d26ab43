"""Deadweight from length and beam: the regressions, their join, and how sure they are."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.inference.deadweight import dwt_distribution, dwt_quantile, usual_beam_m

HULL_LENGTH = st.floats(25, 420)
LENGTH_TO_BEAM = st.floats(3.5, 9)


def test_length_alone_reproduces_the_local_medians_of_the_fleet():
    # Domain facts §1.1, "local medians": LOA -> DWT p16/p50/p84.
    fleet = {
        70: (1418, 1717, 2028),
        90: (3127, 3648, 4348),
        110: (5659, 6596, 8249),
        183: (37194, 46011, 50767),
        244: (102942, 106630, 110265),
        333: (300_000, 307_000, 315_000),
    }
    for length, (low, median, high) in fleet.items():
        ln_mean, _ = dwt_distribution(length, 0.0)
        assert low * 0.97 <= np.exp(ln_mean) <= high * 1.03, (length, median, np.exp(ln_mean))


@pytest.mark.parametrize(
    ("length", "beam", "dwt"),
    [
        (90, 14.5, 0.04016 * 90**1.5862 * 14.5**1.6189),
        (106, 18, 0.04016 * 106**1.5862 * 18**1.6189),
        (183, 32.2, 0.02278 * 183**1.9083 * 32.2**1.3075),
        (333, 60, 0.02278 * 333**1.9083 * 60**1.3075),
    ],
)
def test_a_perfectly_measured_beam_gives_the_regression_with_beam(length, beam, dwt):
    ln_mean, _ = dwt_distribution(length, 0.0, beam, 0.0)

    assert np.exp(ln_mean) == pytest.approx(dwt, rel=1e-9)


def test_length_error_propagates_as_in_the_worked_example():
    # Domain facts §1.1 (d): at 90 m, +-10 m is -30/+38 %, that is 3.04 * 10/90 = 0.338 in ln DWT.
    _, sharp = dwt_distribution(90.0, 0.0)
    _, blurred = dwt_distribution(90.0, 10.0)

    assert np.sqrt(blurred**2 - sharp**2) == pytest.approx(3.0407 * 10 / 90, rel=1e-6)


@given(HULL_LENGTH)
def test_a_useless_beam_changes_nothing(length):
    without = dwt_distribution(length, 5.0)
    useless = dwt_distribution(length, 5.0, 20.0, 1e6)
    missing = dwt_distribution(length, 5.0, np.nan, np.nan)

    np.testing.assert_allclose(useless, without, rtol=1e-6)
    np.testing.assert_array_equal(missing, without)


@given(HULL_LENGTH, LENGTH_TO_BEAM, st.floats(0.01, 10), st.floats(0.02, 10))
def test_a_beam_moves_the_answer_towards_itself_by_its_weight(length, ratio, beam_sd, less_sure_by):
    beam = length / ratio
    exact, near, far, none = (
        dwt_distribution(length, 0.0, beam, sd)[0] for sd in (0.0, beam_sd, beam_sd + less_sure_by, 1e9)
    )

    assert abs(exact - near) <= abs(exact - far) + 1e-12 <= abs(exact - none) + 1e-6


@given(HULL_LENGTH, st.floats(1.0001, 1.3), LENGTH_TO_BEAM, st.floats(0, 15), st.floats(0, 8))
def test_a_longer_ship_is_never_lighter(length, factor, ratio, length_sd, beam_sd):
    beam = length / ratio
    for measured in ({}, {"beam_m": beam, "beam_sd_m": beam_sd}):
        shorter, _ = dwt_distribution(length, length_sd, **measured)
        longer, _ = dwt_distribution(length * factor, length_sd, **measured)
        assert longer > shorter


@given(HULL_LENGTH, LENGTH_TO_BEAM, st.floats(1.0001, 1.5), st.floats(0, 8))
def test_a_wider_ship_is_never_lighter(length, ratio, factor, beam_sd):
    narrow, _ = dwt_distribution(length, 3.0, length / ratio, beam_sd)
    wide, _ = dwt_distribution(length, 3.0, factor * length / ratio, beam_sd)

    assert wide > narrow


def test_there_is_no_jump_where_the_branches_meet():
    lengths = np.arange(100.0, 160.0, 0.01)
    for measured in ({}, {"beam_m": lengths / 6.2, "beam_sd_m": 0.5}):
        ln_mean, _ = dwt_distribution(lengths, 2.0, **measured)
        # A hundredth of a metre in 100 m is 1e-4, times an exponent of about 3.
        assert np.abs(np.diff(ln_mean)).max() < 6e-4


@given(HULL_LENGTH, LENGTH_TO_BEAM, st.floats(0, 20), st.floats(0, 10))
def test_coastal_tankers_are_never_quoted_surer_than_their_scatter(length, ratio, length_sd, beam_sd):
    _, with_beam = dwt_distribution(length, length_sd, length / ratio, beam_sd)
    _, length_only = dwt_distribution(length, length_sd)

    if length < 120:
        assert with_beam >= 0.20 - 1e-12
        assert length_only >= 0.25 - 1e-12


def test_it_works_on_arrays_and_broadcasts():
    ln_mean, ln_sd = dwt_distribution([60.0, 90.0, 333.0], 3.0, [np.nan, 14.0, 60.0], 2.0)

    assert ln_mean.shape == ln_sd.shape == (3,)
    assert ln_mean[0] == dwt_distribution(60.0, 3.0)[0]
    assert ln_mean[2] == dwt_distribution(333.0, 3.0, 60.0, 2.0)[0]


def test_quantiles_are_those_of_the_lognormal():
    draws = np.exp(np.random.default_rng(7).normal(8.0, 0.3, 200_000))

    for probability in (0.05, 0.5, 0.95):
        assert dwt_quantile(8.0, 0.3, probability) == pytest.approx(np.quantile(draws, probability), rel=0.01)


@pytest.mark.parametrize(
    "arguments", [(0.0, 1.0), (90.0, -1.0), (90.0, 1.0, -3.0, 1.0), (90.0, 1.0, 14.0, -1.0), (90.0, 1.0, 14.0)]
)
def test_impossible_measurements_are_refused(arguments):
    with pytest.raises(ValueError, match=r"positive|without beam_sd_m"):
        dwt_distribution(*arguments)


@pytest.fixture(scope="module")
def fleet() -> np.ndarray:
    """(n, 3) deadweight, length, beam of the tankers that the regressions were fitted to."""
    data = os.environ.get("BERTHWATCH_DATA")
    shared = Path(data).parent if data else Path(__file__).resolve().parents[2] / "shared"
    path = shared / "facts" / "tankers_dwt_loa_beam_marinevessels2015.csv"
    if not path.exists():
        pytest.skip(f"the fleet table {path.name} is not here")
    with path.open() as file:
        rows = [(float(r["DWT"]), float(r["length"]), float(r["beam"])) for r in csv.DictReader(file)]
    ships = np.array(rows)
    ratio = ships[:, 1] / ships[:, 2]
    return ships[(ships[:, 0] > 100) & (ships[:, 1] >= 40) & (ratio > 4) & (ratio < 7.6)]


@pytest.mark.parametrize(("length_sd", "beam_sd"), [(0.0, 0.0), (4.0, 2.0), (12.0, 5.0)])
def test_ninety_percent_intervals_hold_ninety_percent_of_the_fleet(fleet, length_sd, beam_sd):
    rng = np.random.default_rng(1)
    length = np.maximum(fleet[:, 1] + rng.normal(0, length_sd or 1e-9, len(fleet)), 20)
    beam = np.maximum(fleet[:, 2] + rng.normal(0, beam_sd or 1e-9, len(fleet)), 2)

    ln_mean, ln_sd = dwt_distribution(length, length_sd, beam, beam_sd)
    inside = np.abs(np.log(fleet[:, 0]) - ln_mean) < 1.645 * ln_sd

    for shortest, longest in ((40, 100), (100, 160), (160, 240), (240, 350)):
        group = (fleet[:, 1] >= shortest) & (fleet[:, 1] < longest)
        assert 0.86 <= inside[group].mean() <= 0.97, (shortest, longest)


def test_the_usual_beam_is_that_of_the_fleet(fleet):
    for length in (80, 100, 183, 244, 333):
        near = np.abs(fleet[:, 1] - length) <= 1.5
        assert usual_beam_m(length) == pytest.approx(np.median(fleet[near, 2]), rel=0.06)
