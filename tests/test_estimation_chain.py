"""A berth as a Markov chain: its transition probabilities, checked against direct reckoning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from berthwatch.configs.cargo import Triangular, load_cargo
from berthwatch.estimation.chain import BerthChain, mean_stay_h, stay_shape

TRAFFIC = load_cargo().traffic
CHAIN = BerthChain.of(TRAFFIC)
K = CHAIN.stages


def test_stays_have_the_quantiles_of_the_file():
    stay = gamma(K, scale=mean_stay_h(TRAFFIC) / K)

    assert K == 6
    assert stay.ppf(0.5) == pytest.approx(24)
    assert stay.ppf(0.95) / stay.ppf(0.05) == pytest.approx(48 / 12, rel=0.02)


@pytest.mark.parametrize(("low", "high", "shape"), [(3, 3000, 1), (12, 48, 6), (20, 30, 8)])
def test_narrower_stays_take_more_stages_up_to_eight(low, high, shape):
    stay = Triangular(low=low, mode=24, high=high, status="assumed", source="a test")

    assert stay_shape(TRAFFIC.model_copy(update={"stay_h": stay})) == shape


def test_prior_weights_sum_to_one_and_keep_the_mean_rate():
    weight = np.exp(CHAIN.ln_prior)

    assert weight.sum() == pytest.approx(1)
    assert 24 * (weight * CHAIN.rate_per_h).sum() == pytest.approx(TRAFFIC.arrivals_per_day.value, rel=0.03)
    assert (weight * np.log(CHAIN.stay_h)).sum() == pytest.approx(np.log(mean_stay_h(TRAFFIC)), abs=0.01)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, CHAIN.max_step_h))
def test_probabilities_of_a_step_sum_to_one(hours):
    step = CHAIN.step(hours)

    assert step.full.min() >= 0
    assert step.full.sum(axis=2) == pytest.approx(1, abs=1e-5)
    assert step.by_count.sum(axis=(2, 3)) == pytest.approx(1, abs=1e-5)
    assert step.nobody * step.by_count.sum(axis=3) == pytest.approx(step.by_count[..., 0], abs=1e-5)


def test_two_steps_are_one_of_twice_the_length():
    half, whole = CHAIN.step(9).full, CHAIN.step(18).full

    # A ship seen stays the ship of the last sighting over both; what was unseen may only stay unseen.
    assert half @ half == pytest.approx(whole, abs=1e-5)


def test_no_time_changes_nothing():
    step = CHAIN.step(0)

    assert np.abs(step.full - np.eye(CHAIN.states)).max() < 1e-6
    assert step.by_count[..., 1:].max() < 1e-6


def test_the_stationary_share_of_time_taken_is_stay_over_cycle():
    before = CHAIN.stationary[:, None, :]
    after = before @ CHAIN.step(24).full

    taken = before[:, 0, 1:-1].sum(axis=1)
    assert taken == pytest.approx(CHAIN.stay_h / (CHAIN.stay_h + 1 / CHAIN.rate_per_h + CHAIN.turnaround_h))
    assert before.sum(axis=2) == pytest.approx(1)
    assert after == pytest.approx(before, abs=1e-5)


def test_free_stays_free_with_the_exponential_law():
    assert CHAIN.step(30).by_count[:, 0, 0, 0] == pytest.approx(np.exp(-30 * CHAIN.rate_per_h), abs=1e-5)


def test_a_ship_seen_at_berthing_is_still_there_with_the_survival_of_the_stay():
    still = CHAIN.step(30).full[:, K + 1, K + 1 : 2 * K + 1].sum(axis=1)
    assert still == pytest.approx(gamma.sf(30, K, scale=CHAIN.stay_h / K), abs=1e-5)


def test_arrivals_in_a_step_come_at_the_stationary_rate():
    by_count = CHAIN.step(40).by_count
    unseen = CHAIN.stationary[:, [*range(K + 1), 2 * K + 1]]

    arrivals = np.einsum("gi,gijn,n->g", unseen, by_count, np.arange(by_count.shape[-1]))

    cycle_h = CHAIN.stay_h + 1 / CHAIN.rate_per_h + CHAIN.turnaround_h
    assert arrivals == pytest.approx(40 / cycle_h, rel=1e-3)


def test_the_berth_is_free_again_after_the_turnaround():
    full = CHAIN.step(2).full

    assert full[:, -1, -1] == pytest.approx(np.exp(-2 / CHAIN.turnaround_h), abs=1e-5)
