"""Training for real, on a handful of small chips: it learns, it is recorded, it goes on after a kill."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from berthwatch.configs.training_run import PRESETS, load_training_run
from berthwatch.errors import BerthwatchError
from berthwatch.models.registry import WEIGHTS

pytest.importorskip("torch", reason="training needs torch: install the 'train' extra")
pytest.importorskip("ultralytics", reason="training needs ultralytics: install the 'train' extra")

from berthwatch.models.checkpoint import load_checkpoint
from berthwatch.models.network import load_network
from berthwatch.training.chips import write_chips, write_dataset_file
from berthwatch.training.crops import Chip
from berthwatch.training.forecast import forecast, layers_of
from berthwatch.training.labels import ShipLabels
from berthwatch.training.own_checkpoints import is_own, seal
from berthwatch.training.train import train

CHIP_PX = 64


@pytest.fixture(autouse=True)
def state_folder(tmp_path, monkeypatch):
    """The user's key goes here, not into the home folder."""
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def chips(tmp_path):
    """Sixteen chips with a bright hull each, four of them with an unclear ship besides."""
    rng = np.random.default_rng(0)

    def make(i: int) -> tuple[str, Chip]:
        rgb = rng.integers(20, 40, (CHIP_PX, CHIP_PX, 3)).astype(np.uint8)
        x, y = rng.integers(20, 44, 2)
        rgb[y - 3 : y + 3, x - 12 : x + 12] = 230
        hull = np.array([[x - 12, y - 3], [x + 12, y - 3], [x + 12, y + 3], [x - 12, y + 3]], float)
        corners = np.stack([hull, hull * 0.2])[: 2 if i % 4 == 0 else 1]
        return f"{i:03d}", Chip(rgb, ShipLabels(corners, ("tanker", "unknown")[: len(corners)],
                                                np.array([False, True])[: len(corners)]))  # fmt: skip

    root = tmp_path / "chips"
    for split in ("train", "val"):
        write_chips(root, split, [make(i) for i in range(16)])
    write_dataset_file(root)
    return root


def write_run(tmp_path, chips, **changes):
    run = {"chips": str(chips), "start": "yolo26n-obb.yaml", "run_dir": str(tmp_path / "run"), "epochs": 2,
           "batch_size": 8, "chip_px": CHIP_PX, "workers": 0, "bf16": False, "seed": 3} | changes  # fmt: skip
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(run))
    return path


def berthwatch(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "berthwatch", *arguments], capture_output=True, text=True, check=False, **options
    )


def epochs_done(run_dir) -> int:
    results = run_dir / "results.csv"
    return max(len(results.read_text().splitlines()) - 1, 0) if results.exists() else 0


def test_a_run_leaves_weights_settings_and_curves_and_goes_on_after_a_kill(tmp_path, chips):
    run = write_run(tmp_path, chips, epochs=4, patience=3)
    process = subprocess.Popen([sys.executable, "-m", "berthwatch", "train", str(run)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    last = tmp_path / "run" / "weights" / "last.pt"
    while not last.exists() and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = epochs_done(tmp_path / "run")

    resumed = berthwatch("train", str(run))

    assert resumed.returncode == 0, resumed.stderr[-2000:]
    assert before < 4
    assert epochs_done(tmp_path / "run") == 4
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["run"]["seed"] == 3
    assert len(record["dataset_sha256"]) == 64


def test_the_record_tells_what_a_run_was_started_with_and_other_chips_do_not_go_on_with_it(tmp_path, chips):
    run = write_run(tmp_path, chips, epochs=1)
    train(load_training_run(run))
    record, dataset = tmp_path / "run" / "run.json", chips / "dataset.yaml"
    first, whole = record.read_bytes(), dataset.read_bytes()

    with pytest.raises(BerthwatchError, match="complete"):
        train(load_training_run(write_run(tmp_path, chips, epochs=1, seed=4)))
    assert record.read_bytes() == first

    (chips / "manifest.json").write_text("{}")
    dataset.write_bytes(whole + b"# other chips\n")
    with pytest.raises(BerthwatchError, match=r"dataset\.yaml and .*manifest\.json changed .*another run_dir"):
        train(load_training_run(run))
    assert record.read_bytes() == first

    record.write_bytes(first[:40])
    with pytest.raises(BerthwatchError, match=r"run\.json: is no record"):
        train(load_training_run(run))


def test_a_run_that_never_began_leaves_no_record(tmp_path, chips):
    dataset = chips / "dataset.yaml"
    dataset.write_text(dataset.read_text().replace("images/val", "images/gone"))

    with pytest.raises(RuntimeError, match="gone"):
        train(load_training_run(write_run(tmp_path, chips)))

    assert not (tmp_path / "run" / "run.json").exists()


def test_a_dry_run_counts_chips_and_steps_and_trains_nothing(tmp_path, chips):
    told = berthwatch("train", str(write_run(tmp_path, chips, epochs=5)), "--dry-run")

    assert told.returncode == 0, told.stderr
    assert "16 chips to train on, 16 to validate; 10 steps" in told.stdout
    assert len(told.stdout.splitlines()) == 1  # nothing of Ultralytics' own
    assert "timing a few steps of 8 chips of 64 pixels on cpu" in told.stderr
    assert not (tmp_path / "run").exists()


def test_a_dry_run_times_the_network_that_the_run_starts_from(tmp_path, chips):
    anew = train(load_training_run(write_run(tmp_path, chips, start="yolo26s-obb.yaml", epochs=1)))

    scales = {}
    for start in ("berthwatch-n", "yolo26s-obb.yaml", str(anew)):
        scales[start] = layers_of(load_training_run(write_run(tmp_path, chips, start=start)))["scale"]

    assert list(scales.values()) == ["n", "s", "s"]


class Evil:
    """Unpickled, it makes a folder."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("name", ["start.pt", "start.PT", "start", "yolo26n-obb.pt"])
def test_a_pickle_is_loaded_only_when_told_to_trust_it(tmp_path, chips, name):
    start, trace = tmp_path / name, tmp_path / "executed"
    start.write_bytes(pickle.dumps(Evil(trace)))

    for command in (["train"], ["train", "--dry-run"]):
        told = berthwatch(*command, str(write_run(tmp_path, chips, start=str(start))))

        assert told.returncode == 1
        assert "--trust-pickle" in told.stderr
        assert "Traceback" not in told.stderr
        assert not trace.exists()


def test_a_stem_that_ultralytics_would_complete_to_a_checkpoint_is_refused(tmp_path, chips):
    trace = tmp_path / "executed"
    (tmp_path / "yolo26n-obb.pt").write_bytes(pickle.dumps(Evil(trace)))

    told = berthwatch("train", str(write_run(tmp_path, chips, start="yolo26n-obb")), cwd=tmp_path)

    assert told.returncode == 1
    assert "start: yolo26n-obb does not exist" in told.stderr
    assert "a shipped model (berthwatch-n)" in " ".join(told.stderr.split())  # not the one in 8-bit integers
    assert not trace.exists()


@pytest.mark.parametrize("planted", ["last.pt", "best.pt"])
def test_a_checkpoint_in_the_run_folder_that_no_own_run_wrote_needs_trust(tmp_path, chips, planted):
    trace, weights = tmp_path / "executed", tmp_path / "run" / "weights"
    weights.mkdir(parents=True)
    (weights / planted).write_bytes(pickle.dumps(Evil(trace)))

    told = berthwatch("train", str(write_run(tmp_path, chips)))

    assert told.returncode == 1
    assert planted in told.stderr
    assert "--trust-pickle" in told.stderr
    assert not trace.exists()


def test_training_starts_from_the_shipped_weights_and_no_code_runs(tmp_path, chips):
    shipped, card = load_network(WEIGHTS / "berthwatch-n.safetensors")

    last = train(load_training_run(write_run(tmp_path, chips, start="berthwatch-n", epochs=1, learning_rate=1e-7)))

    trained = load_checkpoint(last)
    assert trained.classes == card.classes
    moved = {name: (tensor.float() - shipped.state_dict()[name]).abs().max().item()
             for name, tensor in trained.network.state_dict().items() if name.endswith("conv.weight")}  # fmt: skip
    assert len(moved) > 80
    assert max(moved.values()) < 0.01  # half-precision checkpoints, a few steps at a rate of nearly nothing


def test_a_model_yaml_or_a_dataset_file_that_would_run_code_is_refused(tmp_path, chips):
    model = tmp_path / "evil26n-obb.yaml"
    model.write_text("nc: 4\nactivation: __import__('os').abort()\n")
    for work in (train, forecast):
        with pytest.raises(BerthwatchError, match="activation"):
            work(load_training_run(write_run(tmp_path, chips, start=str(model))))

    with (chips / "dataset.yaml").open("a") as file:
        file.write("download: raise SystemExit\n")
    with pytest.raises(BerthwatchError, match="download"):
        train(load_training_run(write_run(tmp_path, chips)))


def test_a_seal_holds_for_the_file_as_it_was_and_for_this_user_alone(tmp_path, monkeypatch):
    last, part = tmp_path / "last.pt", tmp_path / "last.part"
    last.write_bytes(b"epoch 1")
    seal(last)
    part.write_bytes(b"epoch 2")
    seal(part, as_file=last)
    assert is_own(last)  # a kill here, before the rename, costs nothing
    part.replace(last)
    assert is_own(last)

    last.write_bytes(b"epoch 2, and more")
    assert not is_own(last)

    last.write_bytes(b"epoch 2")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of someone else"))
    assert not is_own(last)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_presets_are_valid(preset):
    assert load_training_run(preset).start in {"berthwatch-n", "yolo26s-obb.pt"}


@pytest.mark.parametrize(
    ("change", "told"),
    [({"learning_rate": -1}, "learning_rate"), ({"bach_size": 4}, "bach_size"), ({"device": "tpu"}, "device"),
     ({"device": "0,1,2", "batch_size": 8}, "shared evenly")],
)  # fmt: skip
def test_a_wrong_field_is_named(tmp_path, chips, change, told):
    with pytest.raises(BerthwatchError, match=told):
        load_training_run(write_run(tmp_path, chips, **change))


def test_chips_that_hold_none_to_validate_on_are_refused_before_anything_runs(tmp_path, chips):
    shutil.rmtree(chips / "images" / "val")

    with pytest.raises(BerthwatchError, match=r"none to validate on.*val_share above 0"):
        train(load_training_run(write_run(tmp_path, chips)))


def test_missing_chips_say_how_to_make_them(tmp_path):
    told = berthwatch("train", str(write_run(tmp_path, tmp_path / "nowhere")))

    assert told.returncode == 1
    assert "berthwatch chips" in told.stderr
