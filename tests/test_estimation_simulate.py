"""Simulated port-years: the proof runs, is repeatable, and would find a wrong estimator out."""

import json

import numpy as np
import pytest
from cli_runner import run

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.port import load_port
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.chain import mean_stay_h
from berthwatch.estimation.looks import NO_LOOK, SIGHTING
from berthwatch.estimation.port_calls import look_at, simulate_calls
from berthwatch.estimation.simulate import Scenario, simulate_port_calls

CARGO = load_cargo()
BERTH = load_port("vostochny").berths[0]
YEAR_H = 365 * 24


def calls(berths=400, **options):
    return simulate_calls(CARGO, BERTH, berths=berths, hours=YEAR_H, rng=np.random.default_rng(0), **options)


def test_a_berth_holds_one_ship_at_a_time():
    truth = calls()

    assert (truth.departure_h > truth.arrival_h).all()
    assert (truth.arrival_h[:, 1:] > truth.departure_h[:, :-1]).all()


def test_calls_come_at_the_rate_asked_for():
    assert calls(calls_per_year=60).inside.sum(axis=1).mean() == pytest.approx(60, rel=0.03)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_stays_are_as_long_as_asked_for(factor):
    truth = calls(stay_factor=factor, calls_per_year=60)

    stay = (truth.departure_h - truth.arrival_h)[:, 1:20]
    assert stay.mean() == pytest.approx(factor * mean_stay_h(CARGO.traffic) * np.exp(0.2**2 / 2), rel=0.03)


def test_ships_come_back():
    truth = calls(berths=200, calls_per_year=65)

    hulls = [len(np.unique(lengths[inside])) for lengths, inside in zip(truth.length_m, truth.inside, strict=True)]
    # 65 calls at concentration 8: sum over i of 8 / (8 + i) = 18 hulls; a few more, as no hull is back at once.
    assert 17.5 < np.mean(hulls) < 20.5


def test_no_hull_is_back_before_her_round_trip():
    truth = calls(berths=50, calls_per_year=150)

    for hull, arrival, departure in zip(truth.hull, truth.arrival_h, truth.departure_h, strict=True):
        for ship in np.unique(hull):
            hers = hull == ship
            assert (arrival[hers][1:] - departure[hers][:-1] >= CARGO.traffic.round_trip_h.value).all()


def test_lengths_are_those_of_the_port_file():
    lengths = calls().length_m[:, 0]

    assert np.quantile(lengths, (0.05, 0.95)) == pytest.approx(BERTH.ship_length_m, rel=0.08)


def test_looks_come_as_often_and_as_clear_as_asked_for():
    truth = calls(berths=200, calls_per_year=100)
    watched = look_at(
        truth, CARGO, BERTH, hours=YEAR_H, revisit_days=3, cloud=0.4, gsd_m=3, length_sd_m=5, max_step_h=48,
        rng=np.random.default_rng(1),
    )  # fmt: skip

    clear = (watched.outcome != NO_LOOK).sum(axis=0)
    assert clear.mean() == pytest.approx(365 / 3 * 0.6, rel=0.03)
    assert np.diff(watched.hour).max() <= 48
    occupancy = ((truth.departure_h.clip(max=YEAR_H) - truth.arrival_h) * truth.inside).sum(axis=1).mean() / YEAR_H
    sighted = (watched.outcome == SIGHTING).sum() / clear.sum()
    assert sighted == pytest.approx(0.70 * occupancy + 0.01 * (1 - occupancy), rel=0.08)


def test_the_same_seed_gives_the_same_result_and_another_one_another():
    scenario = Scenario(port_years=40, revisit_days=3, draws=40, seed=5)

    a, b, c = (simulate_port_calls(s, CARGO, BERTH) for s in (scenario, scenario, Scenario(40, 3, draws=40, seed=6)))

    assert a.barrels == b.barrels
    assert a.barrels != c.barrels


@pytest.fixture(scope="module")
def proved():
    return simulate_port_calls(Scenario(port_years=320, revisit_days=2, cloud=0.3, draws=100), CARGO, BERTH)


def test_intervals_hold_the_truth_about_as_often_as_they_say(proved):
    # 320 port-years: standard errors 1.7 % and 2.8 %; the bounds are three of them. The docs have the long runs.
    assert proved.barrels.coverage_90 == pytest.approx(0.90, abs=0.05)
    assert proved.barrels.coverage_50 == pytest.approx(0.50, abs=0.085)
    assert abs(proved.barrels.bias) < 0.08
    assert proved.calls.coverage_90 > 0.85


def test_counting_what_was_seen_alone_misses_most(proved):
    assert proved.naive_bias < -0.5
    assert proved.share_seen == pytest.approx(1 + proved.naive_bias)


def test_a_stay_twice_as_long_as_assumed_is_found_out():
    wrong = simulate_port_calls(Scenario(96, 5, 0.3, stay_factor=2.0, draws=60, calls_per_year=60), CARGO, BERTH)
    right = simulate_port_calls(Scenario(96, 5, 0.3, draws=60, calls_per_year=60), CARGO, BERTH)

    assert wrong.calls.bias > right.calls.bias + 0.3


def test_visits_are_the_calls_that_were_seen(proved):
    # At daily looks 95 % of visits are right and at two days 98 %; docs/coverage.md has the table.
    daily = simulate_port_calls(Scenario(128, 1, 0.0, draws=100, calls_per_year=64), CARGO, BERTH)

    assert proved.visits_right > 0.97
    assert daily.visits_right > 0.94


def test_a_poor_length_errs_to_no_side():
    poor = simulate_port_calls(Scenario(192, 2, 0.0, length_sd_m=10, draws=60, calls_per_year=60), CARGO, BERTH)

    # A true mean of 0 is told to 0.02: deadweight and laden fraction are off by 17 % in each port-year.
    assert abs(poor.seen_barrels.bias) < 0.05


def test_recall_that_differs_from_hull_to_hull_leaves_more_unseen():
    alike, uneven = (
        simulate_port_calls(Scenario(192, 1, 0.0, hull_recall_sd=sd, draws=40, calls_per_year=60), CARGO, BERTH)
        for sd in (0.0, 0.3)
    )

    assert uneven.share_seen < alike.share_seen - 0.02
    assert uneven.calls.bias < alike.calls.bias - 0.01


def test_the_command_writes_the_figures(tmp_path, capsys):
    told = tmp_path / "cell.json"

    words = "--port-years 32 --revisit-days 5 --cloud 0.6 --seed 2 --draws 40 --hull-recall-sd 0.2 --calls-per-year 50"
    assert run(capsys, "simulate", "port-calls", *words.split(), "--json", told).code == 0

    content = json.loads(told.read_text())
    wanted = simulate_port_calls(
        Scenario(32, 5, 0.6, seed=2, draws=40, hull_recall_sd=0.2, calls_per_year=50), CARGO, BERTH
    )
    assert {name: content[name] for name in ("coverage_50", "coverage_90", "bias")} == {
        name: getattr(wanted.barrels, name) for name in ("coverage_50", "coverage_90", "bias")
    }


def test_coverage_and_bias_stand_at_the_top_of_the_json(proved):
    content = proved.to_json()

    assert content["coverage_90"] == proved.barrels.coverage_90
    assert content["coverage_50"] == proved.barrels.coverage_50
    assert content["bias"] == proved.barrels.bias
    assert content["scenario"]["revisit_days"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cloud": 1.5}, "cloud must be within 0 and 0.99, got 1.5"),
        ({"revisit_days": 0}, "revisit_days must be within 0.1 and 60"),
        ({"port_years": 0}, "port_years"),
        ({"calls_per_year": -3}, "calls_per_year must be above 0"),
        ({"hull_recall_sd": 0.7}, "hull_recall_sd must be within 0 and 0.4"),
    ],
)
def test_wrong_scenarios_are_told(options, message):
    with pytest.raises(BerthwatchError, match=message):
        Scenario(**options)
