"""Keeps the detector fed: the next tiles are in its hands before it is through with the last."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..imagery.tiles import TileWindow
from ..models.boxes import Boxes
from ..models.detector import ConcurrentDetector, Detector
from .stage_times import StageTimes

Batch = tuple[list[TileWindow], NDArray[np.uint8]]


def detect_ahead(
    batches: Iterator[Batch], detector: Detector, times: StageTimes
) -> Iterator[tuple[list[TileWindow], NDArray[np.uint8], list[Boxes]]]:
    """Each batch of tiles with its ships, in the order of the batches.

    While the caller works on one batch, the detector works on the next, in threads of its own. One call more than the
    detector has use for waits its turn, so that none of them stands idle; memory holds no more batches than that.

    Args:
        batches: windows and pixels, as `read_tiles` yields them; what it raises is raised here.
        detector: called from one thread, or from several if it is a `ConcurrentDetector`.
        times: the detector's busy seconds, and those it waited, are added when all batches are through.
    """
    calls = detector.calls_at_once if isinstance(detector, ConcurrentDetector) else 1
    clock = _BusyClock()
    pending: deque[tuple[list[TileWindow], NDArray[np.uint8], Future[list[Boxes]]]] = deque()
    pool = ThreadPoolExecutor(calls, thread_name_prefix="berthwatch-call")
    start = perf_counter()
    try:
        for windows, pixels in batches:
            pending.append((windows, pixels, pool.submit(clock.timed, detector.detect, pixels)))
            if len(pending) > calls + 1:
                yield _ended(pending)
        while pending:
            yield _ended(pending)
    finally:
        pool.shutdown(cancel_futures=True)
    times.busy["detect"] += clock.busy_s
    times.blocked["detect"] += perf_counter() - start - clock.busy_s


def _ended(pending: deque[Any]) -> tuple[list[TileWindow], NDArray[np.uint8], list[Boxes]]:
    windows, pixels, boxes = pending.popleft()
    return windows, pixels, boxes.result()


class _BusyClock:
    """Seconds in which at least one call was running."""

    def __init__(self) -> None:
        self.busy_s = 0.0
        self._running, self._since = 0, 0.0
        self._lock = threading.Lock()

    def timed(self, work: Any, *arguments: Any) -> Any:
        with self._lock:
            if self._running == 0:
                self._since = perf_counter()
            self._running += 1
        try:
            return work(*arguments)
        finally:
            with self._lock:
                self._running -= 1
                if self._running == 0:
                    self.busy_s += perf_counter() - self._since
