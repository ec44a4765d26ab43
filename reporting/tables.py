"""The tables that leave berthwatch as rows of plain values: for CSV, for map layers, for the page's own data."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from ..estimation.estimate import Estimate
from ..inference.store import FileSum, SceneRecord
from .provenance import source_name

FORMAT_VERSION = 1
_SCENE_COLUMNS = (
    "scene_id", "acquired_at", "time_source", "time_doubt", "gsd_m", "working_gsd_m", "n_detections", "source",
    "model_id", "backend", "settings", "picture_files", "files_beside", "synthetic",
)  # fmt: skip


def scene_table(records: Iterable[SceneRecord], detections: pd.DataFrame) -> pd.DataFrame:
    """One row a scene: its record without geometry, and how many ships it shows.

    `source` is the file's name or an address without user and token: tables are passed on. `picture_files` and
    `files_beside` are JSON, [[name, SHA-256], ...], null where not recorded. What differs between equal pictures
    (folders, file times, and so the quick key) is left out.
    """
    counts = detections.scene_id.value_counts()
    rows = [
        (
            record.scene_id, record.acquired_at, record.time_source, record.time_doubt, record.gsd_m,
            record.working_gsd_m, int(counts.get(record.scene_id, 0)), source_name(record.source), record.model_id,
            record.backend, json.dumps(record.settings, sort_keys=True), _sums_text(record.picture_files),
            _sums_text(record.files_beside), record.synthetic,
        )
        for record in records
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(_SCENE_COLUMNS))
    table["acquired_at"] = pd.to_datetime(table.acquired_at, utc=True)
    return table


def _sums_text(files: tuple[FileSum, ...] | None) -> str | None:
    return None if files is None else json.dumps(files)


def store_tables(records: Iterable[SceneRecord], detections: gpd.GeoDataFrame) -> dict[str, pd.DataFrame]:
    """The tables of a store, without geometry: detections and scenes."""
    plain = pd.DataFrame(detections.drop(columns="geometry"))
    return {"detections": plain, "scenes": scene_table(records, detections)}


def estimate_tables(estimate: Estimate) -> dict[str, pd.DataFrame]:
    """The tables of an estimate, without geometry."""
    return {
        "visits": estimate.visits,
        "observations": estimate.observations,
        "loadings": estimate.loadings,
        "totals": estimate.totals,
        "ledger": estimate.ledger.by_date,
        "ledger_years": estimate.ledger.by_year,
        "size_classes": estimate.by_size_class,
        "throughput": estimate.throughput,
        "assumptions": estimate.assumptions,
        **store_tables(estimate.records, estimate.detections),
    }


def report_data(estimate: Estimate) -> dict[str, Any]:
    """Every number of an estimate, unrounded, as JSON values; a table is its columns and its rows.

    Times are ISO 8601 in UTC, missing values null.
    """
    return {
        "format_version": FORMAT_VERSION,
        "port": {"id": estimate.port.id, "name": estimate.port.name, "country": estimate.port.country},
        "period": [json_value(time) for time in estimate.period],
        "product": estimate.product,
        "seed": estimate.seed,
        "draws": estimate.draws,
        "cap": {"name": estimate.ledger.cap_name, "barrels_per_year": json_value(estimate.ledger.cap_bbl_per_year)},
        "warnings": list(estimate.warnings),
        "tables": {name: _columnar(table) for name, table in estimate_tables(estimate).items()},
    }


def json_value(value: Any) -> Any:
    """A cell as JSON knows it: times to ISO 8601, NaN, NaT and infinities to null, numpy to Python."""
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): json_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [json_value(item) for item in value]
    return value


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """The table's rows as named tuples, whose fields a type checker cannot know."""
    return table.itertuples()


def text_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The table with lists as JSON text, for formats whose cells hold no lists."""
    return table.assign(**{name: table[name].map(_list_text) for name in list_columns(table)})


def list_columns(table: pd.DataFrame) -> list[str]:
    """Names of the columns that hold lists; told by name where the table is empty."""
    return [name for name in table.columns if name.endswith(("_ids", "size_class_probabilities"))]


def _list_text(value: Any) -> str | None:
    plain = json_value(value)
    return None if plain is None else json.dumps(plain, separators=(",", ":"))


def _columnar(table: pd.DataFrame) -> dict[str, Any]:
    rows = zip(*(table[name] for name in table.columns), strict=True)
    return {"columns": list(table.columns), "rows": [[json_value(cell) for cell in row] for row in rows]}
