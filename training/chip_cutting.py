"""Cutting the chips of one picture and writing them down, so that a run that was stopped goes on where it was."""

import hashlib
import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rasterio.errors import NotGeoreferencedWarning

from ..errors import BerthwatchError
from ..imagery.radiometry import estimate_stretch
from ..imagery.tiles import read_tiles
from .chip_plan import ChipJob
from .chips import write_chips
from .crops import Chip, cut_chip

PARTS = ".parts"
_BATCH = 16


@dataclass(frozen=True)
class Part:
    """What came of a job: its picture's content hash, and a row a chip.

    A chip: name, gsd_m, x, y (upper left corner in working pixels), sha256 (of picture and label file), ships:
    [kind, length_px, ignored] each. failed: why the picture could not be read, else None.
    """

    prefix: str
    fingerprint: str
    split: str
    picture: str
    picture_sha256: str
    chips: list[dict[str, Any]]
    failed: str | None = None


def fingerprint(job: ChipJob) -> str:
    """Of all that a job's chips depend on; the picture counts by its path, size and time of change."""
    stat = job.image.path.stat()
    told = {
        "picture": [str(job.image.path), stat.st_size, stat.st_mtime_ns],
        "grid": [job.grid.gsd_m, job.grid.tile_px, job.grid.overlap_px, job.grid.scale_x, job.grid.scale_y],
        "tiles": [[tile.x0, tile.y0] for tile in job.grid.tiles],
        "labels": [job.labels.corners.tolist(), job.labels.kinds, job.labels.difficult.tolist()],
        "split": job.split,
        "sensor_px": job.sensor_px,
    }
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def cut_job(job: ChipJob, out: Path) -> Part:
    """Cut a job's chips as the detector will see the picture: the same stretch, resampling and tiles.

    The part is written last, so a part that is there has all its chips.
    """
    cv2.setNumThreads(1)
    mark = fingerprint(job)
    chips: list[dict[str, Any]] = []
    failed = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            for windows, tiles in read_tiles(job.grid, estimate_stretch(job.image.scene), batch_size=_BATCH):
                for window, rgb in zip(windows, tiles, strict=True):
                    chips.append(_write_chip(job, window, rgb, out))
    except BerthwatchError as error:
        chips, failed = [], str(error)
    part = Part(job.prefix, mark, job.split, job.image.name, _sha256(job.image.path), chips, failed)
    write_part(part, out)
    return part


def write_part(part: Part, out: Path) -> None:
    """Keep a part, last of all that it tells of."""
    write_atomically(part_path(out, part.prefix), json.dumps(vars(part)))


def _write_chip(job: ChipJob, window: Any, rgb: np.ndarray, out: Path) -> dict[str, Any]:
    size = job.grid.tile_px
    origin = np.array([window.x0, window.y0], float)
    labels = job.labels.moved(job.labels.corners - origin)
    chip = replace(cut_chip(rgb, labels, (size / 2, size / 2), scale=1.0, size=size), sensor_px=job.sensor_px)
    return chip_row(chip, job.chip_name(window), out, job.split, job.grid.gsd_m, (window.x0, window.y0))


def chip_row(chip: Chip, name: str, out: Path, split: str, gsd_m: float, origin: tuple[int, int]) -> dict[str, Any]:
    """Write a chip; returns what `Part` tells of it. origin: its upper left corner (x, y) in working pixels."""
    write_chips(out, split, [(name, chip)])
    lengths = chip.labels.sides[:, 0].round(1).tolist() if len(chip.labels) else []
    ships = [
        [kind, length, bool(ignored)]
        for kind, length, ignored in zip(chip.labels.kinds, lengths, chip.labels.difficult, strict=True)
    ]
    content = b"".join(path.read_bytes() for path in chip_files(out, split, name))
    return {
        "name": name,
        "gsd_m": gsd_m,
        "x": origin[0],
        "y": origin[1],
        "sha256": hashlib.sha256(content).hexdigest(),
        "ships": ships,
    }


def chip_files(out: Path, split: str, name: str) -> tuple[Path, Path]:
    """A chip's picture and label file."""
    return out / "images" / split / f"{name}.png", out / "labels" / split / f"{name}.txt"


def part_path(out: Path, prefix: str) -> Path:
    """Where a job's part is kept."""
    return out / PARTS / f"{prefix}.json"


def read_part(path: Path) -> Part | None:
    """A part, or None where there is none that can be read."""
    try:
        return Part(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError, TypeError):
        return None


def finished_part(prefix: str, mark: str, out: Path) -> Part | None:
    """The part of a prefix from an earlier run, where it is of that fingerprint and its chips are still there."""
    part = read_part(part_path(out, prefix))
    if part is None or part.failed or part.fingerprint != mark:
        return None
    files = (path for chip in part.chips for path in chip_files(out, part.split, chip["name"]))
    return part if all(path.is_file() for path in files) else None


def write_atomically(path: Path, text: str) -> None:
    """Write a text file under a temporary name in its folder, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half_written = path.with_name(path.name + ".part")
    half_written.write_text(text, encoding="utf-8")
    half_written.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
