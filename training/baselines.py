"""What a user would otherwise take: Ultralytics checkpoints as they are published, run as Ultralytics runs them.

A checkpoint of upright boxes knows no headings; its boxes are kept upright. Where a checkpoint knows other things as
well (the 80 of COCO, the 15 of DOTA), only what means a ship is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BerthwatchError
from ..models.boxes import Boxes
from ..models.detector import Detector, check_tiles
from ..models.devices import Device, torch_cuda_fault
from ..models.merge import merge
from ..models.metadata import ModelMetadata
from ..models.registry import load_detector, require_torch
from .labels import CLASS_OF_KIND, MODEL_CLASSES

# "boat" is COCO's word, "ship" that of DOTA, DIOR and xView.
SHIP_WORDS = frozenset({"boat", "ship", "vessel", *CLASS_OF_KIND, *MODEL_CLASSES} - {"unknown", "other"})


class UltralyticsDetector:
    """A `Detector` that leaves all to Ultralytics' own `predict`: its image preparation, heads and suppression.

    Args:
        path: the checkpoint; loading it runs code from it.
        score_threshold: lowest score kept.
        device: "cpu" or "cuda".

    Attributes:
        oriented: whether its boxes are; else they are upright.

    Raises:
        BerthwatchError: no detection checkpoint, or none of its classes is a ship.
    """

    def __init__(self, path: Path, *, score_threshold: float, device: Literal["cpu", "cuda"] = "cpu") -> None:
        yolo = _open(path)
        names: dict[int, str] = yolo.names
        self._class_ids = [number for number, name in names.items() if name.lower() in SHIP_WORDS]
        if not self._class_ids:
            raise BerthwatchError(f"{path}: none of its classes is a ship: {', '.join(names.values())}")
        side = int(yolo.overrides.get("imgsz") or 640)
        self._yolo, self._threshold, self._device = yolo, score_threshold, device
        self.oriented = yolo.task == "obb"
        self.metadata = ModelMetadata(
            model_id=f"{path.stem} ({', '.join(names[number] for number in self._class_ids)})",
            architecture=f"ultralytics-{yolo.task}",
            classes=tuple(names[number] for number in self._class_ids),
            min_working_gsd_m=0.01,
            max_working_gsd_m=1000.0,
            tile_px=-(-side // 32) * 32,
            licence="unknown",
        )
        import ultralytics

        self.description = f"Ultralytics {ultralytics.__version__} predict, {device.upper()}"
        self.saturated_tiles = 0

    def detect(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        """See `Detector.detect`."""
        check_tiles(tiles, self.metadata.tile_px)
        return [self._one(tile) for tile in tiles]

    def _one(self, tile: NDArray[np.uint8]) -> Boxes:
        (found,) = self._yolo.predict(
            np.ascontiguousarray(tile[..., ::-1]),  # arrays are taken as OpenCV's, blue first
            imgsz=self.metadata.tile_px,
            conf=self._threshold,
            classes=self._class_ids,
            device="0" if self._device == "cuda" else "cpu",
            verbose=False,
        )
        if self.oriented:
            boxes, sides = found.obb, found.obb.xywhr.cpu().numpy()
        else:
            boxes = found.boxes
            sides = np.column_stack([boxes.xywh.cpu().numpy(), np.zeros(len(boxes))])
        ours = np.searchsorted(self._class_ids, boxes.cls.cpu().numpy().astype(int))
        return merge(Boxes.from_xywhr(sides, boxes.conf.cpu().numpy(), ours))


@dataclass(frozen=True)
class Baseline:
    """A detector to compare with.

    oriented: whether its boxes are; else they are upright. knows_gsd: whether it says at which ground sample distance
    it wants its pictures; checkpoints do not.
    """

    detector: Detector
    oriented: bool
    knows_gsd: bool


def load_baseline(
    model: str, *, device: Device, score_threshold: float, threads: int | None, trust_pickle: bool
) -> Baseline:
    """Any detector to compare with.

    model: what `load_detector` takes, or an Ultralytics checkpoint (.pt) of oriented or upright boxes; one whose
    classes are ours runs as our own models do.

    Raises:
        BerthwatchError: as `load_detector`; a checkpoint and no `trust_pickle`.
    """
    path = Path(model)
    is_checkpoint = path.suffix == ".pt" and path.is_file()
    if is_checkpoint and trust_pickle:
        require_torch(path)
        yolo = _open(path)
        if not (yolo.task == "obb" and set(yolo.names.values()) <= set(MODEL_CLASSES)):
            fault = "" if device == "cpu" else torch_cuda_fault()
            if fault and device == "cuda":
                raise BerthwatchError(f"device cuda: {fault}; or choose device cpu")
            resolved = "cpu" if fault or device == "cpu" else "cuda"
            foreign = UltralyticsDetector(path, score_threshold=score_threshold, device=resolved)
            return Baseline(foreign, foreign.oriented, knows_gsd=False)
    detector = load_detector(
        model, device=device, score_threshold=score_threshold, threads=threads, trust_pickle=trust_pickle
    )
    return Baseline(detector, oriented=True, knows_gsd=not is_checkpoint)


def _open(path: Path) -> Any:
    from ultralytics.models import YOLO

    try:
        yolo: Any = YOLO(path)
    except Exception as error:  # unpickling can fail in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BerthwatchError(f"{path}: not an Ultralytics checkpoint ({reason})") from None
    if yolo.task not in ("obb", "detect"):
        raise BerthwatchError(f"{path}: a checkpoint for '{yolo.task}'; one that finds boxes (obb, detect) is needed")
    return yolo
