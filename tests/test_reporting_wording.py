"""Numbers and dates as the report prints them."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.reporting import wording


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (91_437, 3, "91,400"),
        (91_437, 2, "91,000"),
        (0, 3, "0"),
        (7.4, 3, "7"),
        (999_600, 3, "1 million"),
        (6_700_000, 3, "6.7 million"),
        (500_000, 3, "500,000"),
        (float("nan"), 3, "unknown"),
    ],
)
def test_barrels_are_rounded_to_what_is_known(value, digits, text):
    assert wording.barrels(value, digits) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (62_123, 118_300, "62,100–118,000"),
        (0.2, 0.3, "0"),
        (1_240_000, 3_000_000, "1.24–3 million"),
        (831_000, 1_920_000, "831,000–1.92 million"),
    ],
)
def test_an_interval_of_barrels_says_its_unit_once(low, high, text):
    assert wording.barrel_range(low, high) == text


@given(st.floats(1, 1e9), st.integers(1, 6))
def test_rounding_keeps_as_many_digits_as_asked(value, digits):
    rounded = wording.round_significant(value, digits)

    assert abs(rounded - value) <= 0.5001 * 10 ** (len(str(int(value))) - digits)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "<1%"), (0.004, "<1%"), (0.37, "37%"), (0.994, ">99%"), (1.0, ">99%"), (float("nan"), "unknown")],
)
def test_a_probability_never_claims_certainty(value, text):
    assert wording.probability(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0%"), (0.001, "<1%"), (0.183, "18%"), (12.89, "1,289%")])
def test_a_share_that_is_not_nothing_is_not_printed_as_nothing(value, text):
    assert wording.percent(value) == text


def test_counts_are_words_up_to_twelve_and_agree_in_number():
    assert [wording.count(n, "visit") for n in (0, 1, 2, 12, 13)] == [
        "no visits",
        "one visit",
        "two visits",
        "twelve visits",
        "13 visits",
    ]


START = datetime(2024, 3, 7, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "period", "between"),
    [
        (START + timedelta(hours=3), "7 March 2024", "on 7 March 2024"),
        (START + timedelta(days=2), "7–9 March 2024", "between 7 March and 9 March 2024"),
        (START + timedelta(days=42), "7 March – 18 April 2024", "between 7 March and 18 April 2024"),
        (START + timedelta(days=366), "7 March 2024 – 8 March 2025", "between 7 March 2024 and 8 March 2025"),
    ],
)
def test_a_period_says_each_part_of_its_dates_once(end, period, between):
    assert wording.period(START, end) == period
    assert wording.between(START, end) == between


def test_a_missing_time_is_said_to_be_missing():
    assert wording.moment(None) == "time unknown"
    assert wording.short_moment(pd.NaT) == "unknown"
    assert wording.moment(pd.Timestamp(START)) == "7 March 2024, 02:14 UTC"
