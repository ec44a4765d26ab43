"""What the report shows as evidence is the picture that the detector saw, in its bands, or none; what it warns of."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
from estimation_scenes import PORT, record
from inference_scenes import BrightHulls

from berthwatch.configs.port import load_port
from berthwatch.imagery.scene import open_scene
from berthwatch.inference.detect_scenes import detect_scenes
from berthwatch.inference.store import read_store
from berthwatch.scene_doubts import missing_the_port
from berthwatch.watch import Question, reopened, report_store, watch

TIME = datetime(2024, 3, 7, 2, 6, 51, tzinfo=UTC)


@pytest.fixture
def detected(write_raster, tmp_path: Path) -> Path:
    """A picture of four unlike bands, whose ships were sought in bands 4, 3, 2."""
    bands = np.arange(4)[:, None, None] * 20 + np.random.default_rng(0).integers(30, 50, (4, 120, 120))
    path = write_raster(bands.astype(np.uint8), crs="EPSG:32653")
    scene = open_scene(path, bands={"red": "4", "green": "3", "blue": "2"}, acquired_at=TIME)
    detect_scenes([scene], BrightHulls(), tmp_path / "store")
    return path


def reopened_from(store: Path):
    records, _ = read_store(store)
    return reopened(records)


def test_a_picture_is_shown_in_the_bands_that_the_detector_saw(detected: Path, tmp_path: Path) -> None:
    scene = reopened_from(tmp_path / "store")["scene"]

    assert scene.band_indexes == (4, 3, 2)
    assert scene.acquired_at == TIME


def test_a_picture_that_is_gone_is_not_shown(detected: Path, tmp_path: Path) -> None:
    detected.unlink()

    assert reopened_from(tmp_path / "store") == {}


def test_another_picture_of_the_name_in_the_working_folder_is_not_taken(
    detected: Path, tmp_path: Path, monkeypatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(detected, elsewhere)
    monkeypatch.chdir(elsewhere)

    assert reopened_from(tmp_path / "store")["scene"].source == str(detected)


def test_separate_bands_are_found_from_any_folder(write_raster, tmp_path: Path, monkeypatch) -> None:
    for band in ("B04", "B03", "B02"):
        write_raster(np.full((1, 100, 100), 40, np.uint8), name=f"{band}.tif")
    monkeypatch.chdir(tmp_path)
    bands = {"red": "B04.tif", "green": "B03.tif", "blue": "B02.tif"}
    detect_scenes([open_scene("look", bands=bands, acquired_at=TIME)], BrightHulls(), tmp_path / "store")
    monkeypatch.chdir("/")

    assert reopened_from(tmp_path / "store")["look"].band_indexes == (1, 2, 3)


def test_what_told_the_time_travels_from_the_scene_to_the_report(write_raster, tmp_path: Path) -> None:
    pixels = np.full((3, 200, 200), 30, np.uint8)
    place = {"crs": "EPSG:32653", "lonlat": (133.069, 42.752)}
    by_tag = write_raster(pixels, name="tagged.tif", tags={"TIFFTAG_DATETIME": "2024:03:07 02:00:00"}, **place)
    given = write_raster(pixels, name="given.tif", **place)
    scenes = [open_scene(by_tag), open_scene(given, acquired_at=TIME)]

    result = watch(load_port("vostochny"), scenes, tmp_path / "store", detector=BrightHulls())

    page = (tmp_path / "store" / "report.html").read_text()
    assert [r.time_source for r in result.records] == ["tag TIFFTAG_DATETIME", "given by the user"]
    assert any(w.startswith("The time of one scene is in doubt (tagged): may be when") for w in result.warnings)
    assert "The time of one scene is in doubt (tagged)" in page
    assert "given by the user" in page


def test_a_report_that_is_stopped_leaves_the_earlier_one_whole(
    detected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    report_store(load_port("vostochny"), store, Question(product="mixed", draws=200))
    earlier = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}

    def stopped(*_: object, format: str, **__: object) -> None:
        if format == "csv":
            raise KeyboardInterrupt

    monkeypatch.setattr("berthwatch.watch.export_estimate", stopped)
    with pytest.raises(KeyboardInterrupt):
        report_store(load_port("vostochny"), store, Question(product="crude", draws=200))

    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == earlier
    assert {"report.html", "vostochny.gpkg", "totals.csv"} <= {path.name for path in earlier}


def test_many_scenes_that_miss_the_port_are_one_warning() -> None:
    here = record("here", 0.0)
    away = [replace(record(f"away-{i}", i), footprint=shapely.box(129.0, 35.0, 129.1, 35.1)) for i in range(7)]

    (warning,) = missing_the_port(PORT, [here, *away])

    assert warning.startswith("7 scenes show nothing of Vostochny")
    assert warning.endswith("away-0, away-1, away-2, away-3, away-4 and others.")
    assert missing_the_port(PORT, [here]) == []
