"""What a set of chips is made of: sources, licences, hashes, counts and sizes; and a sheet of it to look at."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import __version__
from ..configs.chips import ChipsConfig, ChipSource
from ..configs.dataset import DatasetConfig, load_dataset
from .chip_cutting import Part, chip_files, write_atomically
from .chip_plan import ChipJob
from .chips import preview_sheet, read_chip
from .datasets.read import LabelledImage
from .datasets.report import ReadReport
from .labels import CLASS_OF_KIND, MODEL_CLASSES

LENGTH_BINS_PX = (0, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
LENGTH_BINS_M = (0, 30, 60, 100, 150, 200, 250, 300)
MIXTURE_DATASETS = ("google-earth", "planet", "sentinel2")
_SHEET_COLUMNS, _SHEET_ROWS = 8, 5


@dataclass(frozen=True)
class SourceFacts:
    """One source of a config: what it was told, how its dataset is described, what was read of it."""

    source: ChipSource
    dataset: DatasetConfig
    report: ReadReport


def chip_manifest(
    config: ChipsConfig,
    facts: Sequence[SourceFacts],
    images: Sequence[LabelledImage],
    groups: Sequence[int],
    jobs: Sequence[ChipJob],
    parts: Sequence[Part],
    *,
    unused: Mapping[str, int],
    problems: int,
) -> dict[str, Any]:
    """The manifest, as JSON can hold it.

    unused: how many pictures are not cut at each GSD, being too coarse for it or too small.
    `chips_sha256` is the hash of all chips' names, splits and hashes: two sets with the same are the same. Nothing in
    the manifest depends on when, where or with how many processes it was made, but for the sources' folders.
    """
    group_of = {image.name: int(group) for image, group in zip(images, groups, strict=True)}
    hash_of = {part.picture: part.picture_sha256 for part in parts}
    split_of = {part.picture: part.split for part in parts}
    gsd_of = {image.name: image.gsd_m for image in images}
    chips = [
        {"split": part.split, "picture": part.picture, **chip, "ships": _counts(chip)}
        for part in parts
        for chip in part.chips
    ]
    prefixes = {job.prefix for job in jobs}
    cut = sum(len(part.chips) for part in parts if part.prefix in prefixes)
    told = "\n".join(f"{chip['split']}/{chip['name']} {chip['sha256']}" for chip in chips)
    return {
        "berthwatch": __version__,
        "chips_sha256": hashlib.sha256(told.encode()).hexdigest(),
        "classes": [*MODEL_CLASSES, "ignored"],
        "config": config.model_dump(mode="json"),
        "datasets": [_dataset_facts(fact) for fact in facts],
        "statistics": {split: split_statistics(parts, split) for split in ("train", "val")},
        "pictures_unused_at_gsd_m": unused,
        "chips_without_pixels": sum(len(job.grid.tiles) for job in jobs) - cut,
        "chips_with_pasted_hulls": len(chips) - cut,
        "problems": problems,
        "pictures": [
            {"name": name, "split": split_of[name], "group": group_of[name], "gsd_m": gsd_of[name], "sha256": digest}
            for name, digest in sorted(hash_of.items())
        ],
        "chips": chips,
    }


def _counts(chip: dict[str, Any]) -> dict[str, int]:
    return dict(sorted(Counter(_class_of(kind, ignored) for kind, _, ignored in chip["ships"]).items()))


def _class_of(kind: str, ignored: bool) -> str:
    return "ignored" if ignored else CLASS_OF_KIND[kind]


def _dataset_facts(fact: SourceFacts) -> dict[str, Any]:
    return {
        "name": fact.dataset.name,
        "licence": fact.dataset.licence,
        "source": fact.dataset.source,
        "root": str(fact.source.root),
        "read": fact.report.summary(),
    }


def split_statistics(parts: Sequence[Part], split: str) -> dict[str, Any]:
    """Counts of one split: chips, negatives, ships by class and kind, lengths of targets in pixels and in metres.

    A ship counts as often as chips show it. Length bins are named by their lower end; the last is open.
    """
    chips = [chip for part in parts if part.split == split for chip in part.chips]
    ships = [(kind, length, ignored, chip["gsd_m"]) for chip in chips for kind, length, ignored in chip["ships"]]
    targets = [(kind, length, length * gsd_m) for kind, length, ignored, gsd_m in ships if not ignored]
    return {
        "chips": len(chips),
        "negatives": sum(not chip["ships"] for chip in chips),
        "by_gsd_m": dict(sorted(Counter(f"{chip['gsd_m']:g}" for chip in chips).items(), key=lambda n: float(n[0]))),
        "classes": dict(Counter(_class_of(kind, ignored) for kind, _, ignored, _ in ships).most_common()),
        "kinds": dict(Counter(kind for kind, _, _ in targets).most_common()),
        "length_px": _histogram([length for _, length, _ in targets], LENGTH_BINS_PX),
        "length_m": _histogram([length_m for _, _, length_m in targets], LENGTH_BINS_M),
    }


def _histogram(values: Sequence[float], edges: Sequence[float]) -> dict[str, int]:
    counts, _ = np.histogram(values, [*edges, np.inf])
    return {f"{edge:g}": int(count) for edge, count in zip(edges, counts, strict=True)}


def mixture_manifest(root: Path, *, seed: int) -> dict[str, Any]:
    """The manifest of a folder that `berthwatch mixture` filled: what its chips are made of, and a hash of them all."""
    chips: dict[str, dict[str, str]] = {}
    for split in ("train", "val"):
        for picture in sorted((root / "images" / split).glob("*.png")):
            content = b"".join(path.read_bytes() for path in chip_files(root, split, picture.stem))
            chips.setdefault(split, {})[picture.stem] = hashlib.sha256(content).hexdigest()
    told = "\n".join(f"{split}/{name} {digest}" for split, of in chips.items() for name, digest in of.items())
    used = [load_dataset(name) for name in MIXTURE_DATASETS]
    return {
        "berthwatch": __version__,
        "chips_sha256": hashlib.sha256(told.encode()).hexdigest(),
        "classes": [*MODEL_CLASSES, "ignored"],
        "seed": seed,
        "datasets": [{"name": one.name, "licence": one.licence, "source": one.source} for one in used]
        + [{"name": "synthetic", "licence": "AGPL-3.0-or-later", "source": "imagery/synthetic"}],
        "statistics": {split: {"chips": len(of)} for split, of in chips.items()},
        "chips": [
            {"split": split, "name": name, "sha256": digest}
            for split, of in chips.items()
            for name, digest in of.items()
        ],
    }


def write_manifest(out: Path, manifest: dict[str, Any]) -> None:
    """Write `manifest.json`, a chip a line."""
    head = json.dumps({key: value for key, value in manifest.items() if key != "chips"}, indent=1)
    chips = ",\n  ".join(json.dumps(chip) for chip in manifest["chips"])
    write_atomically(out / "manifest.json", f'{head[:-2]},\n "chips": [\n  {chips}\n ]\n}}\n')


def write_preview(out: Path, parts: Sequence[Part], *, seed: int) -> None:
    """Write `preview.png`: chips drawn at random with their boxes, half of them by how rare their classes are."""
    rng = np.random.default_rng(seed)
    chips = [(part.split, chip) for part in parts for chip in part.chips]
    seen = Counter(name for _, chip in chips for name in _counts(chip))
    # Water alone is drawn too, but last.
    rarity = np.array([1e-9 + sum(1 / seen[name] for name in _counts(chip)) for _, chip in chips])
    room = min(len(chips), _SHEET_COLUMNS * _SHEET_ROWS)
    rare = rng.choice(len(chips), room // 2, replace=False, p=rarity / rarity.sum())
    others = np.setdiff1d(np.arange(len(chips)), rare)
    drawn = [*rare, *rng.choice(others, room - len(rare), replace=False)]
    sheet = preview_sheet([read_chip(out, chips[i][0], chips[i][1]["name"]) for i in drawn], columns=_SHEET_COLUMNS)
    half_written = out / "preview.part.png"
    cv2.imwrite(str(half_written), sheet[..., ::-1])
    half_written.replace(out / "preview.png")
