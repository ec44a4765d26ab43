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
    full, by_count = CHAIN.step(hours)

    assert full.min() >= 0
    assert full.sum(axis=2) == pytest.approx(1, abs=1e-5)
    assert by_count.sum(axis=(2, 3)) == pytest.approx(1, abs=1e-5)


def test_two_steps_are_one_of_twice_the_length():
    half, _ = CHAIN.step(9)
    whole, _ = CHAIN.step(18)

    # A ship seen stays the ship of the last sighting over both; what was unseen may only stay unseen.
    assert half @ half == pytest.approx(whole, abs=1e-5)


def test_no_time_changes_nothing():
    full, by_count = CHAIN.step(0)

    assert np.abs(full - np.eye(CHAIN.states)).max() < 1e-6
    assert by_count[..., 1:].max() < 1e-6


def test_the_stationary_share_of_time_taken_is_stay_over_cycle():
    full, _ = CHAIN.step(24)
    before = CHAIN.stationary[:, None, :]
    after = before @ full

    taken = 1 - before[:, 0, 0]
    assert taken == pytest.approx(CHAIN.stay_h / (CHAIN.stay_h + 1 / CHAIN.rate_per_h))
    assert after == pytest.approx(before, abs=1e-5)


def test_free_stays_free_with_the_exponential_law():
    _, by_count = CHAIN.step(30)

    assert by_count[:, 0, 0, 0] == pytest.approx(np.exp(-30 * CHAIN.rate_per_h), abs=1e-5)


def test_a_ship_seen_at_berthing_is_still_there_with_the_survival_of_the_stay():
    full, _ = CHAIN.step(30)

    still = full[:, K + 1, K + 1 :].sum(axis=1)
    assert still == pytest.approx(gamma.sf(30, K, scale=CHAIN.stay_h / K), abs=1e-5)


def test_arrivals_in_a_step_come_at_the_stationary_rate():
    _, by_count = CHAIN.step(40)
    stages = np.concatenate([CHAIN.stationary[:, :1], CHAIN.stationary[:, 1 : K + 1]], axis=1)

    arrivals = np.einsum("gi,gijn,n->g", stages, by_count, np.arange(by_count.shape[-1]))

    assert arrivals == pytest.approx(40 / (CHAIN.stay_h + 1 / CHAIN.rate_per_h), rel=1e-3)
