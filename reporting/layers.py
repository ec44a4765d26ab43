"""The map layers that leave berthwatch: what is where, EPSG:4326, with the tables' columns as attributes."""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import pandas as pd
import shapely

from ..estimation.estimate import Estimate
from ..inference.store import SceneRecord
from .tables import scene_table

_CRS = "EPSG:4326"


def store_layers(records: Iterable[SceneRecord], detections: gpd.GeoDataFrame) -> dict[str, gpd.GeoDataFrame]:
    """Layers of a store, those to draw below first.

    - footprints: outline of each scene, with its record;
    - unobserved: the part of each scene in which no ship could have been seen (cloud, no data, not searched);
    - detections: the ships' oriented boxes.
    """
    records = list(records)
    scenes = scene_table(records, detections)
    hidden = [shapely.difference(record.footprint, record.observed) for record in records]
    unobserved = gpd.GeoDataFrame(scenes[["scene_id", "acquired_at"]], geometry=hidden, crs=_CRS)
    return {
        "footprints": gpd.GeoDataFrame(scenes, geometry=[record.footprint for record in records], crs=_CRS),
        "unobserved": unobserved[~unobserved.is_empty].reset_index(drop=True),
        "detections": detections,
    }


def estimate_layers(estimate: Estimate) -> dict[str, gpd.GeoDataFrame]:
    """Layers of an estimate: those of its scenes, and berths, observations and visits on their berths' outlines.

    A visit carries its barrels too where it has any.
    """
    berths = gpd.GeoDataFrame(
        [
            {
                "berth_id": berth.id,
                "name": berth.name,
                "kind": berth.kind,
                "heading_deg": berth.heading_deg,
                "approximate": berth.approximate,
                "source": berth.source,
                "note": berth.note,
                "geometry": berth.geometry,
            }
            for berth in estimate.port.berths
        ],
        crs=_CRS,
    ).merge(estimate.throughput, on="berth_id", how="left")
    barrels = estimate.loadings.drop(columns=["berth_id", "loaded_at"])
    layers = store_layers(estimate.records, estimate.detections)
    return {
        "footprints": layers["footprints"],
        "unobserved": layers["unobserved"],
        "berths": gpd.GeoDataFrame(berths, crs=_CRS),
        "observations": _on_berths(estimate.observations, berths),
        "visits": _on_berths(estimate.visits.merge(barrels, on="visit_id", how="left"), berths),
        "detections": layers["detections"],
    }


def _on_berths(table: pd.DataFrame, berths: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The table with each row's berth as its geometry."""
    outlines = berths.set_index("berth_id").geometry
    geometry = gpd.GeoSeries([outlines[berth_id] for berth_id in table.berth_id], crs=_CRS)
    return gpd.GeoDataFrame(table.reset_index(drop=True), geometry=geometry, crs=_CRS)
