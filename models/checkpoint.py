"""Ultralytics checkpoints (.pt): the only module that unpickles, which runs whatever code the file holds."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from ultralytics.nn.tasks import OBBModel

from ..errors import BerthwatchError
from .metadata import ModelMetadata
from .network import head_of

Head = Literal["one2many", "one2one"]


@dataclass(frozen=True)
class Checkpoint:
    """What an Ultralytics OBB checkpoint holds.

    Attributes:
        network: float32, with one head and raw output (see `decode.py`).
        architecture: name of its model YAML without suffix, as "yolo26n-obb".
        classes: class names in the order of the outputs.
        image_px: side of the images it was trained on.
    """

    network: OBBModel
    architecture: str
    classes: tuple[str, ...]
    image_px: int

    def card(self, model_id: str) -> ModelMetadata:
        """What can be said of a checkpoint that nobody exported: it works at a scene's own GSD, errors unknown."""
        return ModelMetadata(
            model_id=model_id,
            architecture=self.architecture,
            classes=self.classes,
            min_working_gsd_m=0.01,
            max_working_gsd_m=1000.0,
            tile_px=-(-self.image_px // 32) * 32,
            licence="unknown",
        )


def load_checkpoint(path: Path, *, head: Head = "one2many") -> Checkpoint:
    """Read an Ultralytics OBB checkpoint. Executes code from the file: only for files whose origin you trust.

    YOLO26 trains two heads. "one2one" needs no suppression, but learns last; "one2many" is the one that other YOLO
    networks have, and found more ships after short training (3 m PlanetScope, score 0.25: recall 0.64 against 0.32 at
    a precision of 0.70 against 0.73). Its duplicates are removed by `merge`.

    Raises:
        BerthwatchError: not a checkpoint of an OBB network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=False)
        trained = content.get("ema") or content["model"]
    except OSError as error:
        raise BerthwatchError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except Exception as error:  # unpickling can fail in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BerthwatchError(f"{path}: not an Ultralytics checkpoint ({reason})") from None
    if not isinstance(trained, OBBModel):
        raise BerthwatchError(f"{path}: holds a {type(trained).__name__}; an oriented-box network (OBBModel) is needed")
    return Checkpoint(
        network=_with_one_head(trained, head),
        architecture=Path(cast(Any, trained).yaml.get("yaml_file", "yolo-obb")).stem,
        classes=tuple(trained.names[index] for index in range(len(trained.names))),
        image_px=int((content.get("train_args") or {}).get("imgsz", 640)),
    )


def _with_one_head(trained: OBBModel, which: Head) -> OBBModel:
    """A float32 copy in which the chosen head is the only one: its output is raw, nothing cut off."""
    network = copy.deepcopy(trained).float().eval()
    head = head_of(network)
    has_two = getattr(head, "one2one_cv2", None) is not None
    for branch in ("cv2", "cv3", "cv4"):
        if has_two and which == "one2one":
            setattr(head, branch, getattr(head, f"one2one_{branch}"))
        if has_two:
            setattr(head, f"one2one_{branch}", None)
    head.end2end = False
    return network.requires_grad_(False)
