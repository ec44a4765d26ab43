"""Back-tests, barrels and occupancy from the command line, as an analyst reads them."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cli_runner import run
from estimation_scenes import Ship, watched

from berthwatch.configs.cargo import SHIPPED
from berthwatch.inference.store import write_scene

Capture = pytest.CaptureFixture[str]
LOOKS = {0.0: [], 3.0: [Ship(88)], 4.0: [Ship(90)], 5.0: [], 8.0: None, 10.0: [Ship(105)], 13.0: [], 20.0: [Ship(80)]}
FIRST, SECOND, LAST = (f"oil-1-202403{day}T0200" for day in (10, 17, 27))


def stored(folder: Path, looks: dict[float, list[Ship] | None]) -> Path:
    records, ships = watched(looks)
    for record in records:
        write_scene(folder, record, ships[ships["scene_id"] == record.scene_id].reset_index(drop=True))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return stored(tmp_path / "store", LOOKS)


@pytest.fixture
def cargo(tmp_path: Path):
    """Writes a copy of the shipped assumptions with one number changed."""

    def changed(value: object, *path: str) -> Path:
        content = yaml.safe_load(SHIPPED.read_text())
        target = content
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value
        file = tmp_path / "cargo.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    return changed


def barrels_of(folder: Path, visit_id: str) -> float:
    return float(pd.read_csv(folder / "loadings.csv").set_index("visit_id").loc[visit_id, "barrels_mean"])


def test_back_tests_print_both_sides_their_sources_and_what_differs(capsys: Capture) -> None:
    result = run(capsys, "backtest")

    assert result.code == 0, result.err
    for figure in ("506,529", "759,793", "1,367,627", "125,000", "1,000,000", "3,780,000"):
        assert figure in result.out
    for words in ("Lloyd's List", "Financial Times, 26 March 2024", "advisory, 21 March 2019", "not judged"):
        assert words in result.out
    assert "differs" not in result.out


def test_a_back_test_that_fails_says_so(capsys: Capture, cargo, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    half = {"low": 0.5, "mode": 0.5, "high": 0.5, "status": "assumed", "source": "a test"}

    result = run(capsys, "backtest", "--cargo", cargo(half, "capacity", "cargo_share_of_dwt"))

    assert result.code == 1
    assert "published figures differ from ours" in result.err
    assert "differs" in result.out


def test_barrels_say_of_which_time_they_are_and_when_the_cap_is_passed(capsys: Capture, store, tmp_path) -> None:
    reported = tmp_path / "reported.csv"
    reported.write_text("date,barrels,state\n2024-01-31,400000,Russia\n2024-03-10,90000,China\n")

    result = run(capsys, "barrels", "vostochny", store, "--reported", reported)

    assert result.code == 0, result.err
    assert "From 2024-03-07 02:00 to 2024-03-27 02:00 UTC:" in result.out
    assert "2024: states reported 490,000 barrels" in result.out
    assert "2024, the larger of estimate and reports: 98% of the cap" in result.out
    (total,) = [line for line in result.out.splitlines() if "the sum of estimate and reports" in line]
    assert "at even odds by 2024-03-" in total


def test_an_identified_ship_replaces_the_guess_by_its_number(capsys: Capture, store, tmp_path) -> None:
    ships = tmp_path / "ships.csv"
    ships.write_text(f"visit_id,name,dwt_t\n{SECOND},IMO 8660313,3565\n")

    plain = run(capsys, "barrels", "vostochny", store, "--out", tmp_path / "plain")
    known = run(
        capsys, "barrels", "vostochny", store, "--identified", ships, "--explain", SECOND,
        "--out", tmp_path / "known",
    )  # fmt: skip

    assert (plain.code, known.code) == (0, 0), known.err
    assert "3,565 t, as of IMO 8660313" in known.out
    # 105 m was taken for some 6,000 t.
    ratio = barrels_of(tmp_path / "known", SECOND) / barrels_of(tmp_path / "plain", SECOND)
    assert ratio == pytest.approx(3565 / 6060, rel=0.1)


def test_the_pump_limit_bounds_what_a_short_stay_can_load(capsys: Capture, store, cargo, tmp_path) -> None:
    rate = {"low": 20, "mode": 25, "high": 30, "status": "assumed", "source": "a test"}
    slow = cargo(rate, "pumping", "rate_m3_per_h")

    free = run(capsys, "barrels", "vostochny", store, "--cargo", slow, "--out", tmp_path / "free")
    bound = run(
        capsys, "barrels", "vostochny", store, "--cargo", slow, "--pump-limit", "--explain", FIRST,
        "--out", tmp_path / "bound",
    )  # fmt: skip

    assert (free.code, bound.code) == (0, 0), bound.err
    # At most 120 h between the looks: (120 h - 8.7 h) x 25 m3/h x 6.2898 = 17,500 barrels.
    assert "x 25 m3/h x 6.2898 = 17," in bound.out
    assert barrels_of(tmp_path / "bound", FIRST) < 0.95 * barrels_of(tmp_path / "free", FIRST)
    assert barrels_of(tmp_path / "bound", LAST) == pytest.approx(
        barrels_of(tmp_path / "free", LAST), rel=0.05
    )  # nothing after her last sighting bounds her stay


def test_the_report_takes_the_identified_ships_too(capsys: Capture, store, tmp_path) -> None:
    ships = tmp_path / "ships.csv"
    ships.write_text(f"visit_id,name,dwt_t\n{SECOND},CHON MA SAN,3565\n")

    result = run(capsys, "report", "vostochny", store, "--identified", ships, "--pump-limit")

    assert result.code == 0, result.err
    page = (store / "report.html").read_text()
    assert "identified by the user as CHON MA SAN" in page
    assert "Barrels of 2 of 3 visits seen are bounded by what can be pumped (300 to 1000 m3 an hour" in page
    assert "pumping rate, bounding barrels of visits seen" in page
    asked = json.loads((store / "report.json").read_text())["question"]
    assert asked["identified"] == {"file": str(ships), "sha256": hashlib.sha256(ships.read_bytes()).hexdigest()}
    assert asked["reported"] is asked["cargo"] is None


def test_a_pump_limit_that_bounds_nothing_says_so(capsys: Capture, tmp_path) -> None:
    result = run(capsys, "barrels", "vostochny", stored(tmp_path / "store", {0.0: [Ship(90)]}), "--pump-limit")

    assert result.code == 0
    assert "The pump limit bounds nothing: no visit seen has a clear look without her" in result.err
    assert "m3 an hour" not in result.err


def test_one_end_of_a_period_is_enough(capsys: Capture, store) -> None:
    since = run(capsys, "barrels", "vostochny", store, "--from", "2024-03-01T00:00Z")
    until = run(capsys, "barrels", "vostochny", store, "--to", "2024-03-20T00:00Z")

    assert "From 2024-03-01 00:00 to 2024-03-27 02:00 UTC:" in since.out
    assert "From 2024-03-07 02:00 to 2024-03-20 00:00 UTC:" in until.out
    assert "3 listed, sightings joined to visits; the counts below allow for false alarms" in since.out
    assert "2 listed, sightings joined to visits" in until.out
    assert SECOND in until.out
    assert LAST not in until.out  # she was seen on the 27th


def test_a_visit_and_the_totals_are_told_by_the_same_statistic(capsys: Capture, tmp_path, store) -> None:
    """Of one visit alone the barrels seen are the total seen."""
    one = stored(tmp_path / "one", {0.0: [], 3.0: [Ship(88)], 5.0: []})

    told = run(capsys, "barrels", "vostochny", one, "--out", tmp_path / "out")
    report = run(capsys, "report", "vostochny", one)

    (median,) = pd.read_csv(tmp_path / "out" / "loadings.csv")["barrels_p50"]
    assert "barrels, median" in told.out
    assert told.out.count(f" {median:,.0f} ") == 2
    assert f"barrels {median:,.0f} (median; " in told.out
    assert report.out.count(f"{median:,.0f} (") == 2


def test_one_look_says_what_it_does_not_tell(capsys: Capture, tmp_path) -> None:
    one = stored(tmp_path / "one", {0.0: [Ship(90)]})

    alone = run(capsys, "barrels", "vostochny", one)
    month = run(capsys, "barrels", "vostochny", one, "--from", "2024-03-01T00:00Z", "--to", "2024-04-01T00:00Z")

    moment = "All looks are of one moment, 2024-03-07 02:00 UTC"
    assert moment in alone.err
    assert "unseen: visits 0" in alone.out
    assert moment not in month.err
    assert "one look tells no traffic, so visits unseen rest on the traffic assumed" in month.err
    assert "unseen: visits 0" not in month.out


@pytest.mark.parametrize(
    ("period", "told"),
    [
        ((), "Deliveries on other days are not counted"),
        (
            ("--from", "2024-03-01T00:00Z", "--to", "2024-04-01T00:00Z"),
            "Deliveries before 1 March 2024 and after 1 April 2024 are not counted",
        ),
    ],
)
def test_the_report_says_of_which_days_it_counts_deliveries(capsys: Capture, tmp_path, period, told: str) -> None:
    one = stored(tmp_path / "one", {0.0: [Ship(90)]})

    result = run(capsys, "report", "vostochny", one, *period)

    assert result.code == 0, result.err
    assert told in (one / "report.html").read_text()


def test_a_list_of_visits_shows_its_ships_and_says_that_no_cap_is_set(capsys: Capture, tmp_path) -> None:
    visits = tmp_path / "visits.csv"
    visits.write_text("date,length_m,ship\n2024-03-07,90,CHON MA SAN\n2024-03-09,95,\n")

    plain = run(capsys, "barrels", "--visits", visits)
    capped = run(capsys, "barrels", "--visits", visits, "--cap", "un_dprk_refined")

    (row,) = [line for line in plain.out.splitlines() if "CHON MA SAN" in line]
    assert "line-2" in row  # what --explain asks for
    assert "no cap is set against it; name one with --cap (un_dprk_refined" in plain.err
    assert "--cap" not in capped.err


def test_the_help_of_barrels_names_every_column_of_a_list(capsys: Capture, tmp_path) -> None:
    help_text = run(capsys, "barrels", "--help").out
    wrong = tmp_path / "visits.csv"
    wrong.write_text("nothing known\n")

    (error,) = run(capsys, "barrels", "--visits", wrong).error_lines

    columns = error.partition("known columns: ")[2].split(", ")
    assert len(columns) > 10
    assert [name for name in columns if name not in help_text] == []


def test_a_list_of_visits_warns_of_a_deadweight_that_does_not_fit_the_length(capsys: Capture, tmp_path) -> None:
    visits = tmp_path / "visits.csv"
    visits.write_text("date,length_m,dwt_t\n2024-03-07,90,300000\n2024-03-09,90,3565\n")

    result = run(capsys, "barrels", "--visits", visits)

    assert result.code == 0
    assert "line-2: a ship of 90 m has about 3,743 t of deadweight (99.9 %: 1,329 to 10,540 t)" in result.err
    assert "not 300,000 t; the deadweight given is taken as it stands" in result.err
    assert "line-3" not in result.err


@pytest.mark.parametrize(
    ("looks", "told"),
    [({0.0: []}, "Only 1 clear look at berth"), ({0.0: [], 1.0: []}, "Only 2 clear looks at berth")],
    ids=["one look", "two looks"],
)
def test_notes_count_as_people_do(capsys: Capture, tmp_path: Path, looks, told: str) -> None:
    records, ships = watched(looks)
    for record in records:
        write_scene(tmp_path / "store", record, ships)

    result = run(capsys, "occupancy", "vostochny", tmp_path / "store")

    assert result.code == 0
    assert told in result.err
    assert "(s)" not in result.err + result.out
