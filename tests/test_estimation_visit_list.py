"""Barrels from a list of visits that an analyst typed, and what is said of a wrong one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.configs.cargo import load_cargo
from berthwatch.errors import BerthwatchError
from berthwatch.estimation.visit_list import estimate_visit_list, read_visit_list

CARGO = load_cargo()


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "visits.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def five(tmp_path):
    return read_visit_list(
        write(
            tmp_path,
            "date, length_m, dwt_t, ship",
            "2024-03-20, 88, , ",
            "2024-03-07, 90, , PAEK YANG SAN 1",
            "2024-03-12, , 3565, CHON MA SAN",
            "2024-03-15T03:30:00+10:00, 95, ,",
            "2024-03-25, , 3565, CHON MA SAN",
        )
    )


def test_visits_come_in_order_of_date_in_utc(five):
    assert five["last_seen"].is_monotonic_increasing
    assert five["visit_id"].tolist() == ["line-3", "line-4", "line-5", "line-2", "line-6"]
    assert str(five["last_seen"][2]) == "2024-03-14 17:30:00+00:00"
    assert five["last_seen"][0].hour == 12


def test_all_visits_are_seen_and_none_is_unseen(five):
    totals = estimate_visit_list(five, CARGO).totals.set_index("part")

    assert totals.loc["seen", "visits_p05"] == totals.loc["seen", "visits_p95"] == 5
    assert totals.loc["unseen", "barrels_mean"] == 0
    assert totals.loc["total", "barrels_mean"] == totals.loc["seen", "barrels_mean"]


def test_a_known_deadweight_is_taken_as_it_is(five):
    result = estimate_visit_list(five, CARGO, product="gasoil")
    known = result.loadings.set_index("visit_id").loc["line-4"]

    # 0.9 x 3,565 t x mean of 7.2-7.46-7.5 bbl/t
    assert known["barrels_laden_90"] == pytest.approx(0.9 * 3565 * (7.2 + 7.46 + 7.5) / 3, rel=0.002)


def test_lines_that_name_one_ship_share_her_size(tmp_path):
    header, lines = "date,length_m,length_sd_m,ship", [f"2024-03-{d:02d},90,12,X" for d in range(1, 21)]
    named = read_visit_list(write(tmp_path, header, *lines))
    unnamed = read_visit_list(write(tmp_path, header, *(line[:-1] for line in lines)))

    one, many = (estimate_visit_list(v, CARGO).totals.iloc[0] for v in (named, unnamed))

    # Twenty measurements of one hull agree on her length, but her scatter about the regression does not average out.
    assert estimate_visit_list(named, CARGO).visits["dwt_t_p50"].nunique() == 1
    assert one["barrels_p95"] - one["barrels_p05"] > many["barrels_p95"] - many["barrels_p05"]


def test_a_cap_is_set_against_the_calendar_year(five):
    year = estimate_visit_list(five, CARGO, cap="un_dprk_refined").ledger.by_year.iloc[0]

    assert year["total_fraction_of_cap_p50"] == pytest.approx(year["total_p50"] / 500_000)
    assert year["total_probability_cap_passed"] == 0


WRONG = {
    "negative deadweight": (
        ("date,dwt_t", "2024-03-07,-5"),
        "line 2: dwt_t must be within 50 and 600,000 tonnes, got -5",
    ),
    "no size": (
        ("date,dwt_t,length_m", "2024-03-07,3565,", "2024-03-08,,"),
        "line 3: dwt_t and length_m are both empty",
    ),
    "naive time": (("date,dwt_t", "2024-03-07T10:00,3565"), "line 2: date '2024-03-07T10:00' has no time zone"),
    "not a date": (("date,dwt_t", "7 March,3565"), "line 2: date is '7 March'; write YYYY-MM-DD"),
    "not a number": (("date,length_m", "2024-03-07,ninety"), "line 2: length_m is 'ninety', not a number"),
    "length in feet": (("date,length_m", "2024-03-07,1090"), "length_m must be within 15 and 500 metres, got 1090"),
    "unknown column": (("date,lenght_m", "2024-03-07,90"), "column 'lenght_m' is unknown; did you mean 'length_m'"),
    "no date": (("length_m", "90"), "has no column 'date'"),
    "no visit": (("date,length_m",), "lists no visit"),
    "visit twice": (
        ("date,dwt_t,visit_id", "2024-03-07,3565,a", "2024-03-09,3565,a"),
        "line 3: visit_id 'a' comes twice",
    ),
    "ship twice a day": (("date,dwt_t,ship", "2024-03-07,3565,X", "2024-03-07,3565,X"), "ship 'X' is listed twice"),
    "beam without sd": (("date,length_m,beam_m", "2024-03-07,90,14"), "beam_m without beam_sd_m"),
    "probability over one": (
        ("date,dwt_t,tanker_probability", "2024-03-07,3565,90"),
        r"within 0 and 1 \(a probability\), got 90",
    ),
}


@pytest.mark.parametrize(("lines", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_list_is_told_by_line_column_and_value(tmp_path, lines, message):
    path = write(tmp_path, *lines)

    with pytest.raises(BerthwatchError, match=message) as caught:
        read_visit_list(path)

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_unknown_product_and_cap_are_told(five):
    with pytest.raises(BerthwatchError, match="known products"):
        estimate_visit_list(five, CARGO, product="petrol")
    with pytest.raises(BerthwatchError, match="known caps"):
        estimate_visit_list(five, CARGO, cap="mine")


@settings(deadline=None, max_examples=25)
@given(st.floats(45, 320), st.floats(2, 40), st.floats(1, 15))
def test_a_larger_ship_never_gives_fewer_barrels(tmp_path_factory, length_m, longer_m, sd_m):
    folder = tmp_path_factory.mktemp("lists")
    totals = []
    for length in (length_m, length_m + longer_m):
        visits = read_visit_list(write(folder, "date,length_m,length_sd_m", f"2024-03-07,{length},{sd_m}"))
        totals.append(estimate_visit_list(visits, CARGO, draws=500).totals.iloc[0])

    small, large = totals
    # The 5 % point may fall: above 130 m deadweight rises more steeply, so that the same error of length weighs more.
    for name in ("barrels_p50", "barrels_mean", "barrels_laden_50"):
        assert large[name] >= small[name] * (1 - 1e-9)


@settings(deadline=None, max_examples=15)
@given(st.floats(60, 250), st.floats(1, 5), st.floats(6, 15))
def test_a_less_certain_length_never_narrows_the_interval(tmp_path_factory, length_m, sd_m, wider_sd_m):
    folder = tmp_path_factory.mktemp("lists")
    widths = []
    for sd in (sd_m, wider_sd_m):
        visits = read_visit_list(write(folder, "date,length_m,length_sd_m", f"2024-03-07,{length_m},{sd}"))
        row = estimate_visit_list(visits, CARGO, draws=3000).totals.iloc[0]
        widths.append(np.log(row["barrels_p95"] / row["barrels_p05"]))

    assert widths[1] >= widths[0] - 0.01


@pytest.mark.parametrize(
    ("group", "field"), [("laden", "port_sd"), ("laden", "call_sd"), ("deadweight", "fleet_bias_sd_ln")]
)
def test_widening_an_assumption_never_narrows_the_interval(five, group, field):
    section = getattr(CARGO, group)
    number = getattr(section, field)
    wider = section.model_copy(update={field: number.model_copy(update={"value": number.value * 1.6})})

    narrow, wide = (
        estimate_visit_list(five, cargo, draws=4000).totals.iloc[0]
        for cargo in (CARGO, CARGO.model_copy(update={group: wider}))
    )

    assert wide["barrels_p95"] - wide["barrels_p05"] > narrow["barrels_p95"] - narrow["barrels_p05"]
