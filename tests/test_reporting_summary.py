"""The first sentences say when the pictures were taken, and what rests on no picture."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from reporting_cases import SIX_CALLS, START, Call, build, make_port, make_scenes

from berthwatch.configs.cargo import load_cargo
from berthwatch.estimation.estimate import Estimate, estimate
from berthwatch.reporting import page_tables, wording
from berthwatch.reporting.summary import summarise


def watched(n_scenes: int, days: float, *, start=None, end=None, product=None) -> Estimate:
    """Six calls in clear scenes, spread over so many days, and the period asked for."""
    port = make_port()
    records, detections = make_scenes(port, SIX_CALLS, n_scenes, days, (), (), 7)
    return estimate(port, records, detections, load_cargo(), product=product, period=(start, end), draws=200)


def test_the_first_sentence_gives_the_pictures_dates_and_the_second_the_period():
    e = watched(1, 0, start=datetime(2024, 2, 1, tzinfo=UTC), end=datetime(2024, 4, 30, tzinfo=UTC))

    first, second, *_ = summarise(e).sentences

    assert "A satellite picture taken on 7 March 2024 shows" in first
    assert "Counting visits between 1 February and 30 April 2024 that no picture shows" in second


@pytest.mark.parametrize(
    ("case", "assumed"),
    [
        ({"n_scenes": 2, "days": 20}, True),
        ({"n_scenes": 16, "days": 42}, False),
        ({"n_scenes": 16, "days": 42, "start": START - timedelta(days=40)}, False),
        ({"n_scenes": 16, "days": 42, "start": START - timedelta(days=44)}, True),
    ],
    ids=["two looks", "a look every third day", "as long again unwatched", "longer unwatched than watched"],
)
def test_what_rests_on_assumed_traffic_says_so_in_its_own_sentence(case, assumed):
    sentences = summarise(watched(**case)).sentences

    (unseen,) = [s for s in sentences if s.startswith("Counting visits")]
    assert ("rests on assumed traffic, not on pictures" in unseen) == assumed
    (cap,) = [s for s in sentences if "of the 500,000 barrels" in s]
    assert cap.startswith("On that traffic it is about") == assumed


def test_a_year_without_a_picture_is_set_against_no_cap_at_the_top():
    e = watched(3, 10, start=datetime(2022, 6, 1, tzinfo=UTC))

    summary = summarise(e)

    assert {2022, 2023, 2024} == set(e.ledger.by_year.year)
    assert [s.split(" allows in ")[1][:4] for s in summary.sentences if " allows in " in s] == ["2024"]
    assert not [f for f in summary.figures if "2022" in f.label or "2023" in f.label]
    assert [row[0] for row in page_tables.years(e)] == ["2022", "2023", "2024"]


def test_that_the_ships_loaded_is_called_assumed_at_the_top_and_in_the_list():
    e = watched(16, 42)

    assumed = dict(page_tables.knowledge(e))["assumed"]

    assert "and so is that they loaded, and did not discharge or lie idle: no picture shows it" in summarise(e).basis
    assert assumed[0].source == "that they loaded, and did not discharge or lie idle, is assumed: no picture shows it"


def test_defaults_of_another_trade_are_named_until_the_user_chooses():
    default, product = watched(2, 3), watched(2, 3, product="crude")
    faster = default.cargo.traffic.model_copy(
        update={"turnaround_h": default.cargo.traffic.turnaround_h.model_copy(update={"value": 3})}
    )
    own = replace(default, cargo=default.cargo.model_copy(update={"traffic": faster}))

    assert page_tables.defaults_note(default).endswith("for another trade give --cargo and --product.")
    assert page_tables.defaults_note(product).endswith("for another trade give --cargo.")
    assert page_tables.defaults_note(own) == ""


def test_visits_as_joined_and_visits_as_reckoned_are_told_apart():
    e = watched(16, 42)

    (visits,) = [f for f in summarise(e).figures if f.label == "Visits seen"]

    assert visits.value == str(int(e.visits.counts.sum()))
    seen = e.total("seen")
    reckoned = f"{wording.quantile_range(seen, 'visits')} (90%, median {seen['visits_p50']:.0f})"
    assert f"sightings joined to visits; {reckoned} allowing for false alarms and wrong joins" in visits.notes


@pytest.mark.parametrize(
    ("probabilities", "by_whom"),
    [
        ([0.7], "probably by a tanker"),
        ([0.51], "by a tanker or another ship"),
        ([0.2], "probably not by a tanker"),
        ([0.51, 0.4], "by tankers or other ships"),
        ([0.2, 0.3], "probably not by tankers"),
        ([0.7, 0.51], "one of them probably by a tanker"),
    ],
)
def test_more_than_even_odds_are_needed_for_a_probable_tanker(probabilities, by_whom):
    calls = tuple(Call(0, 6.0 * i, 6.0 * i + 1, 90, 14) for i in range(len(probabilities)))
    e = build(calls=calls, n_scenes=43, days=42, cloudy=(), off_swath=())
    doubted = replace(e, visits=e.visits.assign(tanker_probability=probabilities))

    assert summarise(doubted).headline.endswith(f"Oil berth 1, Vostochny, {by_whom}")


@pytest.mark.parametrize(
    ("probability", "kind"),
    [(0.95, "tanker"), (0.66, "probable tanker"), (0.51, "tanker or other ship"), (0.32, "ship")],
)
def test_the_ladder_of_kinds(probability, kind):
    assert wording.kind_of_ship(probability) == kind
