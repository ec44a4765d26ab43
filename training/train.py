"""Train a YOLO oriented-box detector on chips with Ultralytics."""

import copy
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
from torch import nn
from ultralytics.models.yolo.obb import OBBTrainer, OBBValidator
from ultralytics.nn.tasks import yaml_model_load
from ultralytics.utils import SETTINGS, YAML

from ..configs.training_run import TrainingRun
from ..errors import BerthwatchError
from ..models.network import architecture_of, load_network
from ..models.registry import WEIGHTS, trainable_models
from .augment import pixel_augmentations
from .gpus import check_gpus, memory_told
from .labels import MODEL_CLASSES
from .loss import IgnoringOBBModel
from .own_checkpoints import is_own, seal
from .run_record import check_unchanged, has_record, keep_record
from .true_warp import ChipDataset


def widen_classes(network: Any, names: Sequence[str]) -> None:
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
            new = nn.Conv2d(old.in_channels, len(names), 1)
            weight, bias = old.weight.data, cast(torch.Tensor, old.bias).data
            for i, name in enumerate(names):
                known = name in old_names
                new.weight.data[i] = weight[old_names.index(name)] if known else weight.mean(0)
                cast(torch.Tensor, new.bias).data[i] = bias[old_names.index(name)] if known else bias.mean()
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
        layers: Any = copy.deepcopy(cfg if isinstance(cfg, dict) else yaml_model_load(cfg))
        layers["end2end"] = False
        model = IgnoringOBBModel(layers, nc=len(MODEL_CLASSES), ch=self.data["channels"], verbose=False)
        if weights is not None:
            widen_classes(weights, MODEL_CLASSES)
            model.load(weights)
        model.forward_in_bf16 = self.forward_in_bf16
        return model

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> ChipDataset:
        """Chips whose labels stay on their pixels when they are turned."""
        dataset = cast(ChipDataset, super().build_dataset(img_path, mode, batch))
        dataset.__class__ = ChipDataset  # Ultralytics makes its own class, by many arguments
        dataset.transforms = dataset.build_transforms(hyp=self.args)
        return dataset

    def setup_model(self) -> Any:
        """The network of one of our own model files, which run no code, or what Ultralytics makes of the start."""
        if not str(self.model).endswith(".safetensors"):
            return super().setup_model()
        network, card = load_network(Path(str(self.model)))
        cast(Any, network).names = dict(enumerate(card.classes))
        self.model = self.get_model(cfg=architecture_of(network), weights=network, verbose=False)
        return None

    def train(self) -> None:
        """On several GPUs, a process each; what `save_dir` holds stays there."""
        if not self.ddp:
            return super().train()
        # Ultralytics removes `save_dir` before it starts them: the run's record, and its own settings, lie there.
        with TemporaryDirectory() as removed_instead:
            self.save_dir = Path(removed_instead)
            return super().train()

    def get_validator(self) -> OBBValidator:
        """Validation without the ignored ships."""
        return WithoutIgnored(
            self.test_loader, save_dir=self.save_dir, args=copy.copy(self.args), _callbacks=self.callbacks
        )

    def save_model(self) -> Any:
        """Checkpoints come whole or not at all: a kill while one is written must not cost the run."""
        paths = self.last, self.best
        self.last, self.best = (path.with_suffix(".part") for path in paths)
        saved = super().save_model()
        for part, whole in zip((self.last, self.best), paths, strict=True):
            if part.exists():
                seal(part, as_file=whole)
                part.replace(whole)
        self.last, self.best = paths
        return saved

    def set_model_attributes(self) -> None:
        """Our class names: the dataset file's last one only marks ignored ships."""
        super().set_model_attributes()
        network = cast(Any, self.model)
        network.nc = len(MODEL_CLASSES)
        network.names = dict(enumerate(MODEL_CLASSES))


class WithoutIgnored(OBBValidator):
    """Ultralytics' validation on the ships that count."""

    def preprocess(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Leaves out the ignored ships' labels."""
        counts = batch["cls"].view(-1) < len(MODEL_CLASSES)
        for name in ("batch_idx", "cls", "bboxes"):
            batch[name] = batch[name][counts]
        return super().preprocess(batch)


def train(run: TrainingRun, *, trust_pickle: bool = False) -> Path:
    """Run one training; returns the last checkpoint, which Ultralytics writes under `run_dir/weights`.

    A run that was stopped goes on from its last epoch when its `run_dir` is given again; `run_dir/run.json` keeps what
    it was started with.

    Args:
        run: what to train on, from where, and how.
        trust_pickle: load a starting checkpoint, or one in `run_dir` that no run of this user wrote, although that
            runs its code.

    Raises:
        BerthwatchError: the chips or the starting checkpoint are missing, a file would run code and is not trusted,
            the chips changed since a stopped run was started, or the run is complete already.
    """
    check_inputs(run)
    if not trust_pickle:
        refuse_foreign_code(run)
    last, best = _checkpoints(run)
    resumed = last.exists()
    if resumed:
        check_unchanged(run)
    SETTINGS.update(tensorboard=run.tensorboard, mlflow=run.mlflow, sync=False)
    # Ultralytics' cache of the labels is a pickle too; it is made anew where it is missing.
    for cache in (run.chips / "labels").glob("*.cache"):
        cache.unlink()
    trainer = ShipTrainer(overrides=ultralytics_arguments(run, resume_from=last if resumed else None))
    if not resumed or not has_record(run):
        keep_record(run)
    trainer.forward_in_bf16 = run.bf16 and not run.gpus
    try:
        with memory_told(run):
            trainer.train()
    except AssertionError as error:
        if "nothing to resume" not in str(error):
            raise
        raise BerthwatchError(f"{last}: this run is complete; give another run_dir to train anew") from error
    except subprocess.CalledProcessError:
        raise BerthwatchError(
            f"device: {run.device}: the process of one of the GPUs failed, for the reason it told above"
        ) from None
    for checkpoint in (last, best):  # stripped of the optimizer at the end, which changed them
        if checkpoint.exists():
            seal(checkpoint)
    return last


def _checkpoints(run: TrainingRun) -> tuple[Path, Path]:
    return run.run_dir / "weights" / "last.pt", run.run_dir / "weights" / "best.pt"


def refuse_foreign_code(run: TrainingRun) -> None:
    """Raise BerthwatchError if training would run code out of a file that no run of this user wrote.

    Checkpoints are pickles: the start, and what lies in `run_dir`, from which a stopped run goes on. Of a model YAML
    Ultralytics evaluates the field `activation`.
    """
    told = "can run any code when loaded; if you trust it, add --trust-pickle"
    for checkpoint in _checkpoints(run):
        if checkpoint.exists() and not is_own(checkpoint):
            raise BerthwatchError(f"{checkpoint}: was not written by a run of yours on this machine, and {told}")
    if _checkpoints(run)[0].exists():
        return
    start = start_of(run)
    if start.endswith(".safetensors"):
        return
    if not start.endswith(".yaml"):
        raise BerthwatchError(f"start: {run.start}: a checkpoint {told}")
    if "activation" in cast(dict[str, Any], yaml_model_load(run.start)):
        raise BerthwatchError(f"start: {run.start}: its field `activation` {told}")


def check_inputs(run: TrainingRun) -> None:
    """Raise BerthwatchError unless chips, start and GPUs are there, and the chips are pictures and labels alone."""
    check_gpus(run)
    if not (run.chips / "dataset.yaml").exists():
        raise BerthwatchError(f"chips: {run.chips} holds no dataset.yaml; make it with `berthwatch chips`")
    if "download" in YAML.load(str(run.chips / "dataset.yaml")):
        raise BerthwatchError(
            f"chips: {run.chips / 'dataset.yaml'}: has a field `download`, whose code Ultralytics would run; remove it"
        )
    if not any((run.chips / "images" / "val").glob("*.png")):
        raise BerthwatchError(
            f"chips: {run.chips} holds none to validate on, which training needs; make the chips with a val_share "
            "above 0, or with a source of 'split: val'"
        )
    start = start_of(run)
    if not start.endswith(".yaml") and not Path(start).is_file():
        raise BerthwatchError(
            f"start: {run.start} does not exist; give a shipped model ({', '.join(trainable_models())}), a model file, "
            "a checkpoint, or yolo26n-obb.yaml to start anew"
        )


def start_of(run: TrainingRun) -> str:
    """The start as Ultralytics is told it: of a shipped model, its file of tensors."""
    return str(WEIGHTS / f"{run.start}.safetensors") if run.start in trainable_models() else run.start


def ultralytics_arguments(run: TrainingRun, *, resume_from: Path | None) -> dict[str, Any]:
    """The run in Ultralytics' words."""
    return {
        "model": str(resume_from or start_of(run)),
        "resume": str(resume_from) if resume_from else False,
        "data": str(run.chips / "dataset.yaml"),
        "project": str(run.run_dir.parent.resolve()),
        "name": run.run_dir.name,
        "exist_ok": True,
        "epochs": run.epochs,
        "time": run.hours,
        "patience": run.patience or run.epochs,
        "val": run.patience > 0,
        "batch": run.batch_size,
        "nbs": run.batch_size,
        "imgsz": run.chip_px,
        "optimizer": "AdamW",
        "lr0": run.learning_rate,
        "lrf": run.final_learning_rate_share,
        "cos_lr": True,
        "warmup_epochs": run.warmup_epochs,
        "warmup_bias_lr": 0.0,
        "freeze": run.frozen_layers or None,
        "device": ",".join(str(gpu) for gpu in run.gpus) or "cpu",
        "workers": run.workers,
        "cache": False if run.cache == "no" else run.cache,
        "seed": run.seed,
        "deterministic": False,
        "amp": "bf16" if run.bf16 and run.gpus else False,
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
    }
