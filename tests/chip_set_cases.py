"""Small labelled pictures of ships at sea, and the chips made of them, that tests of `berthwatch chips` share."""

from pathlib import Path

import cv2
import numpy as np
from training_dataset_cases import write_text

from berthwatch.configs.chips import ChipsConfig


def hull(cx: float, cy: float, length: float, beam: float, angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [length / 2, beam / 2]
    return half @ np.array([[cos, sin], [-sin, cos]]) + [cx, cy]


def write_labelled(folder: Path, name: str, ships: list[tuple[np.ndarray, str]], *, seed: int, size: int = 400) -> None:
    """A picture of its own kind of sea with white hulls, and its DOTA file."""
    rng = np.random.default_rng(seed)
    swell = cv2.resize(rng.normal(80, 14, (6, 6)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    rgb = np.repeat(np.clip(swell, 1, 160).astype(np.uint8)[..., None], 3, axis=2)
    lines = []
    for corners, kind in ships:
        cv2.fillConvexPoly(rgb, np.round((corners - 0.5) * 16).astype(np.int32), (250, 250, 250), cv2.LINE_AA, 4)
        lines.append(" ".join(f"{value:.2f}" for value in corners.reshape(-1)) + f" {kind} 0")
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), rgb)
    write_text(folder / f"{name}.txt", "gsd:1.0\n" + "\n".join(lines) + "\n")


def fleet(folder: Path, count: int = 8) -> Path:
    """Pictures of 400 m at 1 m: a tanker of 90 m in each."""
    for i in range(count):
        write_labelled(folder, f"p{i}", [(hull(150 + 10 * i, 140, 90, 18, 0.4 * i), "tanker")], seed=i)
    return folder


def config(folder: Path, **fields: object) -> ChipsConfig:
    source = {"dataset": "berthwatch-dota", "root": folder}
    defaults = {"sources": [source], "gsd_m": [1.0], "chip_px": 160, "overlap_m": 80, "val_share": 0.25}
    return ChipsConfig.model_validate({**defaults, **fields})


def chip_names(out: Path) -> set[str]:
    return {f"{path.parent.name}/{path.stem}" for path in (out / "images").rglob("*.png")}


def all_lines(out: Path) -> list[list[str]]:
    files = sorted((out / "labels").rglob("*.txt"))
    return [line.split() for file in files for line in file.read_text().splitlines() if line.strip()]
