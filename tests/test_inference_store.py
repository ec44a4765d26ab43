"""The store: what is written comes back, whole or not at all, and what is not ours is refused in plain words."""

import datetime as dt
import json
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from berthwatch.errors import BerthwatchError
from berthwatch.inference.detections import COLUMNS, SCHEMA, detections_frame, empty_detections
from berthwatch.inference.size_class import SIZE_CLASSES
from berthwatch.inference.store import (
    FileSum,
    SceneRecord,
    read_record,
    read_scene,
    read_store,
    scene_path,
    write_scene,
)

NOON = dt.datetime(2024, 3, 7, 12, 0, tzinfo=dt.UTC)


def record(scene_id: str = "scene-a", acquired_at: dt.datetime | None = NOON) -> SceneRecord:
    frame = shapely.box(133.0, 42.7, 133.1, 42.8)
    cloud = shapely.box(133.02, 42.72, 133.04, 42.74)
    return SceneRecord(
        scene_id=scene_id,
        acquired_at=acquired_at,
        gsd_m=3.0,
        working_gsd_m=3.0,
        footprint=frame,
        observed=shapely.MultiPolygon([frame.difference(cloud)]),
        source=f"/pictures/{scene_id}.tif",
        model_id="test",
        backend="nothing",
        settings={"overlap_m": 400.0, "aoi": None},
        fingerprint="00ff",
    )


def detections(scene_id: str = "scene-a", n: int = 3, acquired_at: dt.datetime | None = NOON) -> gpd.GeoDataFrame:
    numbers = np.linspace(80.0, 330.0, n)
    columns = dict.fromkeys(COLUMNS, numbers)
    columns |= {
        "detection_id": [f"{scene_id}-{i:05d}" for i in range(n)],
        "scene_id": [scene_id] * n,
        "acquired_at": [acquired_at] * n,
        "vessel_class": ["tanker"] * n,
        "size_class": ["small"] * n,
        "size_class_probabilities": [np.full(len(SIZE_CLASSES), 1 / 13)] * n,
        "model_id": ["test"] * n,
        "touches_edge": [False] * n,
        "geometry": [shapely.box(133.0, 42.7, 133.001, 42.701)] * n,
    }
    return detections_frame(columns)


def test_a_scene_comes_back_as_it_was_written(tmp_path):
    path = write_scene(tmp_path, record(), detections())

    back, ships = read_scene(path)

    assert path == tmp_path / "scenes" / "scene-a.parquet"
    assert back == record()
    pd.testing.assert_frame_equal(ships.drop(columns="geometry"), detections().drop(columns="geometry"))
    assert ships.geometry.geom_equals(detections().geometry).all()
    assert ships.crs.to_epsg() == 4326
    np.testing.assert_array_equal(ships.size_class_probabilities[0], np.full(13, 1 / 13))


def test_a_scene_without_ships_is_a_valid_file_with_the_same_columns(tmp_path):
    path = write_scene(tmp_path, record(), empty_detections())

    back, ships = read_scene(path)

    assert back == record()
    assert len(ships) == 0
    assert tuple(ships.columns) == COLUMNS
    assert (ships.dtypes == detections().dtypes).all()
    written = pq.read_schema(path)
    assert [written.field(field.name).type for field in SCHEMA] == [field.type for field in SCHEMA]


def test_the_file_is_plain_geoparquet(tmp_path):
    path = write_scene(tmp_path, record(), detections())

    ships = gpd.read_parquet(path)

    assert ships.crs.to_epsg() == 4326
    assert b"geo" in pq.read_schema(path).metadata


def test_a_scene_of_many_ships_is_written_a_few_at_a_time_and_reads_as_one(tmp_path):
    ships = detections(n=5000)
    ships.loc[4711, "geometry"] = shapely.MultiPolygon([shapely.box(132.9, 42.7, 132.95, 42.8)])
    ships.loc[[17, 3000], "geometry"] = [shapely.box(133.2, 42.7, 133.3, 42.71), shapely.box(133, 42.6, 133.1, 42.9)]

    tracemalloc.start()
    try:
        path = write_scene(tmp_path, record(), ships)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    back, of_file = read_scene(path)[1], pq.ParquetFile(path)
    pd.testing.assert_frame_equal(back.drop(columns="geometry"), ships.drop(columns="geometry"))
    assert back.geometry.geom_equals_exact(ships.geometry, 0).all()
    assert of_file.num_row_groups == 3
    ships.to_parquet(tmp_path / "by-geopandas.parquet", index=False)
    by_geopandas = pq.read_schema(tmp_path / "by-geopandas.parquet").metadata
    assert {key: of_file.schema_arrow.metadata[key] for key in by_geopandas} == by_geopandas
    assert peak < 320 * len(ships)  # Python's and numpy's; 470 when all are turned at once, and Arrow's kilobytes more


def test_the_record_stands_in_the_file_once(tmp_path):
    teeth = [(133 + 0.1 * (i % 2), 42 + i / 20_000) for i in range(20_000)]
    long = replace(record(), observed=shapely.MultiPolygon([shapely.Polygon([*teeth, (132, 43), (132, 42)])]))

    path = write_scene(tmp_path, long, empty_detections())

    assert read_record(path) == long
    assert path.stat().st_size < 1.1 * len(long.to_json())


def test_a_scene_with_no_known_time_stays_without_one(tmp_path):
    path = write_scene(tmp_path, record(acquired_at=None), detections(acquired_at=None))

    back, ships = read_scene(path)

    assert back.acquired_at is None
    assert ships.acquired_at.isna().all()
    assert str(ships.acquired_at.dtype) == "datetime64[us, UTC]"


def test_the_same_content_gives_the_same_bytes(tmp_path):
    first = write_scene(tmp_path / "a", record(), detections()).read_bytes()
    second = write_scene(tmp_path / "b", record(), detections()).read_bytes()

    assert first == second


def test_a_store_is_read_in_the_order_of_time(tmp_path):
    later = NOON + dt.timedelta(days=3)
    write_scene(tmp_path, record("a-later", later), detections("a-later", 2, later))
    write_scene(tmp_path, record("b-earlier"), detections("b-earlier", 1))
    write_scene(tmp_path, record("c-empty", later), empty_detections())
    write_scene(tmp_path, record("d-timeless", None), detections("d-timeless", 1, None))

    records, ships = read_store(tmp_path)

    assert [r.scene_id for r in records] == ["b-earlier", "a-later", "c-empty", "d-timeless"]
    assert list(ships.scene_id) == ["b-earlier", "a-later", "a-later", "d-timeless"]
    assert list(ships.index) == [0, 1, 2, 3]
    assert str(ships.acquired_at.dtype) == "datetime64[us, UTC]"


def test_a_store_of_empty_scenes_gives_empty_detections(tmp_path):
    write_scene(tmp_path, record(), empty_detections())

    records, ships = read_store(tmp_path)

    assert len(records) == 1
    pd.testing.assert_frame_equal(pd.DataFrame(ships), pd.DataFrame(empty_detections()))


def test_writing_again_replaces_the_scene_and_leaves_nothing_else(tmp_path):
    write_scene(tmp_path, record(), detections(n=3))
    write_scene(tmp_path, record(), detections(n=1))

    assert [p.name for p in (tmp_path / "scenes").iterdir()] == ["scene-a.parquet"]
    assert len(read_scene(scene_path(tmp_path, "scene-a"))[1]) == 1


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = write_scene(tmp_path, record(), detections(n=2))
    before = path.read_bytes()

    with pytest.raises(BerthwatchError, match="lack the column"):
        write_scene(tmp_path, record(), detections(n=1).drop(columns="score"))

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_other_coordinates_are_refused(tmp_path):
    with pytest.raises(BerthwatchError, match=r"scene-a.*not EPSG:4326"):
        write_scene(tmp_path, record(), detections().to_crs(32652))


def test_an_unwritable_store_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(BerthwatchError, match=r"cannot write .*scene-a\.parquet"):
        write_scene(tmp_path / "file", record(), detections())


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "not a store"),
        (lambda folder: folder.mkdir(), "no scenes yet"),
        (
            lambda folder: (folder.mkdir(), pq.write_table(pa.table({"a": [1]}), folder / "x.parquet")),
            r"x\.parquet: Parquet, but not a scene that berthwatch wrote",
        ),
        (
            lambda folder: (folder.mkdir(), (folder / "x.parquet").write_bytes(b"not parquet at all")),
            r"x\.parquet: not a readable Parquet file",
        ),
    ],
)
def test_what_is_not_a_store_is_refused_in_one_line(tmp_path, prepare, message):
    prepare(tmp_path / "scenes")

    with pytest.raises(BerthwatchError, match=message) as error:
        read_store(tmp_path)

    assert "\n" not in str(error.value)


def test_of_a_store_the_file_is_named_whose_detections_cannot_be_read(tmp_path):
    write_scene(tmp_path, record(), detections())
    path = write_scene(tmp_path, record("scene-b"), detections("scene-b"))
    whole = pq.read_table(path)

    pq.write_table(whole.drop_columns("beam_m"), path)
    with pytest.raises(BerthwatchError, match=rf"{re.escape(str(path))}: .*beam_m.*detect the scene again"):
        read_store(tmp_path)

    pq.write_table(whole.set_column(3, "lon", pa.array(["east"] * len(whole))), path)
    with pytest.raises(BerthwatchError, match=rf"{re.escape(str(path))}: .*cannot be read"):
        read_store(tmp_path)

    pq.write_table(whole.set_column(len(COLUMNS) - 1, "geometry", pa.array([b"no outline"] * len(whole))), path)
    with pytest.raises(BerthwatchError, match="outlines of ships cannot be read"):
        read_store(tmp_path)


def test_a_copied_scene_is_found_out(tmp_path):
    path = write_scene(tmp_path, record(), detections())
    copy = path.with_name("copy.parquet")
    copy.write_bytes(path.read_bytes())

    with pytest.raises(BerthwatchError, match=r"both hold scene scene-a") as error:
        read_store(tmp_path)

    assert str(copy) in str(error.value)
    assert str(path) in str(error.value)


def test_a_record_from_a_newer_version_asks_for_an_update(tmp_path):
    path = rewrite_record(write_scene(tmp_path, record(), detections()), '"format_version": 3', '"format_version": 9')

    with pytest.raises(BerthwatchError, match=re.escape(f"{path}: scene record has format version 9")):
        read_record(path)


def test_a_damaged_record_names_its_file(tmp_path):
    path = rewrite_record(write_scene(tmp_path, record(), detections()), '"gsd_m"', '"gsd"')

    with pytest.raises(BerthwatchError, match=re.escape(f"{path}: scene record is damaged")):
        read_record(path)


def test_a_record_says_what_told_the_time_and_one_of_before_says_nothing(tmp_path):
    told = replace(record(), time_source="tag TIFFTAG_DATETIME", time_doubt="may be when the file was made")
    path = write_scene(tmp_path, told, detections())

    assert (read_record(path).time_source, read_record(path).time_doubt) == (told.time_source, told.time_doubt)
    text = told.to_json().replace('"format_version": 3', '"format_version": 1')
    old = {name: value for name, value in json.loads(text).items() if not name.startswith("time_")}
    assert SceneRecord.from_json(json.dumps(old)).time_source == ""


def test_a_record_keeps_its_files_sums_and_one_of_before_has_none(tmp_path):
    sums = FileSum("a.tif", "ab" * 32), FileSum("b c.tif", "cd" * 32)
    kept = replace(record(), picture_files=sums, files_beside=sums[:1], synthetic=True)

    path = write_scene(tmp_path, kept, detections())

    assert read_record(path) == kept
    fields = json.loads(kept.to_json()) | {"format_version": 2}
    old = {name: fields[name] for name in fields if name not in ("picture_files", "files_beside", "synthetic")}
    assert SceneRecord.from_json(json.dumps(old)).picture_files is None
    assert not SceneRecord.from_json(json.dumps(old)).synthetic


def rewrite_record(path: Path, old: str, new: str) -> Path:
    table = pq.read_table(path)
    metadata = {k: v.replace(old.encode(), new.encode()) for k, v in table.schema.metadata.items()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path
