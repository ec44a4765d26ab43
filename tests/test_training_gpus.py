"""Training on GPUs, as far as it can be seen without one: what is asked beforehand, and how their processes start."""

import sys

import numpy as np
import pytest
import yaml

from berthwatch.configs.training_run import load_training_run
from berthwatch.errors import BerthwatchError
from berthwatch.models.devices import nvidia_gpus

torch = pytest.importorskip("torch", reason="training needs torch: install the 'train' extra")
pytest.importorskip("ultralytics", reason="training needs ultralytics: install the 'train' extra")

from ultralytics.engine import trainer as engine  # noqa: E402

from berthwatch.models.checkpoint import load_checkpoint  # noqa: E402
from berthwatch.training import gpus  # noqa: E402
from berthwatch.training.chips import write_chips, write_dataset_file  # noqa: E402
from berthwatch.training.crops import Chip  # noqa: E402
from berthwatch.training.forecast import forecast  # noqa: E402
from berthwatch.training.gpus import check_gpus  # noqa: E402
from berthwatch.training.labels import ShipLabels  # noqa: E402
from berthwatch.training.train import ShipTrainer, check_inputs, ultralytics_arguments  # noqa: E402

CHIP_PX = 64


@pytest.fixture
def run_on(tmp_path):
    """A run of one epoch on eight chips with a bright hull each, on the devices given."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(20, 40, (8, CHIP_PX, CHIP_PX, 3)).astype(np.uint8)
    rgb[:, 29:35, 20:44] = 230
    hull = np.array([[[20, 29], [44, 29], [44, 35], [20, 35]]], float)
    labels = ShipLabels(hull, ("tanker",), np.array([False]))
    for split in ("train", "val"):
        write_chips(tmp_path / "chips", split, [(f"{i}", Chip(pixels, labels)) for i, pixels in enumerate(rgb)])
    write_dataset_file(tmp_path / "chips")

    def load(device, **changes):
        run = {"chips": str(tmp_path / "chips"), "start": "yolo26n-obb.yaml", "run_dir": str(tmp_path / "run"),
               "epochs": 1, "batch_size": 4, "chip_px": CHIP_PX, "workers": 0, "device": device} | changes  # fmt: skip
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump(run))
        return load_training_run(path)

    return load


@pytest.fixture
def two_old_gpus(monkeypatch):
    """Two GPUs that torch can use, but not in bfloat16."""
    monkeypatch.setattr(gpus, "torch_cuda_fault", lambda: "")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)


@pytest.mark.parametrize(
    ("device", "numbers", "told"), [("cpu", (), "cpu"), ("cuda", (0,), "0"), ("3", (3,), "3"), ("0,1", (0, 1), "0,1")]
)
def test_devices_are_numbers_of_gpus(run_on, device, numbers, told):
    run = run_on(device)

    assert run.gpus == numbers
    arguments = ultralytics_arguments(run, resume_from=None)
    assert arguments["device"] == told
    assert arguments["amp"] == ("bf16" if numbers else False)  # with True, Ultralytics would fetch a network to try it


def test_a_gpu_is_named_once(run_on):
    with pytest.raises(BerthwatchError, match="names a GPU twice"):
        run_on("1,1")


@pytest.mark.skipif(nvidia_gpus() > 0, reason="this machine has an NVIDIA GPU")
@pytest.mark.parametrize("device", ["cuda", "0,1"])
def test_without_a_gpu_a_run_that_wants_one_says_so_before_it_starts(run_on, device):
    with pytest.raises(BerthwatchError, match=rf"device: {device}: torch .*; or choose device: cpu"):
        check_inputs(run_on(device))


def test_a_gpu_that_is_not_there_is_named(run_on, two_old_gpus):
    with pytest.raises(BerthwatchError, match="device: 1,2: torch sees 2 GPUs, counted from 0"):
        check_gpus(run_on("1,2", bf16=False))


def test_a_gpu_without_bfloat16_says_what_to_set(run_on, two_old_gpus):
    with pytest.raises(BerthwatchError, match=r"Tesla T4 cannot compute in bfloat16 .*set bf16: false"):
        check_gpus(run_on("cuda"))
    check_gpus(run_on("cuda", bf16=False))


def test_a_batch_that_a_gpu_cannot_hold_is_known_from_the_dry_run(run_on, monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("berthwatch.training.forecast.IgnoringOBBModel.loss", full)
    with pytest.raises(BerthwatchError, match=r"batch_size: 4 chips of 64 pixels take more memory .*smaller"):
        forecast(run_on("cpu"))


def test_the_processes_of_several_gpus_train_and_leave_what_was_in_the_run_folder(run_on, tmp_path, monkeypatch):
    """With one process, on the CPU: what the several are started from, pickled, and in a folder that is not emptied."""
    pytest.importorskip("cloudpickle", reason="several GPUs need cloudpickle: install the 'train' extra")

    def started_alone(trainer, as_made=engine.generate_ddp_command):
        _, file = as_made(trainer)
        return [sys.executable, file], file

    monkeypatch.setattr(engine, "generate_ddp_command", started_alone)
    trainer = ShipTrainer(overrides=ultralytics_arguments(run_on("cpu"), resume_from=None))
    trainer.ddp, trainer.world_size = True, 2
    (tmp_path / "run" / "run.json").write_text("{}")
    trainer.train()

    assert (tmp_path / "run" / "run.json").read_text() == "{}"
    last = load_checkpoint(tmp_path / "run" / "weights" / "last.pt")
    assert "tanker" in last.classes
