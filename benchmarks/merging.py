"""(e) Merging: from a thousand boxes to a million, and against brute force where that can be waited for."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from berthwatch.models.boxes import Boxes
from berthwatch.models.merge import DEFAULT_IOS, DEFAULT_IOU, kept_indexes

from .fresh import in_fresh_process
from .sizes import Sizes
from .table import Row, seconds

TITLE = "Merging"
_AIMS_S = {100_000: 2.0, 1_000_000: 30.0}


def run(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Each number of boxes in a fresh process."""
    return {
        "counts": [in_fresh_process("merging", "measure", n=n) for n in sizes.merge_boxes],
        "oracle": in_fresh_process("merging", "compare", n=sizes.merge_oracle_boxes, seeds=10),
    }


def sightings(n: int, seed: int) -> Boxes:
    """n boxes of ships in rafts of three and alone, each ship seen about twice and once cut to a fragment.

    A ship has 250 x 250 pixels of sea to itself, as off a busy port; the scene grows with n.
    """
    rng = np.random.default_rng(seed)
    ships = max(1, n // 2)
    side = 250 * np.sqrt(ships)
    hulls = np.column_stack(
        [rng.uniform(0, side, (ships, 2)), rng.uniform(15, 110, ships), np.zeros(ships), rng.uniform(0, np.pi, ships)]
    )
    hulls[:, 3] = hulls[:, 2] / rng.uniform(4, 7, ships)
    seen = hulls[rng.integers(0, ships, n)]
    seen = seen + rng.normal(0, [0.8, 0.8, 1.5, 0.4, 0.015], seen.shape)
    cut = rng.random(n) < 0.15
    seen[cut, 2] *= rng.uniform(0.3, 0.7, cut.sum())
    seen[:, 2:4] = np.maximum(seen[:, 2:4], 2.0)
    return Boxes.from_xywhr(seen, rng.uniform(0.25, 0.95, n))


def measure(n: int) -> dict[str, Any]:
    """Time one merge of n boxes."""
    boxes = sightings(n, seed=n)
    start = time.perf_counter()
    kept = kept_indexes(boxes)
    return {"boxes": n, "kept": len(kept), "seconds": time.perf_counter() - start}


def compare(n: int, seeds: int) -> dict[str, Any]:
    """In how many of `seeds` cases of n boxes in a heap merging keeps exactly what greedy brute force keeps."""
    equal = 0
    for seed in range(seeds):
        boxes = sightings(n, seed)
        boxes.xywha[:, :2] *= 0.2  # five times as close: overlaps everywhere
        equal += sorted(kept_indexes(boxes).tolist()) == sorted(brute_force(boxes))
    return {"boxes": n, "cases": seeds, "equal": equal}


def brute_force(boxes: Boxes) -> list[int]:
    """Greedy suppression on shapely polygons, every pair looked at."""
    hulls = shapely.polygons(boxes.corners())
    areas = shapely.area(hulls)
    x, y = boxes.xywha[:, 0], boxes.xywha[:, 1]
    kept: list[int] = []
    for i in np.lexsort((x, y, -boxes.scores)):
        shared = shapely.area(shapely.intersection(hulls[i], hulls[kept])) if kept else np.zeros(0)
        union, smaller = areas[i] + areas[kept] - shared, np.minimum(areas[i], areas[kept])
        if not ((shared >= DEFAULT_IOU * union) | (shared >= DEFAULT_IOS * smaller)).any():
            kept.append(int(i))
    return kept


def rows(result: dict[str, Any]) -> list[Row]:
    """For the table."""
    shown = []
    for count in result["counts"]:
        aim = _AIMS_S.get(count["boxes"])
        shown.append(
            Row(
                f"{count['boxes']:,} boxes, {count['kept']:,} ships kept",
                f"{seconds(count['seconds'])}, peak {count['peak_rss_mb']:.0f} MB",
                f"under {aim:g} s" if aim else "",
                count["seconds"] < aim if aim else None,
            )
        )
    oracle = result["oracle"]
    same = f"{oracle['equal']} of {oracle['cases']} cases of {oracle['boxes']} boxes"
    return [*shown, Row("equal to brute force", same, "all", oracle["equal"] == oracle["cases"])]
