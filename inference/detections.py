"""What a detection is: one ship seen in one scene, as a row of a GeoDataFrame.

Times are UTC, geometry is the ship's oriented box in EPSG:4326 (a Polygon; a MultiPolygon of two parts where the ship
lies across 180 degrees), sizes are metres on the ground. Size class and
deadweight hold *if* the ship is a tanker; `tanker_probability` says how likely that is, of what is a ship.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa

from ..errors import BerthwatchError

SCHEMA = pa.schema(
    [
        ("detection_id", pa.string()),  # <scene_id>-<number>, numbered from the north down
        ("scene_id", pa.string()),
        ("acquired_at", pa.timestamp("us", tz="UTC")),  # null where the scene's time is not known
        ("lon", pa.float64()),  # centre of the box, degrees
        ("lat", pa.float64()),
        ("length_m", pa.float64()),  # bias-corrected, with the standard deviation found on validation scenes
        ("length_sd_m", pa.float64()),
        ("beam_m", pa.float64()),
        ("beam_sd_m", pa.float64()),
        ("heading_deg", pa.float64()),  # clockwise from true north, in [0, 180): bow and stern look alike
        ("vessel_class", pa.string()),
        ("class_score", pa.float64()),  # probability of vessel_class among the model's classes, in [0, 1]
        ("score", pa.float64()),  # the detector's score, in [0, 1]
        ("ship_probability", pa.float64()),  # that it is a ship at all, from score and GSD by the model's calibration
        ("tanker_probability", pa.float64()),  # if it is a ship
        ("size_class", pa.string()),
        ("size_class_probabilities", pa.list_(pa.float64())),  # in the order of size_class.SIZE_CLASSES
        ("dwt_t_p05", pa.float64()),
        ("dwt_t_p50", pa.float64()),
        ("dwt_t_p95", pa.float64()),
        ("gsd_m", pa.float64()),  # of the scene, ground metres a pixel
        ("model_id", pa.string()),
        ("touches_edge", pa.bool_()),  # cut by the border of valid pixels: length is a lower bound
    ]
)
COLUMNS: tuple[str, ...] = (*SCHEMA.names, "geometry")

_DTYPES = {
    pa.string(): "str",
    pa.timestamp("us", tz="UTC"): "datetime64[us, UTC]",
    pa.float64(): "float64",
    pa.bool_(): "bool",
    pa.list_(pa.float64()): "object",
}
DTYPES: dict[str, str] = {field.name: _DTYPES[field.type] for field in SCHEMA}


def empty_detections() -> gpd.GeoDataFrame:
    """No ships: every column with its dtype, CRS EPSG:4326."""
    return detections_frame({name: [] for name in COLUMNS})


def detections_frame(columns: Mapping[str, Any]) -> gpd.GeoDataFrame:
    """A detections GeoDataFrame from one sequence a column, in the schema's order and dtypes, index 0..n-1.

    Raises:
        BerthwatchError: a column is missing or cannot be converted.
    """
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise BerthwatchError(f"detections lack the column(s) {', '.join(missing)}")
    data = {}
    for name, dtype in DTYPES.items():
        try:
            data[name] = pd.Series(columns[name], dtype=dtype).reset_index(drop=True)
        except (TypeError, ValueError) as error:
            raise BerthwatchError(f"detections: column {name} does not hold {dtype}: {error}") from error
    geometry = gpd.GeoSeries(list(columns["geometry"]), crs="EPSG:4326")
    return gpd.GeoDataFrame(data, geometry=geometry, crs="EPSG:4326")
