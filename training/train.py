"""Train a YOLO oriented-box detector on chips with Ultralytics."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from ultralytics.models.yolo.obb import OBBTrainer
from ultralytics.nn.tasks import yaml_model_load

from ..errors import BerthwatchError
from .augment import pixel_augmentations
from .labels import MODEL_CLASSES
from .loss import IgnoringOBBModel


@dataclass(frozen=True)
class TrainSettings:
    """What one training run is told.

    dataset: the `dataset.yaml` that `chips.write_dataset_file` wrote. start: a checkpoint to start from
    (an Ultralytics .pt, which is a pickle: only one that you trust). hours: stop after so many hours,
    whatever `epochs` says. bf16: run the network in bfloat16. frozen_layers: how many of the first layers keep
    their weights.
    """

    dataset: Path
    start: Path
    run_dir: Path
    epochs: int = 20
    hours: float | None = None
    batch_size: int = 16
    chip_px: int = 320
    learning_rate: float = 1e-3
    final_learning_rate_share: float = 0.02
    warmup_epochs: float = 0.5
    frozen_layers: int = 0
    device: str = "cpu"
    workers: int = 1
    cache: str | bool = "ram"
    seed: int = 0
    bf16: bool = True
    loss_gains: dict[str, float] = field(default_factory=dict)


def widen_classes(network: nn.Module, names: Sequence[str]) -> None:
    """Give a network's class layers one output a name in `names`, in place.

    Outputs of names that it knew keep their weights; new ones start as the mean of the old.
    """
    old_names = [str(network.names[i]) for i in range(len(network.names))]
    if old_names == list(names):
        return
    head = network.model[-1]
    for branch in ("cv3", "one2one_cv3"):
        for scale in getattr(head, branch, None) or ():
            old: nn.Conv2d = scale[-1]
            new = nn.Conv2d(old.in_channels, len(names), old.kernel_size)
            weight, bias = old.weight.data, old.bias.data if old.bias is not None else torch.zeros(len(old_names))
            for i, name in enumerate(names):
                known = name in old_names
                new.weight.data[i] = weight[old_names.index(name)] if known else weight.mean(0)
                new.bias.data[i] = bias[old_names.index(name)] if known else bias.mean()
            scale[-1] = new
    head.nc = len(names)
    head.no = head.nc + head.reg_max * 4
    network.names = dict(enumerate(names))
    network.yaml["nc"] = len(names)


class ShipTrainer(OBBTrainer):
    """Ultralytics' oriented-box trainer with our classes and the loss that passes over unclear ships."""

    forward_in_bf16 = False

    def get_model(self, cfg: Any = None, weights: nn.Module | None = None, verbose: bool = True) -> IgnoringOBBModel:
        """The network to train: one-to-many head only, weights of the start where they fit."""
        layers = copy.deepcopy(cfg if isinstance(cfg, dict) else yaml_model_load(cfg))
        layers["end2end"] = False
        model = IgnoringOBBModel(layers, nc=len(MODEL_CLASSES), ch=self.data["channels"], verbose=False)
        if weights is not None:
            widen_classes(weights, MODEL_CLASSES)
            model.load(weights)
        model.forward_in_bf16 = self.forward_in_bf16
        return model

    def set_model_attributes(self) -> None:
        """Our class names: the dataset file's last one only marks ignored ships."""
        super().set_model_attributes()
        self.model.nc = len(MODEL_CLASSES)
        self.model.names = dict(enumerate(MODEL_CLASSES))


def train(settings: TrainSettings) -> Path:
    """Run one training; returns the last checkpoint, which Ultralytics writes under `run_dir/weights`.

    A run that was stopped goes on from its last epoch when its `run_dir` is given again.

    Raises:
        BerthwatchError: the dataset file or the starting checkpoint is missing.
    """
    for what, path in (("dataset", settings.dataset), ("starting checkpoint", settings.start)):
        if not path.exists():
            raise BerthwatchError(f"{what} {path} does not exist")
    last = settings.run_dir / "weights" / "last.pt"
    overrides: dict[str, Any] = {
        "model": str(last if last.exists() else settings.start),
        "resume": str(last) if last.exists() else False,
        "data": str(settings.dataset),
        "project": str(settings.run_dir.parent),
        "name": settings.run_dir.name,
        "exist_ok": True,
        "epochs": settings.epochs,
        "time": settings.hours,
        "batch": settings.batch_size,
        "nbs": settings.batch_size,
        "imgsz": settings.chip_px,
        "optimizer": "AdamW",
        "lr0": settings.learning_rate,
        "lrf": settings.final_learning_rate_share,
        "cos_lr": True,
        "warmup_epochs": settings.warmup_epochs,
        "warmup_bias_lr": 0.0,
        "freeze": settings.frozen_layers or None,
        "device": settings.device,
        "workers": settings.workers,
        "cache": settings.cache,
        "seed": settings.seed,
        "deterministic": False,
        "amp": "bf16" if settings.bf16 and settings.device != "cpu" else False,
        "val": False,
        "plots": False,
        # Ships have no up: any turn, both mirrors. Colour is left to the pixel augmentations.
        "degrees": 180.0,
        "flipud": 0.5,
        "fliplr": 0.5,
        "translate": 0.1,
        "scale": 0.25,
        "mosaic": 0.0,
        "hsv_h": 0.01,
        "hsv_s": 0.3,
        "hsv_v": 0.2,
        "augmentations": pixel_augmentations(),
        **settings.loss_gains,
    }
    trainer = ShipTrainer(overrides=overrides)
    trainer.forward_in_bf16 = settings.bf16 and settings.device == "cpu"
    trainer.train()
    return last
