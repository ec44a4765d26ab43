"""Deliveries that states reported: those outside the period are told, and never taken for a report of 0 barrels."""

import pandas as pd
import pytest
from cli_runner import run as command
from estimation_scenes import PORT, Ship, at_day, watched

from berthwatch.configs.cargo import load_cargo
from berthwatch.estimation.estimate import Estimate, estimate
from berthwatch.estimation.visit_list import estimate_visit_list, read_visit_list
from berthwatch.inference.store import write_scene

CARGO = load_cargo()
LOOKS = {0.0: [], 3.0: [Ship(88)], 5.0: [], 20.0: []}  # 7 to 27 March 2024


def run(*deliveries: tuple[str, float], **options) -> Estimate:
    dates, barrels = zip(*deliveries, strict=True)
    reported = pd.DataFrame({"date": pd.to_datetime(dates, utc=True, format="ISO8601"), "barrels": barrels})
    return estimate(PORT, *watched(LOOKS), CARGO, draws=100, reported=reported, **options)


def notes(result) -> list[str]:
    return [w for w in result.warnings if "deliveries reported" in w]


def test_deliveries_after_the_period_and_of_earlier_years_are_left_out_and_told():
    result = run(("2023-12-31", 30_000), ("2024-03-01", 5_000), ("2024-03-27T23:00", 7_000), ("2024-03-28", 90_000))

    assert notes(result) == [
        "Of the deliveries reported, 2 lines with 120,000 barrels lie outside the period 2024-03-07 to 2024-03-27 and "
        "are left out. Those before it in 2024 count: a cap is of a calendar year."
    ]
    (year,) = result.ledger.by_year.to_dict("records")
    assert (year["reported_bbl"], year["reported_lines"]) == (12_000, 2)


def test_one_line_is_told_as_one():
    (note,) = notes(run(("2024-03-10", 1), ("2024-06-30", 120_000)))

    assert "1 line with 120,000 barrels lies outside the period 2024-03-07 to 2024-03-27 and is left out" in note


def test_deliveries_within_the_period_need_no_note():
    assert notes(run(("2024-01-01", 1_000), ("2024-03-27", 1_000))) == []


def test_a_year_of_which_nothing_was_reported_within_the_period_has_no_bounds():
    year = run(("2024-06-30", 120_000)).ledger.by_year.iloc[0]

    assert year["reported_lines"] == 0
    assert pd.isna(year["reported_bbl"])
    assert pd.isna(year["total_plus_reported_p50"])


def test_a_report_of_0_barrels_is_a_report():
    year = run(("2024-03-10", 0.0)).ledger.by_year.iloc[0]

    assert (year["reported_bbl"], year["reported_lines"]) == (0, 1)
    assert year["total_plus_reported_p50"] == year["total_p50"]


def test_a_year_without_a_line_does_not_take_its_neighbours():
    years = run(("2024-03-10", 4_000), period=(None, at_day(320))).ledger.by_year.set_index("year")

    assert years.loc[2024, "reported_bbl"] == 4_000
    assert pd.isna(years.loc[2025, "reported_bbl"])


def test_a_period_that_ends_with_a_day_does_not_count_the_next():
    deliveries = ("2024-12-31T23:00", 4_000), ("2025-01-01T01:00", 90_000)
    year_end = pd.Timestamp("2025-01-01", tz="UTC").to_pydatetime()

    result = run(*deliveries, period=(None, year_end))

    assert "90,000 barrels lies outside the period 2024-03-07 to 2024-12-31" in notes(result)[0]
    assert result.ledger.by_year[["year", "reported_bbl"]].to_numpy().tolist() == [[2024, 4_000]]
    assert result.ledger.by_date["date"].iloc[-1] == year_end


def test_a_list_of_visits_tells_it_too(tmp_path):
    path = tmp_path / "visits.csv"
    path.write_text("date,length_m\n2024-03-07,90\n2024-04-14,95\n")
    reported = pd.DataFrame({"date": pd.to_datetime(["2024-07-01"], utc=True), "barrels": [120_000.0]})

    result = estimate_visit_list(read_visit_list(path), CARGO, reported=reported)

    assert "1 line with 120,000 barrels lies outside the period 2024-03-07 to 2024-04-14" in notes(result)[0]


def test_console_and_report_say_none_within_the_period_and_never_0_barrels(
    capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    store, path = tmp_path / "store", tmp_path / "r.csv"
    records, ships = watched(LOOKS)
    for record in records:
        write_scene(store, record, ships[ships["scene_id"] == record.scene_id].reset_index(drop=True))
    path.write_text("date,barrels\n2024-06-30,100000\n2024-07-31,20000\n")

    told = command(capsys, "barrels", "vostochny", store, "--reported", path)
    made = command(capsys, "report", "vostochny", store, "--reported", path)

    assert (told.code, made.code) == (0, 0), told.err + made.err
    note = "2 lines with 120,000 barrels lie outside the period 2024-03-07 to 2024-03-27 and are left out"
    page = (store / "report.html").read_text()
    assert note in told.err
    assert note in page
    assert "2024: of the deliveries that states reported none lies within the period" in told.out
    assert "none within the period" in page
    for text in (told.out, page):
        assert "eported 0 barrels" not in text
