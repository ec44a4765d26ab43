"""What a training run will take, before it is started."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from ultralytics.nn.tasks import load_checkpoint, yaml_model_load
from ultralytics.utils import DEFAULT_CFG

from ..configs.training_run import TrainingRun
from ..models.network import architecture_of, load_network
from .gpus import memory_told
from .labels import MODEL_CLASSES
from .loss import IgnoringOBBModel
from .train import check_inputs, refuse_foreign_code, start_of


@dataclass(frozen=True)
class Forecast:
    """What a run will take: chips to train and validate on, steps, and hours at the pace measured here."""

    train_chips: int
    val_chips: int
    steps: int
    seconds_per_step: float

    @property
    def hours(self) -> float:
        """Time of all steps; loading and validation come on top where they cannot be hidden."""
        return self.steps * self.seconds_per_step / 3600


def forecast(run: TrainingRun, *, trust_pickle: bool = False, timed_steps: int = 3) -> Forecast:
    """Count the chips and time a few steps of such a network on random pixels, forward and backward.

    Raises:
        BerthwatchError: as `train`.
    """
    check_inputs(run)
    if not trust_pickle:
        refuse_foreign_code(run)
    counts = {split: len(list((run.chips / "images" / split).glob("*.png"))) for split in ("train", "val")}
    device = torch.device("cuda", run.gpus[0]) if run.gpus else torch.device("cpu")
    chips_of_step = run.batch_size // max(len(run.gpus), 1)  # the other GPUs take theirs at the same time
    network = (
        IgnoringOBBModel(layers_of(run) | {"end2end": False}, nc=len(MODEL_CLASSES), verbose=False).to(device).train()
    )
    cast(Any, network).args = DEFAULT_CFG
    network.forward_in_bf16 = run.bf16
    with memory_told(run):
        seconds = min(_step_seconds(network, _batch(chips_of_step, run.chip_px, device)) for _ in range(timed_steps))
    steps = run.epochs * -(-counts["train"] // run.batch_size)
    return Forecast(counts["train"], counts["val"], steps, seconds)


def _batch(chips: int, chip_px: int, device: torch.device) -> dict[str, torch.Tensor]:
    return {
        "img": torch.rand(chips, 3, chip_px, chip_px, device=device),
        "batch_idx": torch.arange(chips, device=device).float(),
        "cls": torch.zeros(chips, 1, device=device),
        "bboxes": torch.tensor([[0.5, 0.5, 0.2, 0.05, 0.3]], device=device).repeat(chips, 1),
    }


def _step_seconds(network: IgnoringOBBModel, batch: dict[str, torch.Tensor]) -> float:
    start = time.perf_counter()
    network.loss(batch)[0].sum().backward()
    if batch["img"].is_cuda:
        torch.cuda.synchronize(batch["img"].device)
    return time.perf_counter() - start


def layers_of(run: TrainingRun) -> Any:
    """The layers of the network that the run starts from, as a model YAML describes them. Loads a checkpoint."""
    start = start_of(run)
    if start.endswith(".safetensors"):
        return architecture_of(load_network(Path(start))[0])
    return yaml_model_load(start) if start.endswith(".yaml") else load_checkpoint(start)[0].yaml
