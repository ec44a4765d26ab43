"""Where a run's time went: what each stage did and waited for, what the limit was, and which option moves it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STAGES = ("read", "detect", "merge", "write")

# A detector that waits longer than this share of the run for its pixels is not the limit: reading is.
_STARVED = 0.2

_ADVICE = {
    "read": "faster: detect's --port or --aoi reads that area alone; more cores decode in parallel; a tiled copy with "
    "overviews (gdal_translate -of COG) where the file is in strips or finer than the model's pixels",
    "detect": "faster on a CPU: a model in 8-bit integers (--model berthwatch-n-int8), --backend openvino where it is "
    "installed, or --device cuda on a machine with an NVIDIA GPU; anywhere: detect's --port or --aoi searches that "
    "area alone; a smaller --overlap-m, not below the longest ship; --threads where fewer than all cores are used",
    "merge": "faster: a higher --score leaves fewer boxes to merge",
    "write": "faster: a store on a local disk",
}


@dataclass
class StageTimes:
    """Seconds that each stage was busy and blocked in one run or several, and the work done.

    Reading runs ahead in threads of its own: it is blocked while enough is read ahead. So does detecting: it is
    blocked while its pixels are not there yet. Merging and writing wait for nothing.

    Attributes:
        busy, blocked: seconds by stage ("read", "detect", "merge", "write"); stages overlap.
        wall_s: seconds that the runs took as a whole.
        tiles: tiles that the detector saw.
        megapixels: of the scenes, that they cover, counted once.
        square_km: the ground of these.
        saturated_tiles: tiles in which the model reported as many ships as its file can hold.
        ships_on_land: ships that were dropped because they lie on the user's land.
    """

    busy: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    blocked: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    wall_s: float = 0.0
    tiles: int = 0
    megapixels: float = 0.0
    square_km: float = 0.0
    saturated_tiles: int = 0
    ships_on_land: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time spent inside to that of the runs as a whole."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.wall_s += time.perf_counter() - start

    @contextmanager
    def working(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to a stage's busy seconds."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.busy[stage] += time.perf_counter() - start

    def limit(self) -> str:
        """The stage that the run waited for: the detector, or what kept it waiting."""
        others = ("read", "merge", "write")
        stages = others if self.blocked["detect"] > _STARVED * self.wall_s else ("detect", "merge", "write")
        return max(stages, key=lambda stage: self.busy[stage])

    def verdict(self) -> str:
        """One line: what was the limit, and which option changes it."""
        stage, wall_s = self.limit(), self.wall_s
        if not self.tiles:
            return "nothing was searched"
        share = self.blocked["detect"] if stage == "read" else self.busy[stage]
        told = {
            "read": f"reading is the limit: the detector waited {share / wall_s:.0%} of the time for pixels",
            "detect": f"the detector is the limit: busy {share / wall_s:.0%} of the time",
        }.get(stage, f"{stage} is the limit: {share / wall_s:.0%} of the time")
        return f"{told}; {_ADVICE[stage]}"
