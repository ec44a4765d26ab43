"""GeoPackage whose layers QGIS opens already styled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from importlib import resources
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from .tables import text_cells

_STYLES = resources.files("berthwatch.reporting") / "templates"


def write_geopackage(path: Path, layers: Mapping[str, gpd.GeoDataFrame], tables: Mapping[str, pd.DataFrame]) -> None:
    """Write layers (EPSG:4326), tables without geometry, and QGIS's `layer_styles` to a new file.

    Lists become JSON text, as GeoPackage has none. Layers keep their order; QGIS draws later ones above.
    """
    for name, layer in layers.items():
        pyogrio.write_dataframe(
            text_cells(layer),
            path,
            layer=name,
            driver="GPKG",
            append=path.exists(),
            promote_to_multi=True,
            geometry_type="MultiPolygon",
            GEOMETRY_NAME="geom",
        )
    for name, table in tables.items():
        pyogrio.write_dataframe(text_cells(table), path, layer=name, driver="GPKG", append=True)
    styles = style_table(list(layers))
    pyogrio.write_dataframe(styles, path, layer="layer_styles", driver="GPKG", append=True, FID="id")


def style_table(layers: list[str]) -> pd.DataFrame:
    """Rows of `layer_styles` as QGIS writes it: the default style of each layer that has one among the templates."""
    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": name,
            "f_geometry_column": "geom",
            "styleName": "berthwatch",
            "styleQML": style.read_text(encoding="utf-8"),
            "styleSLD": "",
            "useAsDefault": True,
            "description": f"berthwatch: {name}",
            "owner": "",
            "ui": "",
            "update_time": pd.Timestamp.now(UTC),
        }
        for name in layers
        if (style := _STYLES / f"{name}.qml").is_file()
    ]
    return pd.DataFrame(rows)
