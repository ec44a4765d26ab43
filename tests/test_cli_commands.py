"""The commands on good input: what they write, what they print, and that they can be run again."""

import json
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from cli_runner import run

from berthwatch.inference.store import read_store
from berthwatch.models.openvino_backend import has_openvino

Capture = pytest.CaptureFixture[str]
BERTH = (133.0695, 42.7520)  # the oil berth of configs/ports/vostochny.yaml
TIMES = ("2024-03-07T01:00:00Z", "2024-03-09T01:30:00Z")


@pytest.fixture
def scenes(write_raster) -> list[Path]:
    """Two dated pictures of dark, faintly rippled water round the oil berth of Vostochny: no ship in them."""
    rng = np.random.default_rng(1)
    return [
        write_raster(
            rng.normal(40, 2, (3, 500, 500)).clip(1, 255).astype(np.uint8),
            name=f"look{number}.tif",
            crs="EPSG:32653",
            lonlat=(BERTH[0] - 0.009, BERTH[1] + 0.0068),
            tags={"TIFFTAG_DATETIME": time[:-1].replace("-", ":").replace("T", " ")},
        )
        for number, time in enumerate(TIMES)
    ]


def test_detect_writes_store_and_run(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    result = run(capsys, "detect", *scenes, "--out", tmp_path / "store", "--score", "0.4")

    assert result.code == 0, result.err
    assert "ONNX Runtime" in result.err
    records, detections = read_store(tmp_path / "store")
    assert [record.acquired_at for record in records] == [datetime.fromisoformat(time) for time in TIMES]
    assert f"{len(detections)} ships of 2 scenes written to {tmp_path / 'store'}" in result.out
    facts = json.loads((tmp_path / "store" / "run.json").read_text())
    assert facts["command"] == "detect"
    assert facts["settings"] == {
        "overlap_m": 400.0, "score_threshold": 0.4, "at_berths": False, "batch_size": 8, "land": None
    }  # fmt: skip
    assert facts["backend"].startswith("ONNX Runtime")
    assert [scene["status"] for scene in facts["scenes"]] == ["done", "done"]


def test_detect_goes_on_where_it_was(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    run(capsys, "detect", scenes[0], "--out", tmp_path / "store")

    again = run(capsys, "detect", *scenes, "--out", tmp_path / "store")
    forced = run(capsys, "detect", scenes[0], "--again", "--out", tmp_path / "store")
    nothing = run(capsys, "detect", *scenes, "--out", tmp_path / "store")

    assert "1/2 look0: in the store already" in again.err
    assert "2/2 look1: 0 ships" in again.err
    assert "look0: 0 ships" in forced.err
    assert "of 1 scene written to" in again.out
    assert "; 1 scene had been searched already" in again.out
    assert nothing.out == f"0 ships of 2 scenes in {tmp_path / 'store'}; nothing new\n"


def test_separate_bands_make_one_scene(capsys: Capture, write_raster, tmp_path: Path) -> None:
    bands = {
        colour: write_raster(np.full((1, 200, 200), 40, np.uint8), name=f"T52TGP_20240307T020651_{band}.tif")
        for colour, band in (("red", "B04"), ("green", "B03"), ("blue", "B02"))
    }

    result = run(
        capsys, "detect", *(f"--band={colour}={path}" for colour, path in bands.items()), "--out", tmp_path / "store"
    )

    assert result.code == 0, result.err
    (record,), _ = read_store(tmp_path / "store")
    assert record.acquired_at == datetime(2024, 3, 7, 2, 6, 51, tzinfo=UTC)


def test_port_bounds_the_search(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    inside = run(capsys, "detect", scenes[0], "--port", "vostochny", "--out", tmp_path / "inside")
    outside = run(capsys, "detect", scenes[0], "--port", "long-beach", "--out", tmp_path / "outside")

    assert (inside.code, outside.code) == (0, 1)
    assert outside.error_lines[-1].startswith("error: look0 shows nothing of Long Beach")
    assert not outside.out
    assert not read_store(tmp_path / "inside")[0][0].observed.is_empty
    assert read_store(tmp_path / "outside")[0][0].observed.is_empty


def test_a_scene_among_others_that_misses_the_area_is_a_note(
    capsys: Capture, scenes: list[Path], write_raster, tmp_path: Path
) -> None:
    away = write_raster(np.full((3, 64, 64), 30, np.uint8), name="away.tif", lonlat=(129.0, 35.1))

    both = run(capsys, "detect", scenes[0], away, "--port", "vostochny", "--out", tmp_path / "store")
    none = run(capsys, "detect", *scenes, "--aoi", "0,0,1,1", "--out", tmp_path / "none")

    assert both.code == 0
    assert "note: away shows nothing of Vostochny" in both.err
    assert "look0 shows nothing" not in both.err
    assert none.code == 1
    assert none.error_lines[-1] == (
        "error: each of the 2 scenes shows nothing of --aoi 0,0,1,1; check the area and the scenes"
    )


def test_land_that_lies_on_no_scene_is_told(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    other_country = gpd.GeoDataFrame(geometry=[shapely.box(0, 40, 6, 46)], crs="EPSG:4326")
    other_country.to_file(tmp_path / "land.gpkg")

    result = run(capsys, "detect", *scenes, "--land", tmp_path / "land.gpkg", "--out", tmp_path / "store")
    watched = run(capsys, "watch", "vostochny", scenes[0], "--land", tmp_path / "land.gpkg", "--out", tmp_path / "w")

    assert (result.code, watched.code) == (0, 0)
    assert "note: no polygon of --land lies on any of the 2 scenes; nothing was left out" in result.err
    assert "note: no polygon of --land lies on the scene; nothing was left out" in watched.err


def test_land_is_not_searched_and_the_run_says_what_land(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    everywhere = gpd.GeoDataFrame(geometry=[shapely.box(130, 40, 136, 46)], crs="EPSG:4326")
    everywhere.to_crs("EPSG:32653").to_file(tmp_path / "land.gpkg")

    result = run(
        capsys, "detect", scenes[0], "--land", tmp_path / "land.gpkg", "--profile", "--out", tmp_path / "store"
    )

    assert result.code == 0, result.err
    assert "0 tiles" in result.err
    assert "no polygon of --land" not in result.err
    told = json.loads((tmp_path / "store" / "run.json").read_text())["settings"]["land"]
    assert told.startswith("land.gpkg, beyond 50 m from its shore")
    (record,), _ = read_store(tmp_path / "store")
    assert record.settings["land"] == told
    assert record.observed.is_empty


def test_a_backend_is_taken_at_its_word(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    with_onnx = run(capsys, "detect", scenes[0], "--backend", "onnxruntime", "--out", tmp_path / "a")
    with_openvino = run(capsys, "detect", scenes[0], "--backend", "openvino", "--out", tmp_path / "b")

    assert "on ONNX Runtime" in with_onnx.err
    if has_openvino():
        assert "on OpenVINO" in with_openvino.err
    else:
        assert with_openvino.code == 1
        assert "install berthwatch[openvino]" in with_openvino.err


def test_profile_tells_where_the_time_went(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    result = run(capsys, "detect", scenes[0], "--profile", "--out", tmp_path / "store")

    for word in ("read", "detect", "merge", "megapixels"):
        assert word in result.err


def test_watch_reports_an_empty_berth_as_empty(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    store = tmp_path / "store"

    result = run(capsys, "watch", "vostochny", *scenes, "--out", store)

    assert result.code == 0, result.err
    assert str(store / "report.html") in result.out
    page = (store / "report.html").read_text()
    assert "<html" in page
    assert "Vostochny" in page
    observations = (store / "tables" / "observations.csv").read_text()
    assert observations.count("vacant") == 2
    assert "occupied" not in observations
    assert json.loads((store / "run.json").read_text())["port"]["id"] == "vostochny"


def test_report_answers_another_question_without_detecting(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(capsys, "detect", *scenes, "--out", store)
    notified = tmp_path / "notified.csv"
    notified.write_text("date,barrels\n2024-01-31,15279\n")

    result = run(
        capsys, "report", "vostochny", store, "--product", "gasoil", "--reported", notified,
        "--from", "2024-03-01T00:00:00Z", "--to", "2024-03-31T00:00:00Z",
    )  # fmt: skip

    assert result.code == 0, result.err
    assert "ONNX" not in result.err
    facts = json.loads((store / "report.json").read_text())
    assert facts["question"]["product"] == "gasoil"
    assert json.loads((store / "run.json").read_text())["command"] == "detect"
    assert (store / "report.html").is_file()


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "kml"])
def test_export_is_read_by_others(capsys: Capture, scenes: list[Path], tmp_path: Path, ending: str) -> None:
    run(capsys, "detect", *scenes, "--out", tmp_path / "store")
    target = tmp_path / f"ships.{ending}"

    result = run(capsys, "export", tmp_path / "store", "--out", target)

    assert result.code == 0, result.err
    assert str(target) in result.out
    assert gpd.read_file(target).crs.to_epsg() == 4326


def test_export_csv_is_a_folder_of_tables(capsys: Capture, scenes: list[Path], tmp_path: Path) -> None:
    run(capsys, "detect", *scenes, "--out", tmp_path / "store")

    result = run(capsys, "export", tmp_path / "store", "--format", "csv", "--out", tmp_path / "tables")

    assert result.code == 0, result.err
    assert (tmp_path / "tables" / "detections.csv").read_text().startswith("detection_id,")


def test_models_are_listed_and_shown(capsys: Capture) -> None:
    listed = run(capsys, "models", "list")
    shown = run(capsys, "models", "info")

    assert "berthwatch-n" in listed.out
    card = json.loads(shown.out)
    assert card["licence"] == "AGPL-3.0-or-later"
    assert 2 < card["min_working_gsd_m"] <= card["max_working_gsd_m"] < 6


def test_shipped_model_names_its_training_data(capsys: Capture) -> None:
    card = json.loads(run(capsys, "models", "info").out)

    assert card["training_data"]
    assert len(card["weights_sha256"]) == 64
