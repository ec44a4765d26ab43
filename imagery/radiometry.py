"""From a sensor's counts to the 8-bit picture a detector sees: one stretch a scene."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pixels import read_overview
from .scene import Scene


@dataclass(frozen=True)
class Stretch:
    """A straight line a band: `low` becomes 0, `high` becomes 255, what lies outside is clipped."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    @classmethod
    def identity(cls) -> "Stretch":
        return cls((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))

    @property
    def is_identity(self) -> bool:
        return self == Stretch.identity()

    def apply(self, pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Pixels (..., 3) of any real type -> uint8 of the same shape; not-a-numbers become 0."""
        if pixels.dtype == np.uint8 and self.is_identity:
            return pixels  # type: ignore[return-value]
        if pixels.dtype in (np.uint8, np.uint16):
            tables = self._tables(np.iinfo(pixels.dtype).max + 1)
            return np.stack([np.take(tables[band], pixels[..., band]) for band in range(3)], axis=-1)
        low, high = np.float32(self.low), np.float32(self.high)
        scaled = (pixels.astype(np.float32) - low) * (255.0 / (high - low))
        return np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0.0, 255.0)).astype(np.uint8)

    def _tables(self, values: int) -> list[NDArray[np.uint8]]:
        counts = np.arange(values, dtype=np.float64)
        return [
            np.rint(np.clip((counts - low) * (255.0 / (high - low)), 0.0, 255.0)).astype(np.uint8)
            for low, high in zip(self.low, self.high, strict=True)
        ]


def estimate_stretch(scene: Scene) -> Stretch:
    """The scene's stretch from an overview of its valid pixels; 8-bit pictures stay as they are."""
    if scene.dtype == "uint8":
        return Stretch.identity()
    overview = read_overview(scene, max_px=1024)
    valid = overview.rgb[overview.valid]
    if not len(valid):
        return Stretch.identity()
    low = np.percentile(valid, 0.5, axis=0)
    high = np.maximum(np.percentile(valid, 99.5, axis=0), low + 1.0)
    return Stretch(tuple(map(float, low)), tuple(map(float, high)))  # type: ignore[arg-type]
