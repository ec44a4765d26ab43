"""Bad input gives one clear line and a non-zero exit, or a valid empty result where that is right."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from cli_runner import Result, run

from berthwatch.inference.store import read_store

Capture = pytest.CaptureFixture[str]


def told_in_one_line(result: Result, *words: str) -> None:
    """Assert that the command failed with one line that holds all these words, and wrote no result."""
    assert result.code == 1
    assert len(result.error_lines) == 1, result.err
    assert "Traceback" not in result.err
    assert "fault in berthwatch" not in result.err
    for word in words:
        assert word in result.error_lines[0]
    assert not result.out


@pytest.fixture
def sea(write_raster) -> Path:
    """A small scene of empty dark sea near Vostochny, with no acquisition time."""
    return write_raster(np.full((3, 200, 220), 30, np.uint8))


@pytest.mark.parametrize("command", [["detect"], ["watch", "vostochny"]], ids=lambda words: words[0])
def test_a_detector_that_cannot_be_had_leaves_no_store(
    capsys: Capture, sea: Path, tmp_path: Path, command: list[str]
) -> None:
    store = tmp_path / "deep" / "store"

    told_in_one_line(run(capsys, *command, sea, "--model", tmp_path / "gone.onnx", "--out", store), "gone.onnx")

    assert not (tmp_path / "deep").exists()


def test_missing_file(capsys: Capture, tmp_path: Path) -> None:
    told_in_one_line(
        run(capsys, "detect", tmp_path / "gone.tif", "--out", tmp_path / "store"), "gone.tif", "no such file"
    )
    assert not (tmp_path / "store").exists()


def test_not_an_image(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "letter.tif").write_text("Dear reader, this is no picture.")

    told_in_one_line(run(capsys, "detect", tmp_path / "letter.tif", "--out", tmp_path / "store"), "letter.tif", "image")


def test_truncated_image(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    sea.write_bytes(sea.read_bytes()[: sea.stat().st_size // 2])

    told_in_one_line(
        run(capsys, "detect", sea, "--acquired-at", "2024-03-07T02:00:00Z", "--out", tmp_path / "store"),
        "scene.tif: part of the picture is damaged or missing; get the file anew",
    )
    assert not list(tmp_path.glob("store/scenes/*"))


def test_no_crs(capsys: Capture, write_raster, tmp_path: Path) -> None:
    scene = write_raster(
        np.full((3, 64, 64), 30, np.uint8), crs=None, transform=rasterio.Affine(3, 0, 500000, 0, -3, 4700000)
    )

    told_in_one_line(
        run(capsys, "detect", scene, "--out", tmp_path / "store"),
        "scene.tif",
        "no coordinate reference system",
        "a_srs",
    )


def test_no_time_where_visits_need_one(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    result = run(capsys, "watch", "vostochny", sea, "--out", tmp_path / "store")

    told_in_one_line(result, "scene", "--acquired-at")
    assert not (tmp_path / "store" / "report.html").exists()


def test_no_time_is_fine_where_none_is_needed(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    result = run(capsys, "detect", sea, "--out", tmp_path / "store")

    assert result.code == 0, result.err
    (record,), _ = read_store(tmp_path / "store")
    assert record.acquired_at is None


def test_detect_says_at_once_which_scenes_have_no_time_and_how_to_give_one(
    capsys: Capture, write_raster, tmp_path: Path
) -> None:
    pixels = np.full((3, 64, 64), 30, np.uint8)
    scenes = [write_raster(pixels, name=name) for name in ("a.tif", "b.tif")]

    result = run(capsys, "detect", *scenes, "--out", tmp_path / "store")

    assert result.code == 0
    notes = [line for line in result.err.splitlines() if "nothing tells when it was taken" in line]
    assert [line.split(":")[1].strip() for line in notes] == ["a", "b"]
    assert "--acquired-at" in notes[0]
    assert "--acquired-at" not in notes[1]  # the way out is told once

    for scene in scenes:
        scene.with_suffix(".json").write_text(notes[0][notes[0].index("{") :])
    again = run(capsys, "detect", *scenes, "--out", tmp_path / "store")

    assert "nothing tells when" not in again.err
    records, _ = read_store(tmp_path / "store")
    assert [record.acquired_at for record in records] == [datetime(2024, 3, 7, 2, 6, 51, tzinfo=UTC)] * 2


@pytest.mark.parametrize(
    ("time", "words"), [("yesterday", "is not understood"), ("2024-03-07T02:00:00", "no time zone")]
)
def test_bad_time(capsys: Capture, sea: Path, tmp_path: Path, time: str, words: str) -> None:
    told_in_one_line(run(capsys, "detect", sea, "--acquired-at", time, "--out", tmp_path / "store"), time, words)


def test_one_time_for_two_scenes(capsys: Capture, sea: Path, write_raster, tmp_path: Path) -> None:
    other = write_raster(np.full((3, 64, 64), 30, np.uint8), name="other.tif")

    told_in_one_line(
        run(capsys, "detect", sea, other, "--acquired-at", "2024-03-07T02:00:00Z", "--out", tmp_path / "store"),
        "--acquired-at",
        "2 are given",
    )


def test_unknown_model_names_the_known(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    told_in_one_line(
        run(capsys, "detect", sea, "--model", "berthwatch-m", "--out", tmp_path / "store"),
        "berthwatch-m",
        "berthwatch-n",
    )


def test_cuda_asked_for_where_there_is_none(
    capsys: Capture, sea: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berthwatch.models.registry.nvidia_gpus", lambda: 0)

    told_in_one_line(run(capsys, "detect", sea, "--device", "cuda", "--out", tmp_path / "store"), "cuda", "cpu")


def test_unknown_port_names_the_known(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    told_in_one_line(run(capsys, "watch", "rotterdam", sea, "--out", tmp_path / "store"), "rotterdam", "long-beach")


def test_port_file_with_a_wrong_field(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    port = tmp_path / "port.yaml"
    port.write_text(
        "id: here\nname: Here\ncountry: Nowhere\naoi: [133.0, 42.7, 133.1, 42.8]\nsource: a test\n"
        "berths:\n  - {id: b1, name: B1, kind: oil, heading: 25, approximate: true, source: a test,\n"
        "     polygon: [[133.068, 42.751], [133.069, 42.752], [133.07, 42.751]]}\n"
    )

    told_in_one_line(
        run(capsys, "watch", port, sea, "--out", tmp_path / "store"), "port.yaml", "berths[0].heading", "heading_deg"
    )


def test_zero_size_raster(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    no_pixels = tmp_path / "none.vrt"
    no_pixels.write_text('<VRTDataset rasterXSize="0" rasterYSize="0"></VRTDataset>')

    for scene in (tmp_path / "empty.tif", no_pixels):
        told_in_one_line(run(capsys, "detect", scene, "--out", tmp_path / "store"), scene.name)


def test_scene_without_valid_pixels_is_an_empty_result(capsys: Capture, write_raster, tmp_path: Path) -> None:
    scene = write_raster(np.zeros((3, 200, 200), np.uint8), nodata=0)

    result = run(capsys, "detect", scene, "--out", tmp_path / "store")

    assert result.code == 0, result.err
    (record,), detections = read_store(tmp_path / "store")
    assert record.observed.is_empty
    assert len(detections) == 0
    assert detections.crs.to_epsg() == 4326


def test_a_bad_scene_does_not_stop_the_others(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.tif").write_text("no picture")

    result = run(capsys, "detect", tmp_path / "letter.tif", sea, "--out", tmp_path / "store")

    assert result.code == 1
    assert "1 of 2 scenes failed" in result.error_lines[-1]
    assert "letter.tif" in result.error_lines[-1]
    (record,), _ = read_store(tmp_path / "store")
    assert record.scene_id == "scene"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["detect", "--out", "store"], "no scene given"),
        (["detect", "--band", "red", "--out", "store"], "COLOUR=FILE"),
        (["detect", "--band", "red=a.tif", "--band", "red=b.tif", "--out", "store"], "twice"),
        (["detect", "--band", "red=gone.tif", "--out", "store"], "green"),
        (["report", "vostochny", "store"], "not a store"),
        (["export", "store", "--out", "x.gpkg"], "not a store"),
        (["models", "info", "nothing"], "unknown"),
        (["models", "info", "gone.onnx"], "no such model file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_commands_say_what_is_missing(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)

    told_in_one_line(run(capsys, *arguments), words)


def test_checkpoints_are_not_unpickled_unasked(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.pt"
    checkpoint.write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")

    result = run(
        capsys, "models", "export", checkpoint, "--card", tmp_path / "card.yaml", "--scene", sea, "--out", tmp_path
    )

    told_in_one_line(result, "model.pt", "--trust-pickle")


def no_model_is_opened(*_: object, **__: object) -> None:
    pytest.fail("the model was opened although the results cannot be written")


@pytest.mark.parametrize("command", [["detect"], ["watch", "vostochny"], ["demo"]], ids=lambda words: words[0])
@pytest.mark.parametrize("kind", ["a file", "inside a file", "unwritable"])
def test_a_store_that_cannot_be_written_is_told_before_any_work(
    capsys: Capture, sea: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], kind: str
) -> None:
    monkeypatch.setattr("berthwatch.models.registry.load_detector", no_model_is_opened)
    monkeypatch.setattr("berthwatch.demo.draw_pictures", no_model_is_opened)
    file = tmp_path / "file"
    file.write_text("a letter")
    store = {"a file": file, "inside a file": file / "store", "unwritable": Path("/proc/nope")}[kind]
    if kind == "unwritable" and not store.parent.is_dir():
        pytest.skip("no /proc here")

    told_in_one_line(run(capsys, *command, *([] if command == ["demo"] else [sea]), "--out", store), str(store))

    assert file.read_text() == "a letter"


def test_a_full_disk_is_no_fault_of_the_program(
    capsys: Capture, sea: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "chip.png")

    monkeypatch.setattr("berthwatch.inference.detect_scenes.detect_scenes", full)

    told_in_one_line(run(capsys, "detect", sea, "--out", tmp_path / "store"), "chip.png", "No space left")


def test_scenes_that_miss_the_port_are_no_ground_for_an_estimate(capsys: Capture, sea: Path, tmp_path: Path) -> None:
    arguments = ("--acquired-at", "2024-03-07T02:00:00Z", "--out", tmp_path / "store")

    result = run(capsys, "watch", "long-beach", sea, *arguments)

    assert result.code == 1
    assert "scene: no scene shows any of Long Beach" in result.error_lines[-1]
    assert not result.out
    assert not (tmp_path / "store" / "report.html").exists()


def test_a_scene_among_others_that_misses_the_port_is_named(capsys: Capture, write_raster, tmp_path: Path) -> None:
    pixels, time = np.full((3, 300, 300), 30, np.uint8), {"TIFFTAG_DATETIME": "2024:03:07 02:00:00"}
    here = write_raster(pixels, name="here.tif", crs="EPSG:32653", lonlat=(133.06, 42.757), tags=time)
    away = write_raster(pixels, name="away.tif", lonlat=(129.0, 35.1), tags=time)

    result = run(capsys, "watch", "vostochny", here, away, "--out", tmp_path / "store")

    assert result.code == 0, result.err
    assert "Scene away shows nothing of" in result.err
    assert "Scene here shows nothing" not in result.err
    assert "Scene away shows nothing of" in (tmp_path / "store" / "report.html").read_text()


@pytest.mark.parametrize("value", ["inf", "nan", "1e-9", "0", "-5", "1e6"])
def test_an_overlap_that_is_no_ship_length_is_refused(capsys: Capture, sea: Path, tmp_path: Path, value: str) -> None:
    told_in_one_line(run(capsys, "detect", sea, "--overlap-m", value, "--out", tmp_path / "store"), "overlap_m", "10")


@pytest.mark.parametrize("value", ["0", "7"])
def test_a_band_that_the_scene_has_not_is_named(capsys: Capture, sea: Path, tmp_path: Path, value: str) -> None:
    bands = (f"--band=red={value}", "--band=green=2", "--band=blue=3")

    told_in_one_line(run(capsys, "detect", sea, *bands, "--out", tmp_path / "store"), f"band {value}", "red", "1 to 3")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["report", "vostochny", "store", "--seed", "-1"], "--seed"),
        (["demo", "--seed", "-1"], "--seed"),
        (["detect", "a.tif", "--out", "store", "--batch", "0"], "--batch"),
        (["detect", "a.tif", "--out", "store", "--threads", "0"], "--threads"),
        (["evaluate", "a.tif", "--out", "x.json", "--min-iou", "2"], "--min-iou"),
        (["evaluate", "a.tif", "--out", "x.json", "--min-iou", "nan"], "--min-iou"),
        (["evaluate", "a.tif", "--out", "x.json", "--min-length-m", "inf"], "--min-length-m"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_numbers_out_of_range_are_wrong_usage(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], option: str
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run(capsys, *arguments)

    assert result.code == 2
    assert option in result.err


def test_wrong_usage_exits_with_2(capsys: Capture) -> None:
    result = run(capsys, "detect", "--colour", "red")

    assert result.code == 2
    assert "--colour" in result.err


def test_a_fault_is_told_without_traceback(
    capsys: Capture, sea: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of the test")

    monkeypatch.setattr("berthwatch.inference.detect_scenes.detect_scenes", broken)

    result = run(capsys, "detect", sea, "--out", tmp_path / "store")

    assert result.code == 1
    assert "ZeroDivisionError: of the test" in result.err
    assert "--debug" in result.err
    assert "Traceback" not in result.err
