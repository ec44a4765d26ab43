"""The simulated truth: what comes and goes, and what a satellite can see of it."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from berthwatch.demo_traffic import START, Traffic, simulate_traffic

SEEDS = range(12)


@pytest.fixture(params=SEEDS)
def traffic(request: pytest.FixtureRequest) -> Traffic:
    return simulate_traffic(np.random.default_rng(request.param), 42)


def test_five_to_seven_calls_by_tankers_of_70_to_115_m(traffic: Traffic) -> None:
    assert 5 <= len(traffic.calls) <= 7
    for call in traffic.calls:
        assert call.hull.kind == "tanker"
        assert 70 <= call.hull.length_m <= 115
        assert 10 <= call.hull.beam_m <= 21


def test_one_ship_at_the_berth_at_a_time(traffic: Traffic) -> None:
    for before, after in pairwise(traffic.calls):
        assert before.departure + timedelta(hours=8) <= after.arrival + timedelta(seconds=1)
    assert traffic.calls[0].arrival >= START
    assert traffic.calls[-1].departure <= START + timedelta(days=42)


def test_cargo_is_what_the_ship_can_carry(traffic: Traffic) -> None:
    for call in traffic.calls:
        tonnes_at_least = call.barrels / 8.7
        assert 0.4 * call.hull.dwt_t < tonnes_at_least < 0.95 * call.hull.dwt_t
    assert traffic.barrels == sum(call.barrels for call in traffic.calls)


def test_at_least_fourteen_looks_one_to_four_days_apart(traffic: Traffic) -> None:
    assert len(traffic.looks) >= 14
    for before, after in pairwise(traffic.looks):
        assert timedelta(hours=20) < after.acquired_at - before.acquired_at < timedelta(days=4.2)


def test_some_looks_are_overcast_and_one_is_off_the_swath(traffic: Traffic) -> None:
    assert sum(look.cloud_cover == 1.0 for look in traffic.looks) >= 2
    assert sum(not look.on_swath for look in traffic.looks) == 1
    assert sum(look.cloud_cover == 0.0 and look.on_swath for look in traffic.looks) >= 8


def test_no_two_ships_at_one_place(traffic: Traffic) -> None:
    for place in {stay.place for stay in traffic.others}:
        stays = [stay for stay in traffic.others if stay.place == place]
        for before, after in pairwise(stays):
            assert before.departure < after.arrival


def test_same_seed_same_traffic() -> None:
    first, second, other = (simulate_traffic(np.random.default_rng(seed), 42) for seed in (1, 1, 2))

    assert first == second
    assert first != other
