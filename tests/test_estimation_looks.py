"""Looks that follow each other closely are one witness, however the clock's hours fall."""

import pytest
from estimation_scenes import PORT, START, Ship, watched

from berthwatch.configs.cargo import load_cargo
from berthwatch.estimation.looks import NO_LOOK, SIGHTING, VACANT, read_looks
from berthwatch.estimation.occupancy import observe_berths


def outcomes(minutes):
    """Outcomes of looks, minutes after the start -> ships seen, in order of time."""
    records, found = watched({m / 1440: ships for m, ships in minutes.items()})
    observations = observe_berths(PORT, records, found, recall=load_cargo().detector.recall)
    start_s = START.timestamp()
    looks, _, _ = read_looks(
        observations,
        found,
        PORT.berths,
        period_s=(start_s, start_s + 86_400),
        max_step_h=72,
        traffic=load_cargo().traffic,
    )
    return [int(o) for o in looks.outcome[:, 0] if o != NO_LOOK]


@pytest.mark.parametrize("first", [0, 20, 25, 29, 45])
def test_two_empty_looks_fifteen_minutes_apart_count_once(first):
    assert outcomes({first: [], first + 15: []}) == [VACANT]


@pytest.mark.parametrize("first", [0, 20, 25, 29, 45])
def test_a_sighting_overrules_an_empty_look_fifteen_minutes_away(first):
    assert outcomes({first: [], first + 15: [Ship()]}) == [SIGHTING]
    assert outcomes({first: [Ship()], first + 15: []}) == [SIGHTING]


def test_looks_less_than_an_hour_apart_make_a_chain():
    assert outcomes({0: [], 50: [], 100: []}) == [VACANT]


@pytest.mark.parametrize("first", [0, 20, 29, 30])
def test_looks_an_hour_apart_count_each(first):
    assert outcomes({first: [], first + 61: [Ship()]}) == [VACANT, SIGHTING]
