"""The demo: simulated pictures, the real detector and chain, the estimate beside the truth."""

import json
from pathlib import Path

import pandas as pd
import pytest
import rasterio
from cli_runner import run

from berthwatch.demo import DemoResult, clear_earlier_demo, match_visits, run_demo
from berthwatch.demo_traffic import START, Call, Hull


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out"


@pytest.fixture(scope="module")
def result(folder: Path) -> DemoResult:
    """The demo as it is run by `make demo`."""
    return run_demo(folder)


def test_interval_holds_the_truth(result: DemoResult) -> None:
    assert result.truth_is_inside


def test_calls_that_a_clear_picture_shows_are_found(result: DemoResult) -> None:
    assert result.n_shown >= 3
    assert result.n_found >= 0.8 * result.n_shown


def test_no_visit_without_a_call(result: DemoResult) -> None:
    assert not result.false_visits


def test_overcast_and_off_swath_looks_are_unobserved(result: DemoResult) -> None:
    state = result.estimate.observations.set_index("acquired_at")["state"]
    hidden = [look for look in result.traffic.looks if look.cloud_cover == 1.0 or not look.on_swath]

    assert len(hidden) >= 3
    for look in hidden:
        assert state.loc[pd.Timestamp(look.acquired_at)] == "unobserved", look
    assert (state != "unobserved").sum() >= 8


def test_pictures_are_georeferenced_and_marked_as_synthetic(result: DemoResult) -> None:
    assert len(result.pictures) >= 14
    with rasterio.open(result.pictures[0].path) as dataset:
        assert dataset.crs.to_epsg() == 32653
        assert dataset.res == (3.0, 3.0)
        assert "not a satellite picture" in dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"]


@pytest.mark.parametrize("step", ["check_store_writable", "simulate_traffic", "draw_pictures", "load_detector"])
def test_a_demo_killed_at_any_step_does_not_block_the_next(tmp_path: Path, monkeypatch, step: str) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"berthwatch.demo.{step}", killed)
    if step == "load_detector":
        monkeypatch.setattr("berthwatch.demo.draw_pictures", lambda *_, **__: ())
    with pytest.raises(KeyboardInterrupt):
        run_demo(tmp_path, days=7)
    (tmp_path / "pictures").mkdir(exist_ok=True)
    (tmp_path / "pictures" / "look.tif").touch()

    clear_earlier_demo(tmp_path)

    assert not (tmp_path / "pictures").exists()


def test_outputs_lie_beside_each_other(result: DemoResult, folder: Path) -> None:
    truth = json.loads((folder / "truth.json").read_text())
    run_facts = json.loads((folder / "run.json").read_text())

    assert truth["barrels"] == pytest.approx(result.traffic.barrels)
    assert len(truth["calls"]) == len(result.traffic.calls)
    assert run_facts["seed"] == 2031
    assert run_facts["model"]["model_id"].startswith("berthwatch-n")
    assert len(run_facts["scenes"]) == len(result.pictures)
    assert (folder / "report.html").stat().st_size > 50_000
    assert (folder / "vostochny.gpkg").is_file()
    assert (folder / "tables" / "visits.csv").is_file()


def test_a_folder_with_other_files_is_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    outcome = run(capsys, "demo", "--out", tmp_path)

    assert outcome.code == 1
    assert "no demo's" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def make_call(name: str, first_h: float, last_h: float) -> Call:
    hull = Hull("tanker", 90.0, 15.0, 1, 3800.0)
    hours = [START + pd.Timedelta(hours=h).to_pytimedelta() for h in (first_h, last_h)]
    return Call(name, "berth", hull, hours[0], hours[1], product="gasoil", barrels=25_000.0)


def test_visits_are_matched_to_calls_by_time() -> None:
    calls = [make_call("a", 0, 30), make_call("b", 50, 80), make_call("c", 100, 130)]
    sighted_h = {"v1": (10, 20), "v2": (90, 95), "v3": (129, 129)}
    visits = pd.DataFrame(
        [
            {"visit_id": name, "first_seen": START + pd.Timedelta(hours=a), "last_seen": START + pd.Timedelta(hours=b)}
            for name, (a, b) in sighted_h.items()
        ]
    )

    of_call, false_visits = match_visits(calls, visits)

    assert of_call == ("v1", None, "v3")
    assert false_visits == ("v2",)
