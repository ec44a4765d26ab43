"""Ship labels: the taxonomy, and the classes a detector learns.

Labels name a ship's kind as finely as the picture shows it. A detector learns four classes; a ship whose kind
cannot be told is `unknown`, which is a class of its own and never a negative for the others' sake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BerthwatchError

MODEL_CLASSES = ("tanker", "cargo", "other", "unknown")

# Gas carriers carry no refined oil: for barrels they are cargo ships, however much their hull is a tanker's.
CLASS_OF_KIND = {
    "tanker": "tanker",
    "gas-carrier": "cargo",
    "bulk-carrier": "cargo",
    "container": "cargo",
    "general-cargo": "cargo",
    "barge": "other",
    "passenger": "other",
    "tug-service": "other",
    "fishing": "other",
    "naval": "other",
    "leisure": "other",
    "unknown": "unknown",
    "ship": "unknown",
}


@dataclass(frozen=True)
class ShipLabels:
    """Oriented ships in one picture.

    corners: float64 (n, 4, 2), pixel x, y in order round the box; pixel i covers [i, i + 1).
    kinds: n names out of `CLASS_OF_KIND`.
    difficult: bool (n,), true where a ship is cut, unclear or very small: it counts neither for nor against.
    """

    corners: NDArray[np.float64]
    kinds: tuple[str, ...]
    difficult: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n = len(self.kinds)
        if self.corners.shape != (n, 4, 2) or self.difficult.shape != (n,):
            raise ValueError(f"{n} kinds, corners {self.corners.shape}, difficult {self.difficult.shape}")

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def sides(self) -> NDArray[np.float64]:
        """Long and short side in pixels, (n, 2)."""
        ring = np.roll(self.corners, -1, axis=1) - self.corners
        edges = np.linalg.norm(ring, axis=2)
        pair = np.stack([edges[:, [0, 2]].mean(1), edges[:, [1, 3]].mean(1)], axis=1)
        return np.sort(pair, axis=1)[:, ::-1]

    @property
    def classes(self) -> tuple[str, ...]:
        """The detector class of each ship."""
        return tuple(CLASS_OF_KIND[kind] for kind in self.kinds)

    def moved(self, corners: NDArray[np.float64]) -> "ShipLabels":
        """The same ships with other corners."""
        return ShipLabels(corners, self.kinds, self.difficult)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "ShipLabels":
        """The ships that `keep` (a mask or indices) picks."""
        chosen = np.arange(len(self))[keep]
        return ShipLabels(self.corners[chosen], tuple(self.kinds[i] for i in chosen), self.difficult[chosen])


def concatenate(parts: Sequence[ShipLabels]) -> ShipLabels:
    """All ships of several label sets that share one pixel frame."""
    return ShipLabels(
        np.concatenate([part.corners for part in parts]) if parts else np.zeros((0, 4, 2)),
        tuple(kind for part in parts for kind in part.kinds),
        np.concatenate([part.difficult for part in parts]) if parts else np.zeros(0, bool),
    )


def parse_dota_line(line: str) -> tuple[list[float], str, bool]:
    """A DOTA line: eight numbers x1 y1 ... x4 y4, the class name (words), and whether it is difficult.

    Raises:
        ValueError: not such a line; the message says what was expected.
    """
    fields = line.split()
    flag = fields[-1] if len(fields) > 9 else "0"
    name = " ".join(fields[8:-1] if len(fields) > 9 else fields[8:])
    try:
        box = [float(value) for value in fields[:8]]
    except ValueError:
        box = []
    if len(box) != 8 or not name or flag not in ("0", "1", "2"):
        raise ValueError(f"expected 8 numbers, a class and 0, 1 or 2, got {line!r}")
    return box, name, flag != "0"


def read_dota(path: Path) -> ShipLabels:
    """Read one DOTA text file in our own kinds: `x1 y1 x2 y2 x3 y3 x4 y4 kind difficult` a line, in pixels.

    Header lines (`imagesource:`, `gsd:`) and blank lines are passed over. For DOTA itself, and other class names,
    see `datasets`.

    Raises:
        BerthwatchError: a line that is not of this form or names an unknown kind; file and line are named.
    """
    corners: list[list[float]] = []
    kinds: list[str] = []
    difficult: list[bool] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith(("imagesource:", "gsd:")):
            continue
        try:
            box, kind, unclear = parse_dota_line(line)
        except ValueError as fault:
            raise BerthwatchError(f"{path}, line {number}: {fault}") from None
        if kind not in CLASS_OF_KIND:
            raise BerthwatchError(f"{path}, line {number}: unknown kind {kind!r}; known: {', '.join(CLASS_OF_KIND)}")
        corners.append(box)
        kinds.append(kind)
        difficult.append(unclear)
    return ShipLabels(np.array(corners, float).reshape(-1, 4, 2), tuple(kinds), np.array(difficult, bool))
