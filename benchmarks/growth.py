"""(c) Growth: time and peak memory of whole runs on larger and larger scenes, each in a process of its own."""

import time
from pathlib import Path
from typing import Any, Literal

from berthwatch.inference.detect_scenes import detect_scenes
from berthwatch.inference.stage_times import StageTimes
from berthwatch.models.registry import load_detector

from .fresh import in_fresh_process
from .pictures import mosaic
from .sizes import Sizes
from .table import Row, seconds

TITLE = "Growth with the scene"


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Each scene is made, searched and removed before the next: 40,000² pixels are gigabytes.

    Small ones are searched three times and the best counts: a second that something else takes is a quarter of theirs.
    """
    scenes = []
    for side in sizes.growth_px:
        picture = mosaic(folder / "growth.tif", side)
        repeats = 3 if side < max(sizes.growth_px) / 2 else 1
        runs = [search(str(picture), str(folder / f"growth-{side}-{repeat}")) for repeat in range(repeats)]
        scenes.append({"side_px": side, **min(runs, key=lambda run: run["seconds"])})
        picture.unlink()
    return {"scenes": scenes}


def search(picture: str, store: str, device: Literal["cpu", "cuda"] = "cpu") -> dict[str, Any]:
    """One run in a fresh process."""
    return in_fresh_process("growth", "measure", picture=picture, store=store, device=device)


def measure(picture: str, store: str, device: Literal["cpu", "cuda"]) -> dict[str, Any]:
    """Time from opening the file to the written store."""
    detector, times = load_detector(device=device), StageTimes()
    start = time.perf_counter()
    (outcome,) = detect_scenes([picture], detector, store, again=True, times=times)
    return {
        "seconds": time.perf_counter() - start,
        "runtime": f"{detector.metadata.model_id}, {detector.description}",
        "tiles": times.tiles,
        "ships": outcome.ships,
        "megapixels_per_s": times.megapixels / times.wall_s,
        "km2_per_s": times.square_km / times.wall_s,
        "busy": times.busy,
        "blocked": times.blocked,
        "verdict": times.verdict(),
    }


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table: linear in the number of tiles, which is what grows with the scene."""
    scenes = result["scenes"]
    first, last = scenes[0], scenes[-1]
    per_tile = [scene["seconds"] / scene["tiles"] for scene in scenes]
    memory = last["peak_rss_mb"] / first["peak_rss_mb"]
    shown = [
        Row(
            f"{scene['side_px']}² px, {scene['tiles']} tiles, {scene['ships']} ships",
            f"{seconds(scene['seconds'])}, {1000 * cost:.1f} ms a tile, {scene['megapixels_per_s']:.1f} MP/s, "
            f"{scene['km2_per_s']:.1f} km²/s, peak {scene['peak_rss_mb']:.0f} MB",
        )
        for scene, cost in zip(scenes, per_tile, strict=True)
    ]
    spread = max(per_tile) / min(per_tile)
    return [
        *shown,
        Row(
            f"time a tile, dearest / cheapest of {len(scenes)} scenes",
            f"{1000 * max(per_tile):.1f} ms / {1000 * min(per_tile):.1f} ms = {spread:.2f}; "
            f"{last['side_px']}² px in {seconds(last['seconds'])}, {last['megapixels_per_s']:.1f} MP/s",
            "at most 1.10",
            spread <= 1.10,
        ),
        Row(
            f"peak memory, {last['side_px']}² / {first['side_px']}² px",
            f"{memory:.2f}, {last['peak_rss_mb']:.0f} MB",
            "at most 1.15, under 1500 MB",
            memory <= 1.15 and last["peak_rss_mb"] < 1500,
        ),
    ]
