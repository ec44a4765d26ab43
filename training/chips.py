"""Training chips: labelled pictures at many scales, real hulls on other water, in YOLO-OBB layout.

Every source yields chips of one size; `write_chips` puts them where Ultralytics looks for them:
`images/<split>/<name>.png` and `labels/<split>/<name>.txt`, the class index one past the last meaning
"neither a ship nor water" (see `loss.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import BerthwatchError
from .crops import SMALLEST_SHIP_PX, Chip, cut_chip, move_labels
from .hulls import LENGTH_RANGE_M, Hull, mooring, open_water, overlaps_any, paste_hull
from .labels import MODEL_CLASSES, ShipLabels, concatenate

IGNORED = len(MODEL_CLASSES)

# Fewer pixels than this along the hull and no one can tell a tanker from a bulk carrier.
KIND_VISIBLE_PX = 18.0

_SENSOR_PX = "sensor_px"  # text entry of a chip's PNG


@dataclass(frozen=True)
class LabelledPicture:
    """A picture with its ships.

    rgb: uint8 (h, w, 3). gsd_m: ground metres a pixel, None where unknown. sensor_px: how many pixels of this
    picture one sample of the sensor spans (2 for Sentinel-2 shown at 5 m).
    """

    name: str
    rgb: NDArray[np.uint8]
    labels: ShipLabels
    gsd_m: float | None
    sensor_px: float = 1.0


def crop_mosaic(rng: np.random.Generator, pictures: Sequence[LabelledPicture], weights: NDArray[np.float64],
                *, size: int, cells: int) -> Chip:  # fmt: skip
    """One chip made of cells x cells pictures, each shrunk just enough to fill its cell.

    Pictures of unknown GSD become coarser that way: a 400-pixel crop in a cell of 80 pixels is seen as from
    five times as far.
    """
    cell = size // cells
    rgb = np.zeros((size, size, 3), np.uint8)
    parts = []
    for row in range(cells):
        for col in range(cells):
            picture = pictures[rng.choice(len(pictures), p=weights)]
            height, width = picture.rgb.shape[:2]
            scale = min(1.0, cell / min(height, width) * rng.uniform(1.0, 1.25))
            reach = cell / scale / 2
            centre = (
                rng.uniform(min(reach, width / 2), max(width - reach, width / 2)),
                rng.uniform(min(reach, height / 2), max(height - reach, height / 2)),
            )
            part = cut_chip(picture.rgb, picture.labels, centre, scale=scale, size=cell, mirror=rng.random() < 0.5)
            rgb[row * cell : (row + 1) * cell, col * cell : (col + 1) * cell] = part.rgb
            parts.append(part.labels.moved(part.labels.corners + np.array([col, row]) * cell))
    return Chip(rgb, concatenate(parts))


def scene_chip(rng: np.random.Generator, scene: LabelledPicture, *, size: int, scale: float,
               near_ship: bool) -> Chip:  # fmt: skip
    """A chip from anywhere in a scene, or from round one of its ships, turned and mirrored at random."""
    height, width = scene.rgb.shape[:2]
    if near_ship and len(scene.labels):
        middle = scene.labels.corners[rng.integers(len(scene.labels))].mean(0)
        middle = middle + rng.uniform(-0.4, 0.4, 2) * size / scale
        centre = (float(np.clip(middle[0], 0, width)), float(np.clip(middle[1], 0, height)))
    else:
        centre = (rng.uniform(0, width), rng.uniform(0, height))
    return chip_round(rng, scene, centre, size=size, scale=scale)


def chip_round(rng: np.random.Generator, scene: LabelledPicture, centre: tuple[float, float], *, size: int,
               scale: float) -> Chip:  # fmt: skip
    """A chip with `centre` (x, y in scene pixels) in its middle, turned and mirrored at random."""
    angle = rng.uniform(0, 2 * np.pi)
    chip = cut_chip(scene.rgb, scene.labels, centre, scale=scale, angle_rad=angle, size=size,
                    mirror=rng.random() < 0.5)  # fmt: skip
    return replace(chip, sensor_px=max(1.0, scene.sensor_px * scale))


def with_pasted_hulls(rng: np.random.Generator, chip: Chip, hulls: Sequence[Hull], weights: NDArray[np.float64], *,
                      gsd_m: float, sensor_px: float, count: int) -> Chip:  # fmt: skip
    """The chip with up to `count` hulls more: afloat or alongside, now and then two or three side by side."""
    rgb = chip.rgb.copy()
    water = open_water(rgb, chip.labels)
    spots = np.argwhere(water)
    placed = list(chip.labels.corners)
    new: list[NDArray[np.float64]] = []
    kinds: list[str] = []
    for _ in range(count if len(spots) >= 200 else 0):
        anchor: tuple[float, float] | None = None
        angle = offset = 0.0
        for _ in range(int(rng.choice([1, 2, 3], p=[0.8, 0.14, 0.06]))):
            hull = hulls[rng.choice(len(hulls), p=weights)]
            shortest, longest = LENGTH_RANGE_M[hull.kind]
            length_px = min(np.exp(rng.uniform(np.log(shortest), np.log(longest))) / gsd_m, hull.length_px)
            beam_px = hull.beam_px * length_px / hull.length_px
            if length_px < SMALLEST_SHIP_PX or beam_px < 1.5:
                continue
            if anchor is None:
                berth = mooring(rng, water, length_px=length_px, beam_px=beam_px) if rng.random() < 0.5 else None
                row, col = spots[rng.integers(len(spots))]
                anchor, angle = berth or ((col + 0.5, row + 0.5), rng.uniform(0, np.pi))
            centre = (anchor[0] - offset * np.sin(angle), anchor[1] + offset * np.cos(angle))
            box = _box(centre, length_px, beam_px, angle)
            if overlaps_any(box, placed):
                break
            paste_hull(
                rng, rgb, hull, centre, length_px=length_px, angle_rad=angle, blur_px=0.45 * (sensor_px - 1) + 0.3
            )
            placed.append(box)
            new.append(box)
            kinds.append(hull.kind if length_px >= KIND_VISIBLE_PX * sensor_px else "ship")
            offset += beam_px * rng.uniform(1.03, 1.4) + 0.5
    added = ShipLabels(np.array(new).reshape(-1, 4, 2), tuple(kinds), np.zeros(len(new), bool))
    added = move_labels(added, np.eye(2, 3), rgb.shape[0])  # the border may cut them
    return replace(chip, rgb=rgb, labels=concatenate([chip.labels, added]))


def _box(centre: tuple[float, float], length: float, beam: float, angle: float) -> NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([length, beam]) / 2
    return box @ np.array([[cos, sin], [-sin, cos]]) + np.array(centre)


def label_lines(labels: ShipLabels, size: int) -> list[str]:
    """YOLO-OBB lines: class index and four corners as shares of the chip."""
    lines = []
    for corners, class_name, difficult in zip(labels.corners, labels.classes, labels.difficult, strict=True):
        index = IGNORED if difficult else MODEL_CLASSES.index(class_name)
        shares = np.clip(corners / size, 0.0, 1.0).reshape(-1)
        lines.append(" ".join([str(index), *(f"{share:.6f}" for share in shares)]))
    return lines


def write_chips(root: Path, split: str, chips: Iterable[tuple[str, Chip]]) -> int:
    """Write chips as PNG and label file each; returns how many. The PNG bears the chip's `sensor_px` as a text."""
    count = 0
    for folder in ("images", "labels"):
        (root / folder / split).mkdir(parents=True, exist_ok=True)
    for name, chip in chips:
        picture = root / "images" / split / f"{name}.png"
        label = root / "labels" / split / f"{name}.txt"
        label.write_text("\n".join(label_lines(chip.labels, chip.rgb.shape[0])) + "\n")
        half_written = picture.with_suffix(".part.png")
        facts = PngInfo()
        facts.add_text(_SENSOR_PX, f"{chip.sensor_px:.3f}")
        Image.fromarray(chip.rgb).save(half_written, pnginfo=facts, compress_level=1)
        half_written.replace(picture)
        count += 1
    return count


def write_dataset_file(root: Path) -> Path:
    """The YAML that Ultralytics reads; the last name is the class index of ignored ships."""
    names = dict(enumerate([*MODEL_CLASSES, "ignored"]))
    content = {"path": str(root.resolve()), "train": "images/train", "val": "images/val", "names": names}
    target = root / "dataset.yaml"
    target.write_text(yaml.safe_dump(content, sort_keys=False))
    return target


# Chips name classes only; one kind stands for each.
_KIND_OF_CLASS = {"tanker": "tanker", "cargo": "general-cargo", "other": "tug-service", "unknown": "unknown"}


def read_chips(root: Path, split: str) -> Iterator[Chip]:
    """The chips of a split in order of their names, as `write_chips` wrote them.

    Raises:
        BerthwatchError: no such split, or a chip whose picture or labels cannot be read.
    """
    for name in chip_names(root, split):
        yield read_chip(root, split, name)


def chip_names(root: Path, split: str) -> list[str]:
    """Names of the chips of a split, in order.

    Raises:
        BerthwatchError: there are none.
    """
    names = sorted(picture.stem for picture in (root / "images" / split).glob("*.png"))
    if not names:
        raise BerthwatchError(f"{root / 'images' / split} holds no chips; make them with `berthwatch chips`")
    return names


def read_chip(root: Path, split: str, name: str) -> Chip:
    """One chip as it lies on disk; of each ship's kind only its class is known, told by a kind of that class.

    A PNG that says nothing of its sensor is taken to be as sharp as its pixels.

    Raises:
        BerthwatchError: its picture cannot be read.
    """
    picture = root / "images" / split / f"{name}.png"
    try:
        with Image.open(picture) as file:
            rgb = np.array(file.convert("RGB"), np.uint8)
            sensor_px = float(file.info.get(_SENSOR_PX, 1.0))
    except OSError:
        raise BerthwatchError(f"{picture} is no picture; make the chips again") from None
    lines = (root / "labels" / split / f"{name}.txt").read_text().split("\n")
    table = np.array([line.split() for line in lines if line.strip()], float).reshape(-1, 9)
    indexes = table[:, 0].astype(int)
    kinds = tuple(_KIND_OF_CLASS[MODEL_CLASSES[i]] if i < IGNORED else "unknown" for i in indexes)
    labels = ShipLabels(table[:, 1:].reshape(-1, 4, 2) * rgb.shape[0], kinds, indexes >= IGNORED)
    return Chip(rgb, labels, sensor_px)


def preview_sheet(chips: Sequence[Chip], *, columns: int = 6) -> NDArray[np.uint8]:
    """Chips side by side with their boxes drawn, uint8 RGB: tanker red, cargo yellow, other green, unknown white."""
    colours = {"tanker": (255, 60, 60), "cargo": (255, 220, 0), "other": (80, 255, 80), "unknown": (255, 255, 255)}
    drawn = []
    for chip in chips:
        canvas = chip.rgb.copy()
        for corners, class_name, difficult in zip(
            chip.labels.corners, chip.labels.classes, chip.labels.difficult, strict=True
        ):
            colour = (120, 120, 255) if difficult else colours[class_name]
            cv2.polylines(canvas, [np.round(corners * 8).astype(np.int32)], True, colour, 1, cv2.LINE_AA, 3)
        drawn.append(canvas)
    rows = [np.hstack(list(_padded(drawn[i : i + columns], columns))) for i in range(0, len(drawn), columns)]
    return np.vstack(rows)


def _padded(row: list[NDArray[np.uint8]], columns: int) -> Iterator[NDArray[np.uint8]]:
    yield from row
    for _ in range(columns - len(row)):
        yield np.zeros_like(row[0])
