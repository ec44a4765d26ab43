"""Tiles shared out to the processor's cores: one tile a core, never one tile on all cores.

Threads that work on one tile together wait for each other after every layer, and all wait when another program, or
the reading of the next tiles, takes one of their cores. Measured with YOLO26n at 640 pixels on 2 cores, a tile: 39.5 ms
with both cores on one tile, 33.8 ms with a tile on each, the same bits either way.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

# Each worker holds the activations of a tile, tens of megabytes. On processors with more cores than this several
# threads work on a tile.
MOST_WORKERS = 8

Result = TypeVar("Result")


class TileWorkers:
    """As many threads as tiles are worked on at once; may be used from several threads.

    Attributes:
        count: number of workers.
        threads_each: threads that the runtime may use for a tile.
    """

    def __init__(self, threads: int) -> None:
        self.threads_each = ceil(threads / MOST_WORKERS)  # of 12 threads 2, for 6 tiles at once
        self.count = threads // self.threads_each
        self._pool = ThreadPoolExecutor(self.count, thread_name_prefix="berthwatch-detect")

    def map(self, work: Callable[[NDArray[np.uint8]], Result], tiles: NDArray[np.uint8]) -> list[Result]:
        """`work` of each of the (b, ...) tiles, which it gets as (1, ...), in their order."""
        return list(self._pool.map(work, (tiles[index : index + 1] for index in range(len(tiles)))))
