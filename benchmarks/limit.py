"""(a) End to end against the limit: the time of a whole run over that of the bare network on the same tiles.

The bare network has all tiles in memory and the same threads, and nothing else to do.
"""

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
from berthwatch.models.openvino_backend import has_openvino
from berthwatch.models.registry import DEFAULT_MODEL, INT8_MODEL, load_detector

from .fresh import in_fresh_process
from .pictures import mosaic
from .sizes import Sizes
from .table import Row, seconds

TITLE = "End to end against the bare network"


# Tiles that the bare network gets at once: so many that no core waits for another's last tile.
_BARE_BATCH = 64


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """The ratio on one scene, for each runtime: both sides in one process, each the best of its repeats, in turn."""
    picture = mosaic(folder / "limit.tif", sizes.limit_px)
    ways = {"onnxruntime": DEFAULT_MODEL, "onnxruntime, int8": INT8_MODEL}
    if has_openvino():
        ways["openvino"] = DEFAULT_MODEL
    measured = {
        way: in_fresh_process(
            "limit",
            "measure",
            picture=str(picture),
            store=str(folder / f"limit-{way}"),
            repeats=sizes.limit_repeats,
            model=model,
            backend=way.partition(",")[0],
        )
        for way, model in ways.items()
    }
    return {"side_px": sizes.limit_px, "backends": measured}


def measure(picture: str, store: str, repeats: int, model: str, backend: Any) -> dict[str, Any]:
    """Time both. End to end is from opening the file to a new store; loading the model is in neither."""
    detector = load_detector(model, device="cpu", backend=backend)
    bare: Callable[[NDArray[np.uint8]], object] = detector.raw_output  # type: ignore[attr-defined]
    bare(np.zeros((8, detector.metadata.tile_px, detector.metadata.tile_px, 3), np.uint8))
    ends, bares, stages = [], [], []
    tiles = np.zeros(0, np.uint8)
    for repeat in range(repeats):
        times = StageTimes()
        start = time.perf_counter()
        (outcome,) = detect_scenes([picture], detector, f"{store}-{repeat}", times=times)
        ends.append(time.perf_counter() - start)
        stages.append(
            {"busy": times.busy, "blocked": times.blocked, "verdict": times.verdict(), "ships": outcome.ships}
        )
        tiles = tiles if len(tiles) else _tiles_of(picture, detector)
        start = time.perf_counter()
        for first in range(0, len(tiles), _BARE_BATCH):
            bare(tiles[first : first + _BARE_BATCH])
        bares.append(time.perf_counter() - start)
    best = int(np.argmin(ends))
    return {
        "runtime": f"{detector.metadata.model_id}, {detector.description}",
        "tiles": len(tiles),
        "end_to_end_s": ends,
        "bare_s": bares,
        "ratio": min(ends) / min(bares),
        "stages": stages[best],
    }


def _tiles_of(picture: str, detector: Any) -> NDArray[np.uint8]:
    scene = open_scene(picture)
    grid = plan_grid(scene, detector.metadata, DetectSettings())
    return np.concatenate([pixels for _, pixels in read_tiles(grid, estimate_stretch(scene), batch_size=16)])


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table."""
    side = result["side_px"]
    return [
        Row(
            f"{side}² px scene, {of['tiles']} tiles, {of['runtime']}: end to end / bare network",
            f"{seconds(min(of['end_to_end_s']))} / {seconds(min(of['bare_s']))} = {of['ratio']:.2f}",
            "at most 1.10",
            of["ratio"] <= 1.10,
        )
        for of in result["backends"].values()
    ]
