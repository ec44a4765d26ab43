"""Many scenes into a store: resuming, failing alone, and telling pictures of one name apart."""

import os
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import shapely
from inference_scenes import BrightHulls, Hull, metadata, north_up, paint, write

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import open_scene
from berthwatch.inference.detect import DetectSettings
from berthwatch.inference.detect_scenes import detect_scenes
from berthwatch.inference.fingerprint import fingerprint, is_another_picture
from berthwatch.inference.stage_times import StageTimes
from berthwatch.inference.store import read_store, scene_path

UTM = "EPSG:32653"
TRANSFORM = north_up(UTM, 133.05, 42.74, (3.0, 3.0))
SHIP = Hull(133.0555, 42.736, 40.0, 180.0, 30.0)


def picture(path: Path, *, ships: int = 1) -> Path:
    pixels = paint([SHIP] * ships, crs=UTM, transform=TRANSFORM, width=300, height=300, gsd_m=3.0)
    return write(path, pixels, crs=UTM, transform=TRANSFORM)


def statuses(outcomes) -> list[str]:
    return [outcome.status for outcome in outcomes]


def test_scenes_become_files_of_the_store_and_empty_ones_too(tmp_path):
    sources = [picture(tmp_path / "a.tif"), picture(tmp_path / "b.tif", ships=0)]
    times = StageTimes()

    outcomes = detect_scenes(sources, BrightHulls(), tmp_path / "store", times=times)

    assert [(o.source, o.scene_id, o.status, o.ships) for o in outcomes] == [
        (str(sources[0]), "a", "done", 1),
        (str(sources[1]), "b", "done", 0),
    ]
    records, ships = read_store(tmp_path / "store")
    assert [record.scene_id for record in records] == ["a", "b"]
    assert list(ships.scene_id) == ["a"]
    assert times.tiles == 2
    assert times.busy["write"] > 0


def test_a_second_run_skips_what_is_done_and_adds_what_is_new(tmp_path):
    first, second = picture(tmp_path / "a.tif"), picture(tmp_path / "b.tif")
    detector = BrightHulls()
    detect_scenes([first], detector, tmp_path / "store")
    before = scene_path(tmp_path / "store", "a").stat().st_mtime_ns

    outcomes = detect_scenes([first, second], detector, tmp_path / "store", DetectSettings(batch_size=1))

    assert statuses(outcomes) == ["skipped", "done"]
    assert detector.tiles_seen == 2
    assert scene_path(tmp_path / "store", "a").stat().st_mtime_ns == before


def test_again_detects_what_is_done_and_writes_the_same_bytes(tmp_path):
    source = picture(tmp_path / "a.tif")
    detect_scenes([source], BrightHulls(), tmp_path / "store")
    before = scene_path(tmp_path / "store", "a").read_bytes()

    outcomes = detect_scenes([source], BrightHulls(), tmp_path / "store", again=True)

    assert statuses(outcomes) == ["done"]
    assert scene_path(tmp_path / "store", "a").read_bytes() == before


def test_another_model_setting_aoi_time_or_picture_is_detected_anew(tmp_path):
    source, store = picture(tmp_path / "a.tif"), tmp_path / "store"
    later = partial(open_scene, acquired_at=datetime(2024, 3, 8, tzinfo=UTC))

    def run(detector=None, settings=None, **options):
        return statuses(detect_scenes([source], detector or BrightHulls(), store, settings, **options))

    assert run() == ["done"]
    assert run() == ["skipped"]
    assert run(BrightHulls(metadata(weights_sha256="ab" * 32))) == ["done"]
    assert run(settings=DetectSettings(overlap_m=350)) == ["done"]
    assert run(aoi=shapely.box(133, 42, 134, 43)) == ["done"]
    assert run(opener=later) == ["done"]
    assert run(opener=later) == ["skipped"]
    picture(source, ships=0)
    os.utime(source, (1, 1))
    assert run(opener=later) == ["done"]


def test_a_scene_that_fails_is_told_and_does_not_stop_the_others(tmp_path):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 this is no picture")
    sources = [picture(tmp_path / "a.tif"), tmp_path / "missing.tif", broken, picture(tmp_path / "b.tif")]
    heard = []

    outcomes = detect_scenes(sources, BrightHulls(), tmp_path / "store", ended=heard.append)

    assert statuses(outcomes) == ["done", "failed", "failed", "done"]
    assert heard == outcomes
    assert "missing.tif" in outcomes[1].error
    assert "broken.tif" in outcomes[2].error
    assert all("\n" not in outcome.error for outcome in outcomes[1:3])
    assert sorted(path.name for path in (tmp_path / "store" / "scenes").iterdir()) == ["a.parquet", "b.parquet"]


def test_a_picture_truncated_halfway_leaves_no_file(tmp_path):
    pixels = np.random.default_rng(3).integers(1, 255, (3, 900, 900)).astype(np.uint8)
    whole = write(tmp_path / "cut.tif", pixels, crs=UTM, transform=TRANSFORM, compress="deflate")
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    outcomes = detect_scenes([whole], BrightHulls(), tmp_path / "store")

    assert statuses(outcomes) == ["failed"]
    assert not scene_path(tmp_path / "store", "cut").exists()


def test_a_fault_of_the_program_is_told_as_such_and_fails_its_scene_alone(tmp_path):
    class Faulty(BrightHulls):
        def detect(self, tiles):
            if self.tiles_seen == 0:
                self.tiles_seen = 1
                raise ZeroDivisionError("of the program")
            return super().detect(tiles)

    outcomes = detect_scenes([picture(tmp_path / "a.tif"), picture(tmp_path / "b.tif")], Faulty(), tmp_path / "store")

    assert statuses(outcomes) == ["failed", "done"]
    assert "a.tif: fault in berthwatch: ZeroDivisionError: of the program" in outcomes[0].error


def test_two_pictures_of_one_name_do_not_overwrite_each_other(tmp_path):
    here, there = picture(tmp_path / "monday" / "visual.tif"), picture(tmp_path / "tuesday" / "visual.tif", ships=0)

    within_one_run = detect_scenes([here, there], BrightHulls(), tmp_path / "store")
    in_a_later_run = detect_scenes([there], BrightHulls(), tmp_path / "store")

    assert statuses(within_one_run) == ["done", "failed"]
    assert "same scene id" in within_one_run[1].error
    assert statuses(in_a_later_run) == ["failed"]
    assert "from another file" in in_a_later_run[0].error
    assert len(read_store(tmp_path / "store")[1]) == 1


def test_relative_paths_of_one_name_from_two_folders_do_not_overwrite_each_other(tmp_path, monkeypatch):
    for day, ships in (("monday", 1), ("tuesday", 0)):
        picture(tmp_path / day / "ortho.tif", ships=ships)
    monkeypatch.chdir(tmp_path / "monday")
    detect_scenes(["ortho.tif"], BrightHulls(), tmp_path / "store")
    monkeypatch.chdir(tmp_path / "tuesday")

    outcomes = detect_scenes(["ortho.tif"], BrightHulls(), tmp_path / "store")

    assert statuses(outcomes) == ["failed"]
    assert f"another file, {tmp_path / 'monday' / 'ortho.tif'}" in outcomes[0].error
    (record,), ships = read_store(tmp_path / "store")
    assert record.source == str(tmp_path / "monday" / "ortho.tif")
    assert len(ships) == 1


def test_separate_bands_of_one_name_from_two_folders_do_not_overwrite_each_other(tmp_path, monkeypatch):
    sources = []
    for day in ("monday", "tuesday"):
        monkeypatch.chdir(picture(tmp_path / day / "B04.tif").parent)
        sources.append(open_scene("ortho", bands=dict.fromkeys(("red", "green", "blue"), "B04.tif")))

    outcomes = [detect_scenes([scene], BrightHulls(), tmp_path / "store")[0] for scene in sources]

    assert statuses(outcomes) == ["done", "failed"]


@pytest.mark.parametrize(
    ("stored", "source", "differ"),
    [
        ("/vsicurl/https://a/1/visual.tif?sig=1", "/vsicurl/https://a/1/visual.tif?sig=2", False),
        ("/vsicurl/https://a/1/visual.tif", "/vsicurl/https://a/2/visual.tif", True),
        ("/vsis3/bucket/visual.tif", "/nowhere/visual.tif", False),
    ],
)
def test_remote_pictures_are_told_apart_by_their_address(stored, source, differ):
    assert is_another_picture(stored, source) is differ


def test_a_moved_folder_of_pictures_is_still_known(tmp_path):
    detect_scenes([picture(tmp_path / "old" / "a.tif")], BrightHulls(), tmp_path / "store")
    shutil.move(tmp_path / "old", tmp_path / "new")

    outcomes = detect_scenes([tmp_path / "new" / "a.tif"], BrightHulls(), tmp_path / "store")

    assert statuses(outcomes) == ["skipped"]


def test_the_fingerprint_of_separate_bands_follows_each_file(tmp_path):
    pixels = paint([SHIP], crs=UTM, transform=TRANSFORM, width=300, height=300, gsd_m=3.0)
    bands = {
        colour: write(tmp_path / f"{colour}.tif", pixels[:1], crs=UTM, transform=TRANSFORM)
        for colour in ("red", "green", "blue")
    }

    def now() -> str:
        return fingerprint(open_scene("bands", bands=bands), metadata(), {})

    before = now()
    assert now() == before
    os.utime(bands["green"], (1, 1))
    assert now() != before


def test_progress_names_the_scene(tmp_path):
    heard = []

    detect_scenes(
        [picture(tmp_path / "a.tif")],
        BrightHulls(),
        tmp_path / "store",
        progress=lambda *state: heard.append(state),
    )

    assert heard[-1] == (str(tmp_path / "a.tif"), 1, 1)


def test_an_unwritable_store_fails_with_its_name(tmp_path):
    (tmp_path / "store").write_text("a file, not a folder")

    outcomes = detect_scenes([picture(tmp_path / "a.tif")], BrightHulls(), tmp_path / "store")

    assert statuses(outcomes) == ["failed"]
    assert str(tmp_path / "store") in outcomes[0].error


def test_a_strange_file_in_the_scenes_place_is_not_overwritten(tmp_path):
    path = scene_path(tmp_path / "store", "a")
    path.parent.mkdir(parents=True)
    path.write_text("notes of mine")

    outcomes = detect_scenes([picture(tmp_path / "a.tif")], BrightHulls(), tmp_path / "store")

    assert statuses(outcomes) == ["failed"]
    assert path.read_text() == "notes of mine"
    with pytest.raises(BerthwatchError, match="not a readable Parquet file"):
        read_store(tmp_path / "store")
