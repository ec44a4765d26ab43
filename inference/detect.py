"""One scene -> its detections: plan tiles, read ahead, detect, merge at the seams, measure."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from ..errors import BerthwatchError
from ..imagery.observed import SeenGatherer
from ..imagery.radiometry import Stretch, estimate_stretch
from ..imagery.scene import Scene
from ..imagery.tiles import ReadTimes, TileGrid, TileWindow, read_tiles
from ..models.detector import Detector
from ..models.metadata import ModelMetadata
from .ahead import detect_ahead
from .describe import describe
from .fingerprint import fingerprint, picture_fingerprint
from .land import Land
from .picture_files import sums_in_background
from .seams import SceneBoxes
from .stage_times import StageTimes
from .store import SceneRecord

log = logging.getLogger(__name__)

OVERLAP_RANGE_M = (10.0, 1000.0)  # the longest ship there is has 458 m; tiles that hardly overlap cut every one
# The longest tanker has eight such pixels, a coastal one two. A coarser picture, drawn out to pixels that the model
# knows, is thousands of tiles of nothing, and one laid out by mistake (a pixel a degree) more than memory holds.
COARSEST_GSD_M = 50.0

Area = shapely.Polygon | shapely.MultiPolygon
Progress = Callable[[int, int], None]  # tiles done, tiles in all


@dataclass(frozen=True)
class DetectSettings:
    """How a scene is searched.

    Attributes:
        overlap_m: by how much tiles overlap: the longest ship expected. Longer ones may come out cut.
        score_threshold: drop boxes that score less; None: what the model recommends at the scene's GSD. To find more
            than the lowest recommended threshold lets through, load the detector with a lower one.
        at_berths: recommended thresholds are those for ships at berths, which may be fainter.
        batch_size: tiles a call of the detector; it changes speed and memory, not the ships found.
        land: where no ship lies; tiles wholly on it are not looked at, ships centred on it are dropped,
            and it is not observed.
    """

    overlap_m: float = 400.0
    score_threshold: float | None = None
    at_berths: bool = False
    batch_size: int = 8
    land: Land | None = None

    def __post_init__(self) -> None:
        low, high = OVERLAP_RANGE_M
        if not low <= self.overlap_m <= high:
            raise BerthwatchError(
                f"overlap_m {self.overlap_m:g} must lie within {low:g} to {high:g} metres; "
                "400 covers the longest tankers"
            )
        if self.score_threshold is not None and not 0 < self.score_threshold < 1:
            raise BerthwatchError(f"score_threshold {self.score_threshold:g} must lie between 0 and 1")
        if self.batch_size < 1:
            raise BerthwatchError(f"batch_size {self.batch_size} must be at least 1")

    def resolved(self, metadata: ModelMetadata, scene: Scene, aoi: Area | None) -> dict[str, Any]:
        """The settings that decide which ships are found, as JSON values; what only decides speed is left out."""
        threshold = self.score_threshold
        if threshold is None:
            threshold = metadata.score_threshold_at(scene.gsd_m, at_berths=self.at_berths)
        return {
            "overlap_m": float(self.overlap_m),
            "score_threshold": float(threshold),
            "aoi": None if aoi is None else shapely.geometry.mapping(aoi),
            "weights_sha256": metadata.weights_sha256,
            **({} if self.land is None else {"land": str(self.land)}),
        }


def detect_scene(
    scene: Scene,
    detector: Detector,
    settings: DetectSettings | None = None,
    *,
    aoi: Area | None = None,
    progress: Progress | None = None,
    times: StageTimes | None = None,
) -> tuple[SceneRecord, gpd.GeoDataFrame]:
    """Find the ships of a scene.

    Memory holds a row band of tiles and the boxes, whatever the scene's size; each row of the file is decoded once.
    The result, and the file that `store.write_scene` makes of it, depend on scene, model and settings only, not on
    threads; detectors that run tiles in batches (CUDA) may change scores in the third decimal with the batch size, as
    batched arithmetic does, and so a ship at the very threshold.

    Args:
        scene: where to look.
        detector: what looks.
        settings: how; defaults if None.
        aoi: polygon in EPSG:4326; only ships centred inside count, only tiles that meet it are looked at.
        progress: called with (tiles done, tiles in all) after each batch.
        times: adds up the seconds of each stage.

    Returns:
        The record, and detections as `detections.SCHEMA` from north to south. A scene with no valid pixel, or outside
        the AOI, gives an empty observed area and no detections.

    Raises:
        BerthwatchError: the scene cannot be read, or the settings do not fit the model.
    """
    settings, times = settings or DetectSettings(), times or StageTimes()
    metadata = detector.metadata
    resolved = settings.resolved(metadata, scene, aoi)
    grid = plan_grid(scene, metadata, settings, aoi)
    sums = sums_in_background(scene)
    with times.working("read"):
        stretch = estimate_stretch(scene)
    seen = SeenGatherer(grid, stretch)
    found = _search(grid, detector, settings.batch_size, resolved["score_threshold"], stretch, seen, progress, times)
    with times.working("merge"):
        boxes, cut = found.merged()
        if settings.land is not None:
            afloat = settings.land.afloat(boxes, grid)
            boxes, cut = boxes.select(afloat), cut[afloat]
            times.ships_on_land += int((~afloat).sum())
        detections = describe(boxes, cut, grid, metadata)
        observed = seen.area()
        if settings.land is not None:
            observed = _polygons(settings.land.off_land(observed, grid))
        if aoi is not None:
            observed = _polygons(shapely.intersection(observed, aoi))
            inside = shapely.covers(aoi, shapely.points(detections["lon"], detections["lat"]))
            detections = detections[np.atleast_1d(inside)].reset_index(drop=True)
    record = SceneRecord(
        scene_id=scene.scene_id,
        acquired_at=scene.acquired_at,
        gsd_m=scene.gsd_m,
        working_gsd_m=grid.gsd_m,
        footprint=scene.footprint(),
        observed=observed,
        source=scene.source,
        model_id=metadata.model_id,
        backend=_without_threads(detector.description),
        settings=resolved,
        fingerprint=fingerprint(scene, metadata, resolved),
        band_indexes=scene.band_indexes,
        picture_fingerprint=picture_fingerprint(scene),
        time_source=scene.time_source,
        time_doubt=scene.time_doubt,
        picture_files=sums.result().picture,
        files_beside=sums.result().beside,
        synthetic=scene.synthetic,
    )
    return record, detections


def plan_grid(scene: Scene, metadata: ModelMetadata, settings: DetectSettings, aoi: Area | None = None) -> TileGrid:
    """The scene's tiles at the GSD that the model works at: the scene's own where the model knows it.

    Raises:
        BerthwatchError: no ship can be seen at the scene's GSD, or the overlap leaves a tile no room to advance.
    """
    if scene.gsd_m > COARSEST_GSD_M:
        raise BerthwatchError(
            f"{scene.scene_id}: its pixels are {scene.gsd_m:,.0f} m on the ground, too coarse to see ships on (at most "
            f"{COARSEST_GSD_M:g} m); if it is finer, its position is written wrong: check its CRS and transform"
        )
    gsd_m = metadata.working_gsd_m(scene.gsd_m)
    grid = TileGrid.plan(scene, gsd_m=gsd_m, tile_px=metadata.tile_px, overlap_m=settings.overlap_m, aoi=aoi)
    return grid if settings.land is None else settings.land.without_tiles_inland(grid)


def _search(
    grid: TileGrid,
    detector: Detector,
    batch_size: int,
    score_threshold: float,
    stretch: Stretch,
    seen: SeenGatherer,
    progress: Progress | None,
    times: StageTimes,
) -> SceneBoxes:
    """All ships of the grid, and, in `seen`, what of the scene was seen."""
    found = SceneBoxes(grid)
    total, done = len(grid.tiles), 0
    saturated_before = detector.saturated_tiles
    reading = ReadTimes()
    batches = read_tiles(grid, stretch, batch_size=batch_size, seen=seen, times=reading)
    for windows, pixels, boxes_of_tiles in detect_ahead(batches, detector, times):
        with times.working("merge"):
            for window, tile, boxes in zip(windows, pixels, boxes_of_tiles, strict=True):
                found.add(window, tile, boxes.select(boxes.scores >= score_threshold))
        times.tiles += len(windows)
        area_px = sum(_core_area_px(grid, window) for window in windows)
        times.megapixels += area_px * grid.scale_x * grid.scale_y / 1e6
        times.square_km += area_px * grid.gsd_m**2 / 1e6
        done += len(windows)
        if progress:
            progress(done, total)
    if progress:  # tiles without a valid pixel never came
        progress(total, total)
    times.busy["read"] += reading.busy_s
    times.blocked["read"] += reading.blocked_s
    saturated = detector.saturated_tiles - saturated_before
    times.saturated_tiles += saturated
    if saturated:
        log.warning(
            "%s: in %d of %d tiles %s found as many ships as its file can hold; some may be missing. "
            "Export the model with raw output, which has no such limit",
            *(grid.scene.scene_id, saturated, done, detector.metadata.model_id),
        )
    return found


def _core_area_px(grid: TileGrid, window: TileWindow) -> float:
    """Working pixels of the scene that the tile answers for."""
    x_min, y_min, x_max, y_max = window.core
    return (min(x_max, grid.width) - max(x_min, 0)) * (min(y_max, grid.height) - max(y_min, 0))


def _without_threads(description: str) -> str:
    """What ran the model, but not on how many threads: that changes no ship, and must not change the file."""
    return re.sub(r", \d+ threads?", "", description)


def _polygons(area: shapely.Geometry) -> shapely.MultiPolygon:
    """The polygons of a geometry: where areas only touch, an intersection also holds lines and points."""
    parts = shapely.get_parts(shapely.get_parts(area))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon" and not part.is_empty])
