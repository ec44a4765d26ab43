"""What berthwatch found, for other programs: GeoPackage, GeoJSON, KML, CSV. A file appears whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from pyogrio.errors import DataSourceError

from .. import __version__
from ..errors import BerthwatchError
from ..estimation.estimate import Estimate
from ..inference.store import read_store
from .geopackage import write_geopackage
from .kml import write_kml
from .layers import estimate_layers, store_layers
from .tables import estimate_tables, json_value, store_tables, text_cells

FORMATS = ("gpkg", "geojson", "kml", "csv")


def export_store(store: str | Path, out: str | Path, *, format: str | None = None) -> Path:
    """Write the detections and scenes of a store.

    Args:
        store: folder with `scenes/`.
        out: file to write or replace; for CSV a folder, which gets a file a table.
        format: "gpkg", "geojson", "kml" or "csv"; by the ending of `out` if None.

    Returns:
        `out`.

    Raises:
        BerthwatchError: not a store, an unknown format, or `out` cannot be written.
    """
    records, detections = read_store(store)
    layers, tables = store_layers(records, detections), store_tables(records, detections)
    return _export(Path(out), format, layers, tables, title=f"berthwatch: {Path(store).name}")


def export_estimate(estimate: Estimate, out: str | Path, *, format: str | None = None) -> Path:
    """Write everything an estimate holds; arguments, result and errors as `export_store`."""
    layers, tables = estimate_layers(estimate), estimate_tables(estimate)
    return _export(Path(out), format, layers, tables, title=f"berthwatch: {estimate.port.name}")


def _export(
    out: Path,
    format: str | None,
    layers: Mapping[str, gpd.GeoDataFrame],
    tables: Mapping[str, pd.DataFrame],
    title: str,
) -> Path:
    chosen = format or out.suffix.removeprefix(".").lower()
    # Tables that a layer of the same name carries already are not written twice.
    alone = {name: table for name, table in tables.items() if name not in layers and name != "scenes"}
    if chosen == "gpkg":
        _whole(out, chosen, lambda path: write_geopackage(path, layers, alone))
    elif chosen == "geojson":
        _whole(out, chosen, lambda path: _write_geojson(path, layers, title))
    elif chosen == "kml":
        _whole(out, chosen, lambda path: write_kml(path, layers, title))
    elif chosen == "csv":
        if out.is_file() or out.suffix.lower() == ".csv":
            raise BerthwatchError(
                f"{out}: CSV makes several files, one for each table; name a folder: "
                f"--format csv --out {out.with_name(f'{out.stem}-tables')}"
            )
        for name, table in tables.items():
            _whole(out / f"{name}.csv", chosen, lambda path, table=table: _write_csv(path, table))
    else:
        told = f"'{chosen}' is no format to export to" if chosen else "its name has no ending, which tells the format"
        raise BerthwatchError(f"{out}: {told}; give one with --format: {', '.join(FORMATS)}")
    return out


def _whole(out: Path, ending: str, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside `out`, then put it in its place."""
    # GDAL warns of a GeoPackage with another ending.
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial.{ending}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()  # why it cannot be written is told by the system better than by GDAL
        partial.unlink()
        write(partial)
        partial.replace(out)
    except (OSError, DataSourceError) as error:
        raise BerthwatchError(f"cannot write {out}: {getattr(error, 'strerror', None) or error}") from error
    finally:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    times = table.select_dtypes("datetimetz").columns
    text_cells(table).assign(**{name: table[name].map(json_value) for name in times}).to_csv(path, index=False)


def _write_geojson(path: Path, layers: Mapping[str, gpd.GeoDataFrame], title: str) -> None:
    """One FeatureCollection as RFC 7946 wants it; each feature says in `layer` what it is."""
    features = [feature for name, layer in layers.items() for feature in _features(name, layer)]
    collection = {
        "type": "FeatureCollection",
        "name": title,
        "generator": f"berthwatch {__version__}",
        "features": features,
    }
    path.write_text(json.dumps(collection, allow_nan=False, separators=(",", ":")), encoding="utf-8")


def _features(name: str, layer: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    columns = [column for column in layer.columns if column != "geometry"]
    rows = zip(*(layer[column] for column in columns), strict=True)
    return [
        {
            "type": "Feature",
            "geometry": _rfc7946(geometry),
            "properties": {"layer": name, **{c: json_value(v) for c, v in zip(columns, row, strict=True)}},
        }
        for row, geometry in zip(rows, layer.geometry, strict=True)
    ]


def _rfc7946(geometry: shapely.Geometry) -> dict[str, Any]:
    """Polygons with their outside anticlockwise, seven decimals (a centimetre)."""
    wound = [shapely.geometry.polygon.orient(part) for part in shapely.get_parts(geometry)]
    shape = wound[0] if len(wound) == 1 else shapely.MultiPolygon(wound)
    rounded = shapely.transform(shape, lambda lonlat: lonlat.round(7))
    return shapely.geometry.mapping(rounded)
