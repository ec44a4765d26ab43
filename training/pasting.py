"""Copy-paste for a user's own chips: their hulls, and synthetic ones, on the water and beside the quays of other chips.

Chips with pasted hulls come beside those they were made from, to train on alone. Hulls are cut from training chips
alone too, so that no ship crosses over to validation.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..configs.chips import ChipsConfig
from ..imagery.synthetic.chips import random_chip
from .chip_cutting import PARTS, Part, chip_row, write_part
from .chips import read_chip, with_pasted_hulls
from .crops import Chip
from .hulls import LENGTH_RANGE_M, Hull, cut_hulls
from .labels import ShipLabels

SHORTEST_HULL_PX = 36.0
MOST_OF_KIND = 60  # hulls kept of each kind, in memory of each process
_SYNTHETIC_PICTURES = 24
_MOST_A_CHIP = 5
# A hull nearer to the chip's border may be cut by it.
_INSIDE_PX = 2.0


@dataclass(frozen=True)
class PasteJob:
    """Chips of one part that get hulls. share: of what is pasted, how much is synthetic. hulls: the library's file."""

    part: Part
    names: tuple[str, ...]
    hulls: Path
    share: float
    seed: int

    @property
    def prefix(self) -> str:
        """Names of the part and its chips begin with it."""
        return f"{self.part.prefix}_pasted"

    @property
    def count(self) -> int:
        """How many chips it plans."""
        return len(self.names)


def paste_fingerprint(job: PasteJob) -> str:
    """Of all that a job's chips depend on."""
    told = [job.part.fingerprint, job.names, job.hulls.stem, job.share, job.seed]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def pasted_name(name: str) -> str:
    """Of the chip made from the one of that name."""
    return f"{name}_pasted"


def plan_pastes(parts: Sequence[Part], config: ChipsConfig, out: Path) -> list[PasteJob]:
    """Which training chips get hulls, drawn by seed and name; the library of hulls is made where it is not there yet.

    parts: of all chips as they were cut.
    """
    training = [part for part in parts if part.split == "train" and part.chips]
    names = sorted((chip["name"] for part in training for chip in part.chips), key=lambda n: _hash(config.seed, n))
    chosen = set(names[: round(config.pasted_share * len(names))])
    if not chosen:
        return []
    library = _library(training, config, out)
    return [
        PasteJob(part, tuple(mine), library, config.synthetic_hulls_share, config.seed)
        for part in training
        if (mine := [chip["name"] for chip in part.chips if chip["name"] in chosen])
    ]


def paste_job(job: PasteJob, out: Path) -> Part:
    """Write the chips of a job; those without enough open water give none."""
    cv2.setNumThreads(1)
    real, synthetic = _read_library(job.hulls)
    rows = {chip["name"]: chip for chip in job.part.chips}
    chips: list[dict[str, Any]] = []
    for name in job.names:
        rng = np.random.default_rng(int(_hash(job.seed, name)[:16], 16))
        if not (hulls := synthetic if not real or rng.random() < job.share else real):
            break
        of_kind = Counter(hull.kind for hull in hulls)
        weights = np.array([1 / of_kind[hull.kind] for hull in hulls])
        chip, row = read_chip(out, "train", name), rows[name]
        pasted = with_pasted_hulls(
            rng, chip, hulls, weights / weights.sum(),
            gsd_m=row["gsd_m"], sensor_px=chip.sensor_px, count=int(rng.integers(1, _MOST_A_CHIP + 1)),
        )  # fmt: skip
        if (new := len(pasted.labels) - len(chip.labels)) > 0:
            kinds = tuple(kind for kind, _, _ in row["ships"]) + pasted.labels.kinds[-new:]
            told = Chip(pasted.rgb, ShipLabels(pasted.labels.corners, kinds, pasted.labels.difficult), chip.sensor_px)
            chips.append(chip_row(told, pasted_name(name), out, "train", row["gsd_m"], (row["x"], row["y"])))
    part = Part(job.prefix, paste_fingerprint(job), "train", job.part.picture, job.part.picture_sha256, chips)
    write_part(part, out)
    return part


def _library(parts: Sequence[Part], config: ChipsConfig, out: Path) -> Path:
    """The file of hulls, named by the hash of all that it depends on."""
    synthetic = config.synthetic_hulls_share > 0
    told = [synthetic, *(chip["sha256"] for part in parts for chip in part.chips)]
    path = out / PARTS / f"hulls-{_hash(config.seed, json.dumps(told))[:32]}.npz"
    if not path.exists():
        for old in path.parent.glob("hulls-*.npz"):
            old.unlink()
        finest_gsd_m = min(chip["gsd_m"] for part in parts for chip in part.chips)
        ships = _synthetic_hulls(config.seed, finest_gsd_m) if synthetic else []
        _write_library(path, _own_hulls(parts, config.seed, out), ships)
    return path


def _own_hulls(parts: Sequence[Part], seed: int, out: Path) -> list[Hull]:
    """Up to `MOST_OF_KIND` labelled hulls of each kind, each picture's from its finest chips."""
    finest = {part.picture: min(p.chips[0]["gsd_m"] for p in parts if p.picture == part.picture) for part in parts}
    rows = [chip for part in parts for chip in part.chips if chip["gsd_m"] == finest[part.picture]]
    hulls: list[Hull] = []
    for row in sorted(rows, key=lambda row: _hash(seed, row["name"])):
        if not any(length >= SHORTEST_HULL_PX and not ignored for _, length, ignored in row["ships"]):
            continue
        chip = read_chip(out, "train", row["name"])
        inside = (chip.labels.corners >= _INSIDE_PX) & (chip.labels.corners <= chip.rgb.shape[0] - _INSIDE_PX)
        labels = ShipLabels(
            chip.labels.corners, tuple(kind for kind, _, _ in row["ships"]), chip.labels.difficult
        ).select(inside.all(axis=(1, 2)))
        hulls += cut_hulls(chip.rgb, labels, shortest_px=SHORTEST_HULL_PX)
    return _most_of_each_kind(hulls)


def _synthetic_hulls(seed: int, gsd_m: float) -> list[Hull]:
    rng = np.random.default_rng(seed)
    hulls: list[Hull] = []
    for _ in range(_SYNTHETIC_PICTURES):
        taken = random_chip(rng, gsd_m=gsd_m, size_px=640)
        whole = taken.visible > 0.999
        labels = ShipLabels(taken.corners.reshape(-1, 4, 2), tuple(taken.kinds), np.zeros(len(taken.kinds), bool))
        hulls += cut_hulls(taken.rgb, labels.select(whole), shortest_px=SHORTEST_HULL_PX)
    return _most_of_each_kind(hulls)


def _most_of_each_kind(hulls: Iterable[Hull]) -> list[Hull]:
    seen: Counter[str] = Counter()
    kept = []
    for hull in hulls:
        seen[hull.kind] += 1
        if seen[hull.kind] <= MOST_OF_KIND:
            kept.append(hull)
    return kept


def _write_library(path: Path, real: Sequence[Hull], synthetic: Sequence[Hull]) -> None:
    arrays: dict[str, Any] = {}
    for group, hulls in (("real", real), ("synthetic", synthetic)):
        for i, hull in enumerate(hulls):
            arrays[f"{group}/{i}/rgb"], arrays[f"{group}/{i}/alpha"] = hull.rgb, hull.alpha
            arrays[f"{group}/{i}/told"] = np.array(
                [hull.length_px, hull.beam_px, list(LENGTH_RANGE_M).index(hull.kind)]
            )
    half_written = path.with_suffix(".part.npz")
    np.savez(half_written, **arrays)
    half_written.replace(path)


@lru_cache(maxsize=1)
def _read_library(path: Path) -> tuple[list[Hull], list[Hull]]:
    groups: dict[str, list[Hull]] = {"real": [], "synthetic": []}
    with np.load(path) as arrays:
        for name in sorted(name for name in arrays.files if name.endswith("told")):
            length_px, beam_px, kind = arrays[name].tolist()
            rgb, alpha = (arrays[name.replace("told", which)] for which in ("rgb", "alpha"))
            hull = Hull(rgb, alpha, length_px, beam_px, list(LENGTH_RANGE_M)[int(kind)])
            groups[name.split("/")[0]].append(hull)
    return groups["real"], groups["synthetic"]


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/pasted/{name}".encode()).hexdigest()
