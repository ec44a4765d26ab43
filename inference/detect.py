"""One scene -> its detections: plan tiles, read ahead, detect, merge at the seams, measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from ..errors import BerthwatchError
from ..imagery.observed import observed_area
from ..imagery.radiometry import estimate_stretch
from ..imagery.scene import Scene
from ..imagery.tiles import TileGrid, read_tiles
from ..models.boxes import Boxes
from ..models.detector import Detector
from ..models.metadata import ModelMetadata
from .describe import describe
from .fingerprint import fingerprint
from .seams import SceneBoxes
from .store import SceneRecord

Area = shapely.Polygon | shapely.MultiPolygon
Progress = Callable[[int, int], None]  # tiles done, tiles in all


@dataclass(frozen=True)
class DetectSettings:
    """How a scene is searched.

    Attributes:
        overlap_m: by how much tiles overlap: the longest ship expected. Longer ones may come out cut.
        score_threshold: drop boxes that score less; None: the model's own threshold. To find more than the model's
            own threshold lets through, load the detector with a lower one.
        batch_size: tiles a call of the detector; it changes speed and memory, not the ships found.
    """

    overlap_m: float = 400.0
    score_threshold: float | None = None
    batch_size: int = 8

    def __post_init__(self) -> None:
        if not self.overlap_m > 0:
            raise BerthwatchError(f"overlap_m {self.overlap_m:g} must be positive; 400 covers the longest tankers")
        if self.score_threshold is not None and not 0 < self.score_threshold < 1:
            raise BerthwatchError(f"score_threshold {self.score_threshold:g} must lie between 0 and 1")
        if self.batch_size < 1:
            raise BerthwatchError(f"batch_size {self.batch_size} must be at least 1")

    def resolved(self, metadata: ModelMetadata, aoi: Area | None) -> dict[str, Any]:
        """The settings that decide which ships are found, as JSON values; what only decides speed is left out."""
        return {
            "overlap_m": float(self.overlap_m),
            "score_threshold": float(self.score_threshold or metadata.score_threshold),
            "aoi": None if aoi is None else shapely.geometry.mapping(aoi),
        }


@dataclass
class StageTimes:
    """Seconds that each stage took of one run, and the work done. Reading runs ahead in its own thread: `read`
    is what the other stages had to wait for it, so a large share means that reading, not detecting, is the limit."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("read", "detect", "merge", "write"), 0.0))
    tiles: int = 0
    megapixels: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

    def add(self, other: StageTimes) -> None:
        """Add another run's times and work."""
        for name, seconds in other.seconds.items():
            self.seconds[name] += seconds
        self.tiles += other.tiles
        self.megapixels += other.megapixels


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

    Memory holds a row band of tiles and the boxes, whatever the scene's size. The result depends on scene, model and
    settings only, not on threads; batch size may change scores in the third decimal, as batched arithmetic does.

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
    resolved = settings.resolved(metadata, aoi)
    grid = plan_grid(scene, metadata, settings, aoi)
    with times.stage("read"):
        observed = observed_area(scene)
    boxes, cut = _search(grid, detector, settings.batch_size, resolved["score_threshold"], progress, times)
    with times.stage("merge"):
        detections = describe(boxes, cut, grid, metadata)
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
        backend=detector.description,
        settings=resolved,
        fingerprint=fingerprint(scene, metadata, resolved),
    )
    return record, detections


def plan_grid(scene: Scene, metadata: ModelMetadata, settings: DetectSettings, aoi: Area | None = None) -> TileGrid:
    """The scene's tiles at the GSD that the model works at: the scene's own where the model knows it."""
    gsd_m = metadata.working_gsd_m(scene.gsd_m)
    return TileGrid.plan(scene, gsd_m=gsd_m, tile_px=metadata.tile_px, overlap_m=settings.overlap_m, aoi=aoi)


def _search(
    grid: TileGrid,
    detector: Detector,
    batch_size: int,
    score_threshold: float,
    progress: Progress | None,
    times: StageTimes,
) -> tuple[Boxes, NDArray[np.bool_]]:
    """All ships of the grid in working pixels, and whether each is cut by the picture's border."""
    found = SceneBoxes(grid)
    total = len(grid.tiles)
    position = {(tile.row, tile.col): i for i, tile in enumerate(grid.tiles, start=1)}
    batches = read_tiles(grid, estimate_stretch(grid.scene), batch_size=batch_size)
    while True:
        with times.stage("read"):
            batch = next(batches, None)
        if batch is None:
            break
        windows, pixels = batch
        with times.stage("detect"):
            boxes_of_tiles = detector.detect(pixels)
        with times.stage("merge"):
            for window, tile, boxes in zip(windows, pixels, boxes_of_tiles, strict=True):
                found.add(window, tile, boxes.select(boxes.scores >= score_threshold))
        times.tiles += len(windows)
        times.megapixels += pixels[..., 0].size / 1e6
        if progress:
            progress(position[windows[-1].row, windows[-1].col], total)
    if progress:
        progress(total, total)
    with times.stage("merge"):
        return found.merged()


def _polygons(area: shapely.Geometry) -> shapely.MultiPolygon:
    """The polygons of a geometry: where areas only touch, an intersection also holds lines and points."""
    parts = shapely.get_parts(shapely.get_parts(area))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon" and not part.is_empty])
