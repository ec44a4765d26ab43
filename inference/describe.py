"""Boxes of a scene -> its detections: measured, named, sized."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..imagery.antimeridian import cut_at_antimeridian
from ..imagery.tiles import TileGrid
from ..models.boxes import Boxes
from ..models.metadata import ModelMetadata
from .deadweight import dwt_distribution, dwt_quantile
from .detections import detections_frame, empty_detections
from .measure import measure
from .size_class import most_likely_size_class, size_class_probabilities

# On the way to a row a ship takes several kilobytes, and a scene may hold tens of thousands.
_SHIPS_AT_ONCE = 2000


def describe(boxes: Boxes, cut: NDArray[np.bool_], grid: TileGrid, metadata: ModelMetadata) -> gpd.GeoDataFrame:
    """Detections of one scene.

    Args:
        boxes: n ships in working pixels.
        cut: (n,) whether the border of the picture cuts them.
        grid: of the scene.
        metadata: of the model that found them.

    Returns:
        As `detections.SCHEMA`, EPSG:4326, one row a box, in their order.
    """
    n = len(boxes)
    blocks = [np.arange(start, min(start + _SHIPS_AT_ONCE, n)) for start in range(0, n, _SHIPS_AT_ONCE)]
    described = [_describe(boxes.select(block), cut[block], block + 1, grid, metadata) for block in blocks]
    return gpd.GeoDataFrame(pd.concat(described, ignore_index=True)) if described else empty_detections()


def _describe(
    boxes: Boxes,
    cut: NDArray[np.bool_],
    numbers: NDArray[np.integer],
    grid: TileGrid,
    metadata: ModelMetadata,
) -> gpd.GeoDataFrame:
    """The same for ships of these numbers in their scene, (n,)."""
    scene, n = grid.scene, len(boxes)
    ships = measure(
        boxes,
        lambda xy: scene.to_lonlat(grid.to_scene(xy)),
        working_gsd_m=grid.gsd_m,
        sensor_px=metadata.sensor_px(scene.gsd_m),
        metadata=metadata,
    )
    sizes = ships.length_m, ships.length_sd_m, ships.beam_m, ships.beam_sd_m
    ln_dwt = dwt_distribution(*sizes)
    size_probabilities = size_class_probabilities(*sizes)
    classes = class_probabilities(boxes, metadata.classes)
    return detections_frame(
        {
            "detection_id": [f"{scene.scene_id}-{number:05d}" for number in numbers],
            "scene_id": [scene.scene_id] * n,
            "acquired_at": [scene.acquired_at] * n,
            "lon": ships.lonlat[:, 0],
            "lat": ships.lonlat[:, 1],
            "length_m": ships.length_m,
            "length_sd_m": ships.length_sd_m,
            "beam_m": ships.beam_m,
            "beam_sd_m": ships.beam_sd_m,
            "heading_deg": ships.heading_deg,
            "vessel_class": [metadata.classes[i] for i in boxes.class_ids],
            "class_score": classes[np.arange(n), boxes.class_ids],
            "score": boxes.scores,
            "ship_probability": metadata.ship_probability(boxes.scores, scene.gsd_m),
            "tanker_probability": tanker_probability(classes, metadata.classes),
            "size_class": most_likely_size_class(size_probabilities),
            "size_class_probabilities": list(size_probabilities),
            "dwt_t_p05": dwt_quantile(*ln_dwt, 0.05),
            "dwt_t_p50": dwt_quantile(*ln_dwt, 0.50),
            "dwt_t_p95": dwt_quantile(*ln_dwt, 0.95),
            "gsd_m": np.full(n, scene.gsd_m),
            "model_id": [metadata.model_id] * n,
            "touches_edge": cut,
            "geometry": _hulls(ships.corners_lonlat),
        }
    )


def _hulls(corners_lonlat: NDArray[np.float64]) -> NDArray[np.object_]:
    """(n,) polygons of (n, 4, 2) corners, those that lie across 180 degrees cut there."""
    hulls = np.asarray(shapely.polygons(corners_lonlat))
    for ship in np.flatnonzero(np.ptp(corners_lonlat[..., 0], axis=1) > 180):
        hulls[ship] = cut_at_antimeridian(hulls[ship])
    return hulls


def class_probabilities(boxes: Boxes, classes: tuple[str, ...]) -> NDArray[np.float64]:
    """(n, k) probability of each class for boxes that do show a ship; rows sum to 1.

    The scores of all classes in proportion. Without them only the called class and its score are known: it gets its
    score, the others share the rest.
    """
    n, k = len(boxes), len(classes)
    if boxes.class_scores is not None:
        scores = boxes.class_scores.astype(np.float64)
        return scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12)
    if k == 1:
        return np.ones((n, 1))
    probabilities = np.repeat(((1.0 - boxes.scores) / (k - 1))[:, None], k, axis=1)
    probabilities[np.arange(n), boxes.class_ids] = boxes.scores
    return probabilities


def tanker_probability(probabilities: NDArray[np.float64], classes: tuple[str, ...]) -> NDArray[np.float64]:
    """(n,) probability that the ship is a tanker, 0 for a model without that class.

    What the model calls "unknown" may be any of the other classes and is shared equally among them.
    """
    if "tanker" not in classes:
        return np.zeros(len(probabilities))
    tanker = probabilities[:, classes.index("tanker")]
    if "unknown" not in classes:
        return tanker
    return tanker + probabilities[:, classes.index("unknown")] / (len(classes) - 1)
