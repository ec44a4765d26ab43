"""(a) End to end against the limit: the time of a whole run over that of the bare network on the same tiles."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from berthwatch.imagery.radiometry import estimate_stretch
from berthwatch.imagery.scene import open_scene
from berthwatch.imagery.tiles import read_tiles
from berthwatch.inference.detect import DetectSettings, plan_grid
from berthwatch.inference.detect_scenes import detect_scenes
from berthwatch.inference.stage_times import StageTimes
from berthwatch.models.registry import load_detector

from .fresh import in_fresh_process
from .pictures import mosaic
from .sizes import Sizes
from .table import Row, seconds

TITLE = "End to end against the bare network"


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """The ratio on one scene, both sides in one process, each the best of its repeats, taken in turn."""
    picture = mosaic(folder / "limit.tif", sizes.limit_px)
    return in_fresh_process(
        "limit", "measure", picture=str(picture), store=str(folder / "limit-store"), repeats=sizes.limit_repeats
    )


def measure(picture: str, store: str, repeats: int) -> dict[str, Any]:
    """Time both. End to end is from opening the file to the written store; loading the model is in neither."""
    detector = load_detector(device="cpu")
    bare: Callable[[NDArray[np.uint8]], object] = detector.raw_output  # type: ignore[attr-defined]
    bare(np.zeros((1, detector.metadata.tile_px, detector.metadata.tile_px, 3), np.uint8))
    ends, bares, stages = [], [], []
    tiles: list[NDArray[np.uint8]] = []
    for _ in range(repeats):
        times = StageTimes()
        start = time.perf_counter()
        (outcome,) = detect_scenes([picture], detector, store, again=True, times=times)
        ends.append(time.perf_counter() - start)
        stages.append(
            {"busy": times.busy, "blocked": times.blocked, "verdict": times.verdict(), "ships": outcome.ships}
        )
        tiles = tiles or _tiles_of(picture, detector)
        start = time.perf_counter()
        for tile in tiles:
            bare(tile)
        bares.append(time.perf_counter() - start)
    best = int(np.argmin(ends))
    return {
        "side_px": int(open_scene(picture).width),
        "backend": detector.description,
        "tiles": len(tiles),
        "end_to_end_s": ends,
        "bare_s": bares,
        "ratio": min(ends) / min(bares),
        "stages": stages[best],
    }


def _tiles_of(picture: str, detector: Any) -> list[NDArray[np.uint8]]:
    scene = open_scene(picture)
    grid = plan_grid(scene, detector.metadata, DetectSettings())
    return [pixels for _, pixels in read_tiles(grid, estimate_stretch(scene), batch_size=1)]


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table."""
    side, tiles, backend = result["side_px"], result["tiles"], result["backend"]
    return [
        Row(
            f"{side}² px scene, {tiles} tiles, {backend}: end to end / bare network",
            f"{seconds(min(result['end_to_end_s']))} / {seconds(min(result['bare_s']))} = {result['ratio']:.2f}",
            "at most 1.10",
            result["ratio"] <= 1.10,
        )
    ]
