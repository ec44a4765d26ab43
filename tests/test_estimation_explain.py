"""The chain of one visit: every step has a status and a source, and whoever works it out again gets our figure."""

import re

import pandas as pd
import pytest
from estimation_scenes import PORT, Ship, watched

from berthwatch.configs.cargo import load_cargo
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.estimate import Estimate, estimate
from berthwatch.estimation.explain import Step, explain_visit
from berthwatch.estimation.visit_list import estimate_visit_list, read_visit_list

CARGO = load_cargo()
# Day 4 may show another ship of the same length: the chain has more than one call. Day 20 hardly shows a tanker.
LOOKS = {0.0: [], 3.0: [Ship(88)], 4.0: [Ship(90)], 5.0: [], 10.0: [Ship(105)], 13.0: [], 20.0: [Ship(80, tanker=0.3)]}

# A ship of like length at each look two days apart: three visits, or one that stayed.
ALIKE = {0.0: [Ship(92)], 2.0: [Ship(90)], 4.0: [Ship(93)]}


def run(**options: object) -> Estimate:
    return estimate(PORT, *watched(LOOKS), CARGO, draws=800, **options)


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "visits.csv"
    path.write_text(
        "date,length_m,length_sd_m,beam_m,beam_sd_m,dwt_t,ship,source\n"
        "2024-03-07,90,5,14,1.5,,,Planet picture of 7 March\n"
        "2024-03-12,,,,,3565,CHON MA SAN,\n"
    )
    return estimate_visit_list(read_visit_list(path), CARGO, product="gasoil", cap="un_dprk_refined")


def by_name(steps: list[Step]) -> dict[str, Step]:
    assert len({s.name for s in steps}) == len(steps)
    return {s.name: s for s in steps}


def numbers(text: str) -> list[float]:
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\.?\d*", text)]


def assert_adds_up(steps: dict[str, Step], loading: pd.Series) -> None:
    """The printed factors multiply to the printed barrels, which are the estimate's."""
    calls, full, share, barrels = numbers(steps["Barrels"].text)[:4]
    assert calls * full * share == pytest.approx(barrels, rel=2e-3)
    assert barrels == round(loading["barrels_mean"])
    assert numbers(steps["Full cargo"].text)[-1] == full
    assert numbers(steps["A tanker"].text)[-1] == calls
    share_of_dwt, dwt_t, rate, by_weight = numbers(steps["Full by weight"].text)[-4:]
    assert share_of_dwt * dwt_t * rate == pytest.approx(by_weight, rel=2e-3)
    filling, m3_per_t, dwt_again, bbl_per_m3, by_volume = numbers(steps["Full by volume"].text)[-5:]
    assert dwt_again == dwt_t
    assert filling * m3_per_t * dwt_t * bbl_per_m3 == pytest.approx(by_volume, rel=2e-3)
    assert full < 1.02 * min(by_weight, by_volume)
    assert all(s.source and s.status in ("observed", "assessed", "assumed") for s in steps.values())


@pytest.mark.parametrize("pump_limit", [False, True])
def test_the_chain_of_every_visit_seen_adds_up(pump_limit):
    result = run(pump_limit=pump_limit)

    for _, loading in result.loadings.iterrows():
        steps = explain_visit(result, loading["visit_id"], CARGO, pump_limit=pump_limit)
        assert_adds_up(by_name(steps), loading)


def test_the_chain_of_every_listed_visit_adds_up(listed):
    for _, loading in listed.loadings.iterrows():
        assert_adds_up(by_name(explain_visit(listed, loading["visit_id"], CARGO)), loading)


def test_sightings_that_may_be_of_two_ships_say_so():
    steps = by_name(explain_visit(run(), "oil-1-20240310T0200", CARGO))

    assert steps["Sightings"].text == "2 sightings, first 2024-03-10 02:00 UTC, last 2024-03-11 02:00 UTC"
    assert "one and the same with 0." in steps["Calls"].text
    assert 1.05 < numbers(steps["Calls"].text)[-1] < 1.6
    assert "detections s3-0, s4-0" in steps["Sightings"].source


def test_a_ship_that_is_probably_no_tanker_counts_in_part():
    steps = by_name(explain_visit(run(), "oil-1-20240327T0200", CARGO))

    assert steps["Sightings"].text == "one sighting, 2024-03-27 02:00 UTC"
    assert 0.6 < numbers(steps["A tanker"].text)[-1] < 0.95


def test_an_interval_that_begins_at_0_says_why():
    result = run()

    sure, doubtful = (explain_visit(result, f"oil-1-{at}", CARGO) for at in ("20240310T0200", "20240327T0200"))

    assert result.loadings["barrels_p05"].gt(0).tolist() == [True, True, False]
    assert "adds none" not in by_name(sure)["Barrels"].text
    why = by_name(doubtful)["Barrels"].text.partition("(0, because ")[2]
    assert re.fullmatch(r"with .* % this visit adds none: .* % nobody there; .* % a ship that is no tanker\)", why)
    none, nobody, another = numbers(why)
    assert none == pytest.approx(100 * (1 - numbers(by_name(doubtful)["A tanker"].text)[-1]), abs=0.1)
    assert nobody == pytest.approx(100 * (1 - numbers(by_name(doubtful)["Calls"].text)[-1]), abs=0.1)
    assert nobody + another == pytest.approx(none, abs=0.11)
    assert nobody > 1
    assert another > 5


def test_the_same_call_as_an_earlier_sighting_is_not_taken_for_nobody():
    result = estimate(PORT, *watched(ALIKE), CARGO, draws=800)
    first, second, _ = (visit["visit_id"] for visit in result.visits.to_dict("records"))
    sure, doubtful = (by_name(explain_visit(result, visit_id, CARGO)) for visit_id in (first, second))

    why = doubtful["Barrels"].text.partition("(0, because ")[2]
    assert re.fullmatch(
        r"with .* % this visit adds none: .* % nobody there; "
        r".* % the same call as an earlier sighting, counted there; .* % a ship that is no tanker\)",
        why,
    )
    none, nobody, earlier, another = numbers(why)
    there, told_earlier, calls = numbers(doubtful["Calls"].text)
    assert nobody == pytest.approx(100 * (1 - there), abs=0.6)
    assert earlier == told_earlier == pytest.approx(100 * there - 100 * calls, abs=0.6)
    assert nobody + earlier + another == pytest.approx(none, abs=0.16)
    assert none == pytest.approx(100 * (1 - numbers(doubtful["A tanker"].text)[-1]), abs=0.1)
    assert earlier > 10 > nobody
    assert "earlier sighting" not in sure["Calls"].text


def test_a_ship_that_may_have_stayed_has_no_observed_arrival_and_departure():
    result = estimate(PORT, *watched(ALIKE), CARGO, draws=800)

    first, second, last = (
        by_name(explain_visit(result, visit_id, CARGO))["Arrival and departure"]
        for visit_id in result.visits["visit_id"]
    )

    assert [step.status for step in (first, second, last)] == ["assessed"] * 3
    before, after = (float(p) for p in re.findall(r"with ([\d.]+) %", second.text))
    assert min(before, after) > 10
    assert first.text.endswith(f" UTC (or later: with {before} % the next sighting shows her still there)")
    assert f"UTC (or earlier: with {after} % she is the ship of the sighting before, and had stayed)" in last.text
    assert "or later" not in last.text
    assert "did not show her" not in first.source + second.source + last.source


def test_arrival_and_departure_between_looks_that_show_nobody_are_observed():
    step = by_name(explain_visit(run(), "oil-1-20240327T0200", CARGO))["Arrival and departure"]

    assert (step.status, step.source) == ("observed", "the clear looks before and after that did not show her")
    assert step.text == (
        "came between 2024-03-20 02:00 UTC and 2024-03-27 02:00 UTC, "
        "left between 2024-03-27 02:00 UTC and an unknown time"
    )


def test_the_notes_say_which_share_of_intervals_begins_at_0_and_why():
    (told,) = [w for w in run().warnings if "at 0 barrels" in w]
    (alike,) = [w for w in estimate(PORT, *watched(ALIKE), CARGO, draws=800).warnings if "at 0 barrels" in w]

    assert re.match(
        r"The 90 % interval of 1 visit begins at 0 barrels, because with \d+ % it adds none "
        r"\(nobody there; a ship that is no tanker\);",
        told,
    )
    assert told.endswith("`berthwatch barrels` tells more with `--explain oil-1-20240327T0200`.")
    assert "they add none (nobody there; the same call as an earlier sighting, counted there; a ship" in alike


def test_a_listed_ship_that_may_be_no_tanker_says_why_her_interval_begins_at_0(tmp_path):
    path = tmp_path / "visits.csv"
    path.write_text("date,length_m,tanker_probability\n2024-03-07,90,0.5\n2024-03-12,90,1\n")
    result = estimate_visit_list(read_visit_list(path), CARGO)

    doubtful, sure = (by_name(explain_visit(result, f"line-{n}", CARGO))["Barrels"].text for n in (2, 3))

    why = re.search(r"with ([\d.]+) % this visit adds none: ([\d.]+) % a ship that is no tanker\)$", doubtful)
    assert why
    assert float(why[1]) == float(why[2]) == pytest.approx(50, abs=4)
    assert "adds none" not in sure


def test_a_known_deadweight_and_the_lists_own_source_are_named(listed):
    measured, known = (by_name(explain_visit(listed, f"line-{n}", CARGO)) for n in (2, 3))

    assert measured["Visit"].source == measured["Size"].source == "Planet picture of 7 March"
    assert "length and beam" in measured["Deadweight"].source
    assert known["Deadweight"].text == "3,565 t, as of CHON MA SAN"
    assert known["Visit"].source == "visits.csv, line 3"
    assert "Size" not in known
    assert "= 3.8% of a year's cap" in known["Share of the cap"].text


def test_an_identified_ship_replaces_the_guess():
    known = pd.DataFrame({"visit_id": ["oil-1-20240317T0200"], "name": ["8660313"], "dwt_t": [3565.0]})
    result = run(identified=known)

    steps = by_name(explain_visit(result, "oil-1-20240317T0200", CARGO))

    assert steps["Deadweight"].text == "3,565 t, as of 8660313"
    assert_adds_up(steps, result.loadings.iloc[1])
    assert "x 3,565 t x" in steps["Full by weight"].text


def test_the_pumping_bound_is_worked_out():
    steps = by_name(explain_visit(run(pump_limit=True), "oil-1-20240310T0200", CARGO, pump_limit=True))

    hours, other_h, rate, bbl_per_m3, most = numbers(steps["Pumping"].text.replace("m3/h", ""))
    assert (hours, round(rate)) == (120, 567)
    assert (hours - other_h) * rate * bbl_per_m3 == pytest.approx(most, rel=2e-3)
    last = by_name(explain_visit(run(pump_limit=True), "oil-1-20240327T0200", CARGO, pump_limit=True))
    assert last["Pumping"].text == "no look bounds her stay, so this bounds nothing"


def test_explaining_an_unknown_visit_lists_the_known_ones(listed):
    with pytest.raises(BerthwatchError, match="line-2, line-3"):
        explain_visit(listed, "line-99", CARGO)
