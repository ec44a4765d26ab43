"""What every detector offers, whichever runtime and device does the arithmetic."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .boxes import Boxes
from .metadata import ModelMetadata


class Detector(Protocol):
    """Finds ships in tiles.

    Attributes:
        metadata: the model's card.
        description: runtime, its version, device and threads, for people: "ONNX Runtime 1.32.0, CPU, 2 threads".
    """

    metadata: ModelMetadata
    description: str

    @property
    def saturated_tiles(self) -> int:
        """Tiles so far whose number of ships reached a limit built into the model, so that some may be missing.

        Always 0 for models with raw output, which have no such limit.
        """
        ...

    def detect(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        """Ships in each tile, merged within the tile, best first.

        Args:
            tiles: uint8 (b, tile_px, tile_px, 3), RGB.

        Returns:
            b Boxes in tile pixels, scores at or above the threshold given at loading; [] for b = 0.

        Raises:
            ValueError: tiles of another shape or dtype.
        """
        ...


@runtime_checkable
class ConcurrentDetector(Detector, Protocol):
    """A detector that is quicker when the next tiles are handed over before it is through with the last.

    Attributes:
        calls_at_once: how many calls of `detect`, each from a thread of its own, keep it busy without a gap.
    """

    calls_at_once: int


def check_tiles(tiles: NDArray[np.uint8], tile_px: int) -> None:
    """Raise ValueError unless `tiles` is uint8 (b, tile_px, tile_px, 3)."""
    if tiles.dtype != np.uint8 or tiles.ndim != 4 or tiles.shape[1:] != (tile_px, tile_px, 3):
        raise ValueError(f"tiles must be uint8 (b, {tile_px}, {tile_px}, 3); got {tiles.dtype} {tiles.shape}")
