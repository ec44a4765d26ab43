"""What one training run is told: `configs/training/*.yaml`, checked before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .yaml_file import load_yaml

PRESETS = {
    name: Path(__file__).parent / "training" / f"{name}.yaml"
    for name in ("laptop-cpu", "workstation-gpu", "several-gpus")
}


class TrainingRun(BaseModel):
    """One run of `berthwatch train`.

    Attributes:
        chips: folder that `berthwatch chips` wrote, with `dataset.yaml`. Relative paths start at the working directory.
        start: what to start from: a shipped model ("berthwatch-n"), a .safetensors file of ours, an Ultralytics
            checkpoint (.pt, which runs code when it is loaded), or an Ultralytics model YAML ("yolo26n-obb.yaml") for
            random weights.
        run_dir: folder for weights, curves and the resolved settings; given again, a stopped run goes on.
        epochs: passes over the chips. hours: stop after so many, whatever `epochs` says.
        batch_size: chips a step, over all devices. chip_px: side of the chips in pixels.
        learning_rate: of AdamW at its peak; falls as a cosine to `final_learning_rate_share` of it.
        warmup_epochs: passes over which the learning rate rises.
        frozen_layers: so many of the first layers keep their weights: quicker, and safer on few chips.
        patience: stop when validation has not improved for so many epochs; 0 never stops and never validates.
        device: "cpu", "cuda", or GPU numbers as "0,1" (then one process a GPU).
        workers: processes that load and augment chips. cache: keep decoded chips in memory, on disk, or not.
        bf16: run the network in bfloat16, on a CPU that can or on CUDA.
        tensorboard, mlflow: log there as well, by Ultralytics' own callbacks.
        seed: of everything random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chips: Path
    start: str
    run_dir: Path
    epochs: Annotated[int, Field(gt=0)] = 20
    hours: Annotated[float, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(gt=0)] = 16
    chip_px: Annotated[int, Field(gt=0, multiple_of=32)] = 320
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    final_learning_rate_share: Annotated[float, Field(gt=0, le=1)] = 0.02
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.5
    frozen_layers: Annotated[int, Field(ge=0)] = 0
    patience: Annotated[int, Field(ge=0)] = 0
    device: Annotated[str, Field(pattern=r"^(cpu|cuda|\d+(,\d+)*)$")] = "cpu"
    workers: Annotated[int, Field(ge=0)] = 1
    cache: Literal["ram", "disk", "no"] = "ram"
    bf16: bool = True
    tensorboard: bool = False
    mlflow: bool = False
    seed: int = 0

    @property
    def gpus(self) -> tuple[int, ...]:
        """Numbers of the GPUs it runs on; () on the CPU."""
        numbers = {"cpu": "", "cuda": "0"}.get(self.device, self.device)
        return tuple(int(number) for number in numbers.split(",") if number)

    @model_validator(mode="after")
    def _a_batch_fits_its_devices(self) -> TrainingRun:
        if len(set(self.gpus)) < len(self.gpus):
            raise ValueError(f"device {self.device} names a GPU twice")
        if self.gpus and self.batch_size % len(self.gpus):
            raise ValueError(f"batch_size {self.batch_size} cannot be shared evenly by {len(self.gpus)} devices")
        return self


def load_training_run(name_or_path: str | Path) -> TrainingRun:
    """A run from a YAML file, or from a shipped preset by name (laptop-cpu, workstation-gpu, several-gpus).

    Raises:
        BerthwatchError: no such file or preset, or a field that is wrong; file, field and value are named.
    """
    return load_yaml(PRESETS.get(str(name_or_path), name_or_path), TrainingRun)
