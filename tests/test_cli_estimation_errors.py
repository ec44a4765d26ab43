"""Bad lists, ports, assumptions and stores: one line with file, row, field, value and what to do; nothing written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml
from cli_runner import Result, run
from estimation_scenes import Ship, watched

from berthwatch.configs.cargo import SHIPPED
from berthwatch.configs.port import PORTS
from berthwatch.inference.store import write_scene

Capture = pytest.CaptureFixture[str]
VISIT = "oil-1-20240310T0200"  # the one in the store
NEXT_YEAR = f"{datetime.now(UTC) + timedelta(days=300):%Y-%m-%d}"


def refused(result: Result, folder: Path, *words: str) -> None:
    """Assert one line with these words, exit code 1, no traceback, and no output, not even half of one."""
    assert result.code == 1, result.out
    assert len(result.error_lines) == 1, result.err
    assert "fault in berthwatch" not in result.err
    for word in words:
        assert word in result.error_lines[0]
    assert not result.out
    assert not folder.exists()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores") / "store"
    records, ships = watched({0.0: [], 3.0: [Ship(88)], 5.0: []})
    for record in records:
        write_scene(folder, record, ships[ships["scene_id"] == record.scene_id].reset_index(drop=True))
    return folder


# ---- lists of visits

HEAD = b"date,length_m,dwt_t,ship\n"
WRONG_LISTS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty file": (b"", ("is empty", "its first line names the columns: date")),
    "blank lines alone": (b"\n  \n,,\n", ("is empty",)),
    "no visit": (HEAD, ("lists no visit", "write one a line")),
    "wrong header": (b"day,size\n2024-03-07,90\n", ("line 1: column 'day' is unknown", "known columns: date")),
    "capital letters": (b"Date,length_m\n2024-03-07,90\n", ("column 'Date' is unknown", "did you mean 'date'")),
    "no header": (b"2024-03-07,90\n", ("line 1: column '2024-03-07' is unknown",)),
    "no date": (b"length_m\n90\n", ("line 1: has no column 'date'",)),
    "column twice": (b"date,dwt_t,dwt_t\n2024-03-07,1,2\n", ("line 1: column 'dwt_t' comes twice",)),
    "semicolons": (b"date;length_m\n2024-03-07;90\n", ("parted by ';'", "save the file with commas")),
    "tabs": (b"date\tlength_m\n2024-03-07\t90\n", ("parted by tabs",)),
    "more cells than columns": (HEAD + b"2024-03-07,90,,A, B\n", ("line 2: has 5 cells under 4", "quotation marks")),
    "open quotation mark": (HEAD + b'2024-03-07,90,,"A\n', ("line 2", "close every quotation mark")),
    "Latin-1": (HEAD + b"2024-03-07,90,,A\n2024-03-08,90,,Jos\xe9\n", ("line 3: is not UTF-8", "save the file")),
    "UTF-16": ((HEAD + b"2024-03-07,90,,A\n").decode().encode("utf-16"), ("is not UTF-8",)),
    "binary": (HEAD + b"2024-03-07,90\x00,,A\n", ("zero bytes",)),
    "negative deadweight": (HEAD + b"2024-03-07,,-5,\n", ("line 2: dwt_t", "within 50 and 600,000 tonnes, got -5")),
    "kilograms": (HEAD + b"2024-03-07,,3565000,\n", ("line 2: dwt_t", "600,000 tonnes, got 3565000")),
    "line number past blank ones": (HEAD + b"\n2024-03-07,90,,\n\n2024-03-08,-1,,\n", ("line 5: length_m", "got -1")),
    "nan": (HEAD + b"2024-03-07,nan,,\n", ("line 2: length_m is 'nan', not a number",)),
    "infinite": (HEAD + b"2024-03-07,inf,,\n", ("line 2: length_m is 'inf', not a number",)),
    "decimal comma": (HEAD + b'2024-03-07,"90,5",,\n', ("length_m is '90,5'", "with a point")),
    "no size": (HEAD + b"2024-03-07,,,A\n", ("line 2: dwt_t and length_m are both empty",)),
    "no day": (HEAD + b",90,,A\n", ("line 2: date is ''; write YYYY-MM-DD",)),
    "month alone": (HEAD + b"2024-03,90,,A\n", ("line 2: date '2024-03' names no day",)),
    "other order": (HEAD + b"07/03/2024,90,,A\n", ("line 2: date is '07/03/2024'; write YYYY-MM-DD",)),
    "no such day": (HEAD + b"2024-02-30,90,,A\n", ("line 2: date is '2024-02-30'",)),
    "naive time": (HEAD + b"2024-03-07T10:00,90,,A\n", ("line 2", "has no time zone; write 2024-03-07T10:00Z")),
    "future": (HEAD + f"{NEXT_YEAR},90,,A\n".encode(), (f"line 2: date '{NEXT_YEAR}' lies in the future",)),
    "year 24": (HEAD + b"0024-03-07,90,,A\n", ("line 2: date '0024-03-07' lies before 1960", "correct the year")),
    "year 9999": (HEAD + b"9999-12-31T23:59:59-12:00,90,,A\n", ("lies in the future",)),
    "IMO number that does not check": (HEAD + b"2024-03-07,,3565,8660314\n", ("line 2: ship '8660314'", "last digit")),
    "two deadweights of one ship": (
        HEAD + b"2024-03-07,,3565,A\n2024-03-09,,3000,A\n",
        ("line 3: dwt_t of ship 'A' is 3,000 here and 3,565 before",),
    ),
    "ship twice": (HEAD + b"2024-03-07,90,,A\n2024-03-07,90,,A\n", ("line 3: ship 'A' is listed twice",)),
}


@pytest.mark.parametrize(("content", "words"), WRONG_LISTS.values(), ids=WRONG_LISTS.keys())
def test_a_wrong_list_of_visits(capsys: Capture, tmp_path: Path, content: bytes, words: tuple[str, ...]) -> None:
    path = tmp_path / "visits.csv"
    path.write_bytes(content)

    result = run(capsys, "barrels", "--visits", path, "--out", tmp_path / "out")

    refused(result, tmp_path / "out", str(path), *words)


def test_a_list_that_is_not_there_or_a_folder(capsys: Capture, tmp_path: Path) -> None:
    for path in (tmp_path / "gone.csv", tmp_path):
        result = run(capsys, "barrels", "--visits", path, "--out", tmp_path / "out")
        refused(result, tmp_path / "out", str(path), "cannot be read", "check the path")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + HEAD + b"2024-03-07,90,,A\n",
        (HEAD + b"2024-03-07,90,,A\n").replace(b"\n", b"\r\n"),
        HEAD + b"2024-03-07,90,,A",
        HEAD + b"\n2024-03-07, 90 , ,A\n,,,\n\n",
        b"date,length_m,note\n2024-03-07,90,\"seen at Nampo, alongside\nof another\"\n",
    ],
    ids=["byte-order mark", "Windows line ends", "no last line end", "blanks", "a note of two lines"],
)  # fmt: skip
def test_lists_as_spreadsheets_write_them(capsys: Capture, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "visits.csv"
    path.write_bytes(content)

    result = run(capsys, "barrels", "--visits", path)

    assert result.code == 0, result.err
    assert "seen: visits 1 " in result.out


# ---- ships that the user knows, deliveries that states reported

WRONG_SHIPS = {
    "empty": ("", ("is empty", "visit_id,name,dwt_t")),
    "no ship": ("visit_id,name,dwt_t\n", ("lists no ship",)),
    "column missing": (f"visit_id,dwt_t\n{VISIT},3565\n", ("line 1: has no column 'name'",)),
    "negative": (f"visit_id,name,dwt_t\n{VISIT},A,-3\n", ("line 2: dwt_t", "got -3")),
    "no deadweight": (
        f"visit_id,name,dwt_t\n{VISIT},A,\n",
        ("line 2: visit_id, name and dwt_t must not be empty",),
    ),
    "IMO": (
        f"visit_id,name,dwt_t\n{VISIT},IMO 1234568,3565\n",
        ("line 2: name 'IMO 1234568'", "last digit"),
    ),
    "twice": (
        f"visit_id,name,dwt_t\n{VISIT},A,3565\n{VISIT},B,3000\n",
        (f"line 3: visit_id '{VISIT}' comes twice",),
    ),
    "no such visit": (
        f"visit_id,name,dwt_t\n{VISIT},A,3565\n\noil-1-20240311T0200,A,3565\n",
        (
            "ships.csv: line 4: visit_id 'oil-1-20240311T0200' is no visit: with these pictures no visit begins there",
            f"nearest: {VISIT} (88 m); `berthwatch occupancy` lists all",
        ),
    ),
}


@pytest.mark.parametrize(("content", "words"), WRONG_SHIPS.values(), ids=WRONG_SHIPS.keys())
def test_wrong_identified_ships(
    capsys: Capture, tmp_path: Path, store: Path, content: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "ships.csv"
    path.write_text(content)

    result = run(capsys, "barrels", "vostochny", store, "--identified", path, "--out", tmp_path / "out")

    refused(result, tmp_path / "out", *words)


WRONG_REPORTS = {
    "empty": ("", ("is empty", "date,barrels")),
    "column misspelt": ("date,barels\n2024-01-31,3\n", ("line 1: column 'barels' is unknown; did you mean 'barrels'",)),
    "negative": ("date,barrels\n2024-01-31,-1\n", ("line 2: barrels", "got -1")),
    "nothing": ("date,barrels\n2024-01-31,\n", ("line 2: barrels is empty", "0 if none")),
    "thousands": ('date,barrels\n2024-01-31,"15,279"\n', ("line 2: barrels is '15,279'", "no separator of thousands")),
    "month": ("date,barrels\n2024-01,3\n", ("line 2: date '2024-01' names no day", "the last of the month")),
    "future": (f"date,barrels\n{NEXT_YEAR},3\n", ("line 2", "lies in the future")),
    "naive": ("date,barrels\n2024-01-31T00:00:00,3\n", ("line 2", "has no time zone")),
}


@pytest.mark.parametrize(("content", "words"), WRONG_REPORTS.values(), ids=WRONG_REPORTS.keys())
def test_wrong_reported_deliveries(
    capsys: Capture, tmp_path: Path, store: Path, content: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "reported.csv"
    path.write_text(content)

    result = run(capsys, "barrels", "vostochny", store, "--reported", path, "--out", tmp_path / "out")

    refused(result, tmp_path / "out", str(path), *words)


# ---- ports, assumptions, options


def port_with(tmp_path: Path, change: str) -> Path:
    content = yaml.safe_load((PORTS / "vostochny.yaml").read_text())
    (berth,) = content["berths"]
    if change == "swapped":
        berth["polygon"] = [[lat, lon] for lon, lat in berth["polygon"]]
    elif change == "overlapping":
        content["berths"].append({**berth, "id": "oil-2"})
    elif change == "cap":
        content["cap"] = "un_drpk_refined"
    path = tmp_path / "port.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("swapped", ("port.yaml: berths[0].polygon[0]: ", "longitude comes first", "got [42.751464, 133.068891]")),
        ("overlapping", ("port.yaml: berths 'oil-1' and 'oil-2' overlap", "redraw one")),
        ("cap", ("cap 'un_drpk_refined', of the port's file or --cap", "known caps: un_dprk_refined")),
    ],
)
@pytest.mark.parametrize("command", ["barrels", "report"])
def test_wrong_ports(
    capsys: Capture, tmp_path: Path, store: Path, command: str, change: str, words: tuple[str, ...]
) -> None:
    result = run(capsys, command, port_with(tmp_path, change), store)

    refused(result, store / "report.html", *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--product", "petrol"], "product 'petrol' is unknown; known products: mixed, gasoil"),
        (["--cap", "mine"], "cap 'mine'"),
        (["--cargo", "gone.yaml"], "gone.yaml: cannot be read"),
        (
            ["--from", "2024-05-01T00:00Z"],
            "no scene lies within it; the scenes are from 2024-03-07 02:00",
        ),
        (["--to", f"{NEXT_YEAR}T00:00Z"], "lies in the future"),
        (["--from", "2024-03-07T05:00", "--to", "2024-04-07T00:00Z"], "no time zone"),
        (["--from", "2024-03-07T00:00Z", "--to", f"{NEXT_YEAR}T00:00Z"], "lies in the future"),
        (["--from", "2024-04-07T00:00Z", "--to", "2024-03-07T00:00Z"], "the earlier first"),
        (
            ["--explain", "oil-1-0077"],
            f"'oil-1-0077' is not among the visits that enter the barrels: {VISIT}",
        ),
        (["--explain", ""], "visit '' is not among the visits"),
        (["--visits", "visits.csv"], "--visits stands alone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options(capsys: Capture, tmp_path: Path, store: Path, arguments: list[str], words: str) -> None:
    refused(run(capsys, "barrels", "vostochny", store, "--out", tmp_path / "out", *arguments), tmp_path / "out", words)


def test_what_the_estimate_would_refuse_is_told_before_any_scene_is_searched(
    capsys: Capture, tmp_path: Path, write_raster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_scene_is_searched(*_: object, **__: object) -> None:
        pytest.fail("scenes were searched although the question cannot be answered")

    monkeypatch.setattr("berthwatch.watch.detect_scenes", no_scene_is_searched)
    scene = write_raster(np.full((3, 64, 64), 30, np.uint8))
    cargo = tmp_path / "cargo.yaml"
    cargo.write_text(SHIPPED.read_text().replace("mode: 7.9,", "mode: -7.9,"))

    for port, options, words in (
        (port_with(tmp_path, "cap"), (), "un_drpk_refined"),
        ("vostochny", ("--product", "petrol"), "known products"),
        ("vostochny", ("--cargo", cargo), "barrels_per_tonne.mode"),
    ):
        result = run(capsys, "watch", port, scene, "--out", tmp_path / "store", *options)
        assert (result.code, words in result.error_lines[-1]) == (1, True), result.err


# ---- stores


@pytest.mark.parametrize("command", ["barrels", "occupancy"])
def test_scenes_that_miss_the_port_are_no_ground_for_barrels(capsys: Capture, store: Path, command: str) -> None:
    refused(
        run(capsys, command, "long-beach", store), store / "x", "no scene shows any of Long Beach", "check the port"
    )


def test_a_scene_given_twice_counts_once(capsys: Capture, tmp_path: Path, write_raster) -> None:
    """Two files of one name would overwrite each other in the store."""
    pixels, place = np.full((3, 64, 64), 30, np.uint8), {"crs": "EPSG:32653", "lonlat": (133.069, 42.752)}
    path = write_raster(pixels, name="20240307T020000Z.tif", **place)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / path.name
    other.write_bytes(path.read_bytes())

    result = run(capsys, "detect", path, other, "--out", tmp_path / "store")

    assert result.code == 1
    assert any(str(other) in line and "20240307T020000Z" in line for line in result.error_lines), result.err


def test_two_files_of_one_scene_in_a_store(capsys: Capture, tmp_path: Path, store: Path) -> None:
    twice = tmp_path / "store" / "scenes"
    twice.mkdir(parents=True)
    for name in ("s3.parquet", "copy.parquet"):
        (twice / name).write_bytes((store / "scenes" / "s3.parquet").read_bytes())

    result = run(capsys, "barrels", "vostochny", tmp_path / "store", "--out", tmp_path / "out")

    refused(result, tmp_path / "out", "copy.parquet", "s3.parquet", "both hold scene s3", "remove one")


def test_tables_that_cannot_be_written(capsys: Capture, tmp_path: Path, store: Path) -> None:
    (tmp_path / "out").write_text("a letter")

    result = run(capsys, "barrels", "vostochny", store, "--out", tmp_path / "out")

    assert result.code == 1
    assert "cannot be written" in result.error_lines[-1]
    assert (tmp_path / "out").read_text() == "a letter"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--cloud", "nan", "cloud must be within 0 and 0.99, got nan"),
        ("--revisit-days", "0", "revisit_days must be within 0.1 and 60, got 0"),
        ("--port-years", "0", "port_years must be within 1"),
        ("--length-sd-m", "-4", "length_sd_m must be within 0.1"),
        ("--calls-per-year", "-1", "calls_per_year must be above 0"),
        ("--port", "rotterdam", "neither a file nor a shipped port"),
    ],
)
def test_wrong_simulations(capsys: Capture, tmp_path: Path, option: str, value: str, words: str) -> None:
    result = run(capsys, "simulate", "port-calls", option, value, "--json", tmp_path / "out.json")

    refused(result, tmp_path / "out.json", words)


def test_a_result_that_cannot_be_written_is_told_before_anything_is_simulated(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_is_simulated(*_: object, **__: object) -> None:
        pytest.fail("simulated although the result cannot be written")

    monkeypatch.setattr("berthwatch.estimation.simulate.simulate_port_calls", nothing_is_simulated)
    (tmp_path / "file").write_text("a letter")

    result = run(capsys, "simulate", "port-calls", "--json", tmp_path / "file" / "out.json")

    refused(result, tmp_path / "x", str(tmp_path / "file" / "out.json"), "cannot be written")
