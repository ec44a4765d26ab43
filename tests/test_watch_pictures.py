"""Whoever has the pictures can check a report: equal files give equal numbers, other files are told as such."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from cli_runner import run
from estimation_scenes import record
from inference_scenes import BrightHulls

from berthwatch.configs.port import load_port
from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import SYNTHETIC, open_scene
from berthwatch.inference.detect_scenes import detect_scenes
from berthwatch.inference.store import FileSum, read_record, read_store, scene_path
from berthwatch.scene_doubts import same_pictures
from berthwatch.watch import Question, report_store, watch

PORT = load_port("vostochny")
TIME = datetime(2024, 3, 7, 2, 6, 51, tzinfo=UTC)
QUICKLY = Question(draws=200)


@pytest.fixture
def paint(write_raster):
    """Write a bright or dark picture of the berth, uncompressed, so that all have one size and, by hand, one time."""

    def write(name: str, value: int = 30, **tags: str) -> Path:
        tags = {"ACQUISITION_DATETIME": TIME.isoformat()} | tags
        pixels = np.full((3, 200, 200), value, np.uint8)
        path = write_raster(pixels, name=name, tags=tags, crs="EPSG:32653", lonlat=(133.069, 42.752))
        os.utime(path, (1.7e9, 1.7e9))
        return path

    return write


def watched(scene: Path, store: Path, **options) -> str:
    """The page of a report on the one scene."""
    outcomes = []
    opener = lambda source: open_scene(source, **options)  # noqa: E731
    watch(PORT, [scene], store, detector=BrightHulls(), question=QUICKLY, opener=opener, ended=outcomes.append)
    assert [outcome.error for outcome in outcomes] == [None]
    return (store / "report.html").read_text()


def sum_of_numbers(page: str) -> str:
    found = re.search(r"SHA-256 of the numbers in this page</th><td[^>]*>([0-9a-f]{64})<", page)
    assert found
    return found.group(1)


def test_boxes_are_not_drawn_on_another_picture_of_equal_name_size_and_time(paint, tmp_path, caplog):
    scene, store = paint("look.tif"), tmp_path / "store"
    before = watched(scene, store)
    paint("look.tif", value=90)

    after = watched(scene, store)

    assert "image/jpeg" in before
    assert "image/jpeg" not in after
    assert "it is not the picture searched" not in before
    assert "it is not the picture searched" in after
    assert "(not the picture searched)" in after
    assert "look: its file has changed" in caplog.text
    assert sum_of_numbers(after) == sum_of_numbers(before), "the detections stand as found"


def test_a_copy_in_another_folder_with_another_time_gives_the_same_numbers(paint, tmp_path):
    scene, copy = paint("look.tif"), tmp_path / "elsewhere" / "look.tif"
    copy.parent.mkdir()
    shutil.copyfile(scene, copy)

    ours, theirs = watched(scene, tmp_path / "ours"), watched(copy, tmp_path / "theirs")

    assert sum_of_numbers(ours) == sum_of_numbers(theirs)
    other = watched(paint("look.tif", value=31), tmp_path / "other")
    assert sum_of_numbers(other) != sum_of_numbers(ours)


def test_a_copy_laid_over_the_picture_is_still_shown(paint, tmp_path):
    scene, store = paint("look.tif"), tmp_path / "store"
    watched(scene, store)
    os.utime(scene, (1.8e9, 1.8e9))

    report_store(PORT, store, QUICKLY)

    assert "image/jpeg" in (store / "report.html").read_text()


def test_a_picture_changed_since_a_store_without_sums_is_not_shown(paint, tmp_path, caplog):
    scene, store = paint("look.tif"), tmp_path / "store"
    watched(scene, store)
    forget(scene_path(store, "look"), "picture_files", "files_beside", "synthetic")
    report_store(PORT, store, QUICKLY)
    page = (store / "report.html").read_text()
    assert "image/jpeg" in page
    assert "SHA-256 not kept" in page
    os.utime(scene, (1.8e9, 1.8e9))

    report_store(PORT, store, QUICKLY)

    assert "image/jpeg" not in (store / "report.html").read_text()
    assert "has changed" in caplog.text


def forget(path: Path, *names: str) -> None:
    """Make a scene's file one of before these fields were kept."""
    table = pq.read_table(path)
    fields = json.loads(table.schema.metadata[b"berthwatch"])
    old = {name: value for name, value in fields.items() if name not in names} | {"format_version": 2}
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"berthwatch": json.dumps(old)}), path)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_lines_of_the_page_are_what_sha256sum_checks(paint, tmp_path):
    scene = paint("my look.tif")
    page = watched(scene, tmp_path / "store")
    lines = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    assert lines
    (tmp_path / "pictures.sha256").write_text(unescape(lines.group(1)))

    def check() -> int:
        command = ["sha256sum", "--strict", "--check", "pictures.sha256"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert check() == 0
    paint("my look.tif", value=31)
    assert check() == 1


def test_the_sum_of_the_numbers_is_of_the_data_block(paint, tmp_path):
    page = watched(paint("look.tif"), tmp_path / "store")
    block = re.search(r'id="berthwatch-data">(.*?)</script>', page, re.DOTALL)
    assert block

    data = json.loads(block.group(1))

    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == sum_of_numbers(page)
    scenes = data["tables"]["scenes"]
    ((name, digest),) = json.loads(scenes["rows"][0][scenes["columns"].index("picture_files")])
    assert (name, digest) == ("look.tif", hashlib.sha256((tmp_path / "look.tif").read_bytes()).hexdigest())


def test_one_picture_under_two_names_is_told(paint, tmp_path):
    first, second = paint("monday.tif"), tmp_path / "tuesday.tif"
    shutil.copyfile(first, second)
    watched(first, tmp_path / "store")

    page = watched(second, tmp_path / "store")

    assert "Scenes monday and tuesday are the same picture" in page


def test_many_pictures_under_several_names_are_one_warning():
    def scene(number: int, *sums: str):
        return replace(record(f"scene-{number}", number), picture_files=tuple(FileSum("a.tif", text) for text in sums))

    copies = [scene(i, f"{i % 8}") for i in range(16)]
    unlike = [scene(20, "x", "y"), scene(21, "x", "z"), scene(22), scene(23), record("old", 24), record("older", 25)]

    (warning,) = same_pictures([*copies, *unlike])

    assert "(scene-0 and scene-8, scene-1 and scene-9" in warning
    assert "scene-4 and scene-12 and others" in warning
    assert same_pictures(unlike) == []


def test_a_time_given_once_need_not_be_given_again(write_raster, tmp_path):
    pixels, store = np.full((3, 200, 200), 30, np.uint8), tmp_path / "store"
    scene = write_raster(pixels, name="look.tif", crs="EPSG:32653", lonlat=(133.069, 42.752))
    watched(scene, store, acquired_at=TIME)
    before = scene_path(store, "look").read_bytes()

    watched(scene, store)

    assert scene_path(store, "look").read_bytes() == before
    os.utime(scene, (1, 1))
    with pytest.raises(BerthwatchError, match="nothing tells when this scene was taken"):
        watch(PORT, [scene], store, detector=BrightHulls(), question=QUICKLY)


def test_detecting_anew_does_not_lose_a_time_given_once(capsys, write_raster, tmp_path):
    scene = write_raster(np.full((3, 200, 200), 30, np.uint8), name="look.tif")
    run(capsys, "detect", scene, "--acquired-at", TIME.isoformat(), "--out", tmp_path / "store")

    anew = run(capsys, "detect", scene, "--again", "--out", tmp_path / "store")

    assert "nothing tells when it was taken" not in anew.err
    assert read_record(scene_path(tmp_path / "store", "look")).acquired_at == TIME
    assert read_record(scene_path(tmp_path / "store", "look")).time_source == "given by the user"


def test_a_synthetic_picture_is_never_taken_for_evidence(paint, tmp_path):
    drawn = paint("drawn.tif", TIFFTAG_IMAGEDESCRIPTION=SYNTHETIC)
    taken = paint("taken.tif")
    detect_scenes([drawn, taken], BrightHulls(), tmp_path / "store")

    result = report_store(PORT, tmp_path / "store", QUICKLY)

    assert [scene.synthetic for scene in read_store(tmp_path / "store")[0]] == [True, False]
    assert read_record(scene_path(tmp_path / "store", "drawn")).synthetic
    assert "One scene is synthetic, not taken by a satellite (drawn): what it shows is invented." in result.warnings
    assert "One scene is synthetic" in (tmp_path / "store" / "report.html").read_text()
