"""The store: a folder with one GeoParquet file a scene, `STORE/scenes/<scene_id>.parquet`.

Each file stands alone: its rows are the scene's detections, its metadata (key `berthwatch`) the scene's record as
JSON: what area was observed, by which model and settings. A scene without ships is a file without rows. Files appear
under their name only when complete, so a killed run leaves no half-written scene and workers never contend; DuckDB,
geopandas and QGIS read them as they are.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from ..errors import BerthwatchError
from .detections import COLUMNS, SCHEMA, detections_frame

METADATA_KEY = b"berthwatch"
FORMAT_VERSION = 3  # 2: time_source and time_doubt; 3: picture_files, files_beside and synthetic
# Ships are turned into Parquet so many at a time (its row groups): a scene may hold tens of thousands, and each takes
# kilobytes on the way.
_ROWS_AT_ONCE = 2000
_TABLE = pa.schema([*SCHEMA, ("geometry", pa.binary())])
_DETECT_AGAIN = "detect the scene again"


class FileSum(NamedTuple):
    """A local file, by its name without folder, and the SHA-256 of its bytes in hexadecimal digits."""

    name: str
    sha256: str


@dataclass(frozen=True)
class SceneRecord:
    """What is known of a scene once it has been searched for ships.

    Attributes:
        scene_id: name of the scene, and of its file in the store.
        acquired_at: UTC, None where not known.
        gsd_m: ground metres a pixel at the scene's centre.
        working_gsd_m: ground metres a pixel that the detector saw.
        footprint: outline of the raster, EPSG:4326; a MultiPolygon where it crosses 180 degrees.
        observed: MultiPolygon EPSG:4326, where a ship would have been seen: valid pixels, no cloud, inside the AOI.
        source: file (absolute path) or address the scene was read from.
        model_id: the detector's model.
        backend: what ran it, as the detector describes itself, but for the number of threads.
        settings: the settings that decide the result, JSON values.
        fingerprint: quick key of scene, model and settings, by the files' names, sizes and times: a scene that still
            has it is not searched again. No evidence.
        band_indexes: red, green, blue as the detector saw them, counted from 1; None where not recorded.
        picture_fingerprint: quick key of the scene's files, georeference and bands. "" where not recorded.
        time_source: what told `acquired_at`, in words; "" where not known or not recorded.
        time_doubt: why that may be wrong; "" where nothing speaks against it.
        picture_files: the local files that hold the pixels, by SHA-256: only a picture that still has them may be
            shown as evidence. Empty where none is local, None where not recorded.
        files_beside: the local files beside them (mask, overviews, cloud mask) that were read too.
        synthetic: the file says of itself that it is no satellite picture.
    """

    scene_id: str
    acquired_at: datetime | None
    gsd_m: float
    working_gsd_m: float
    footprint: shapely.Polygon | shapely.MultiPolygon
    observed: shapely.MultiPolygon
    source: str
    model_id: str
    backend: str
    settings: dict[str, Any]
    fingerprint: str
    band_indexes: tuple[int, int, int] | None = None
    picture_fingerprint: str = ""
    time_source: str = ""
    time_doubt: str = ""
    picture_files: tuple[FileSum, ...] | None = None
    files_beside: tuple[FileSum, ...] = ()
    synthetic: bool = False

    def to_json(self) -> str:
        """The record as one JSON object; geometries as GeoJSON, the time as ISO 8601."""
        fields = dict(self.__dict__)
        fields["acquired_at"] = self.acquired_at.isoformat() if self.acquired_at else None
        for name in ("footprint", "observed"):
            fields[name] = json.loads(shapely.to_geojson(fields[name]))
        return json.dumps({"format_version": FORMAT_VERSION, **fields})

    @classmethod
    def from_json(cls, text: str | bytes) -> SceneRecord:
        """The reverse of `to_json`.

        Raises:
            BerthwatchError: not such an object, or written by a newer berthwatch.
        """
        try:
            fields = json.loads(text)
            version = fields.pop("format_version")
            if version > FORMAT_VERSION:
                raise BerthwatchError(
                    f"scene record has format version {version}, this berthwatch reads up to {FORMAT_VERSION}: "
                    "update berthwatch"
                )
            if fields["acquired_at"]:
                fields["acquired_at"] = datetime.fromisoformat(fields["acquired_at"])
            for name in ("footprint", "observed"):
                fields[name] = shapely.from_geojson(json.dumps(fields[name]))
            if fields.get("band_indexes"):
                fields["band_indexes"] = tuple(fields["band_indexes"])
            for name in ("picture_files", "files_beside"):
                if fields.get(name) is not None:
                    fields[name] = tuple(FileSum(*pair) for pair in fields[name])
            return cls(**fields)
        except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
            raise BerthwatchError(f"scene record is damaged: {type(error).__name__}: {error}") from error


def scene_path(store: str | Path, scene_id: str) -> Path:
    """Where the store keeps a scene."""
    return Path(store) / "scenes" / f"{scene_id}.parquet"


def check_store_writable(store: str | Path) -> None:
    """See that a store can be made and written, before any work is done for it; nothing is left behind.

    Raises:
        BerthwatchError: it cannot be.
    """
    folder = Path(store) / "scenes"
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise BerthwatchError(
            f"{store}: results cannot be written there ({error.strerror or error}); give another folder with --out"
        ) from error


def write_scene(store: str | Path, record: SceneRecord, detections: gpd.GeoDataFrame) -> Path:
    """Write or replace a scene's file; it appears whole or not at all. The bytes depend on the arguments only.

    Args:
        store: folder, made if it is missing.
        record: of the scene.
        detections: as `detections.SCHEMA`, EPSG:4326; may be empty.

    Returns:
        The file written.

    Raises:
        BerthwatchError: a column is missing or of the wrong kind, the CRS is another, or the folder cannot be written.
    """
    if detections.crs is None or detections.crs.to_epsg() != 4326:
        raise BerthwatchError(f"detections of scene {record.scene_id} have CRS {detections.crs}, not EPSG:4326")
    frame = detections_frame({name: detections[name] for name in COLUMNS if name in detections})
    schema = _file_schema(frame)

    path = scene_path(store, record.scene_id)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Arrow's own account of the schema says no more than Parquet's, and would repeat megabytes of metadata.
        with pq.ParquetWriter(partial, schema, compression="zstd", store_schema=False) as file:
            file.add_key_value_metadata({**schema.metadata, METADATA_KEY: record.to_json().encode()})
            for start in range(0, len(frame), _ROWS_AT_ONCE):
                file.write_table(pa.table(frame.iloc[start : start + _ROWS_AT_ONCE].to_arrow(index=False)).cast(schema))
        partial.replace(path)
    except OSError as error:
        raise BerthwatchError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return path


def _file_schema(frame: gpd.GeoDataFrame) -> pa.Schema:
    """Columns of a scene's file, with what geopandas says of them."""
    # Of the geometry it says CRS, kinds and bounds: the first ship of each kind and the outermost ones tell them all.
    _, first_of_kind = np.unique(shapely.get_type_id(frame.geometry), return_index=True)
    outermost = np.argsort(frame.bounds.to_numpy() * (1, 1, -1, -1), axis=0)[:1]
    buffer = io.BytesIO()
    frame.iloc[np.union1d(first_of_kind, outermost)].to_parquet(buffer, index=False)
    return _TABLE.with_metadata(pq.read_schema(buffer).metadata)


def read_record(path: str | Path) -> SceneRecord:
    """The record of a scene's file, without reading its detections.

    Raises:
        BerthwatchError: no such file, not Parquet, or not written by berthwatch.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except FileNotFoundError as error:
        raise BerthwatchError(f"{path}: no such file") from error
    except (pa.ArrowException, OSError) as error:
        raise BerthwatchError(
            f"{path}: not a readable Parquet file ({error}); remove it and {_DETECT_AGAIN}"
        ) from error
    if METADATA_KEY not in metadata:
        raise BerthwatchError(f"{path}: Parquet, but not a scene that berthwatch wrote; remove it from the store")
    try:
        return SceneRecord.from_json(metadata[METADATA_KEY])
    except BerthwatchError as error:
        raise BerthwatchError(f"{path}: {error}") from error


def read_scene(path: str | Path) -> tuple[SceneRecord, gpd.GeoDataFrame]:
    """A scene's record and detections (EPSG:4326, the schema's columns and dtypes).

    Raises:
        BerthwatchError: as `read_record`, or a column is missing.
    """
    record, table = _read(path)
    return record, _detections(table, path)


def _read(path: str | Path) -> tuple[SceneRecord, pa.Table]:
    """The same as Arrow has it: a frame costs a hundred times as much, and a store has thousands of scenes."""
    record = read_record(path)
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise BerthwatchError(f"{path}: detections lack the column(s) {', '.join(missing)}; {_DETECT_AGAIN}")
            return record, file.read(columns=list(COLUMNS)).select(COLUMNS).cast(_TABLE)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BerthwatchError(f"{path}: detections cannot be read ({error}); {_DETECT_AGAIN}") from error


def _detections(table: pa.Table, where: str | Path) -> gpd.GeoDataFrame:
    columns = {name: table[name].to_pandas() for name in SCHEMA.names}
    try:
        return detections_frame({**columns, "geometry": shapely.from_wkb(table["geometry"].to_numpy())})
    except shapely.errors.ShapelyError as error:
        raise BerthwatchError(f"{where}: outlines of ships cannot be read ({error}); {_DETECT_AGAIN}") from error


def read_store(store: str | Path) -> tuple[list[SceneRecord], gpd.GeoDataFrame]:
    """All scenes of a store, by time (those without last) and scene id, and all their detections in that order.

    Raises:
        BerthwatchError: the folder is missing or holds no scene, a file is not one of ours, or two files hold the
            same scene.
    """
    folder = Path(store) / "scenes"
    if not folder.is_dir():
        raise BerthwatchError(f"{store}: not a store (it has no folder 'scenes'); make one with `berthwatch detect`")
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise BerthwatchError(f"{store}: the store has no scenes yet; add some with `berthwatch detect`")
    scenes: dict[str, tuple[Path, SceneRecord, pa.Table]] = {}
    for path in paths:
        record, table = _read(path)
        if record.scene_id in scenes:
            raise BerthwatchError(
                f"{path} and {scenes[record.scene_id][0]} both hold scene {record.scene_id}; remove one of them"
            )
        scenes[record.scene_id] = path, record, table
    ordered = sorted(scenes.values(), key=lambda scene: _by_time(scene[1]))
    together = pa.concat_tables(table for _, _, table in ordered)
    return [record for _, record, _ in ordered], _detections(together, store)


def _by_time(record: SceneRecord) -> tuple[float, str]:
    return (record.acquired_at.timestamp() if record.acquired_at else math.inf, record.scene_id)
