"""Baselines: Ultralytics checkpoints run as Ultralytics runs them, asked for ships alone, never unpickled unasked."""

from pathlib import Path

import numpy as np
import pytest
from models_cases import painted_tile

from berthwatch.errors import BerthwatchError
from berthwatch.training.baselines import load_baseline

torch = pytest.importorskip("torch", reason="torch is not installed (extra: cuda)")
tasks = pytest.importorskip("ultralytics.nn.tasks", reason="ultralytics is not installed (extra: cuda)")

TILE_PX = 320


def checkpoint(path: Path, task: str, names: tuple[str, ...]) -> Path:
    """An untrained YOLO26n that sees the second class everywhere, in boxes of some pixels."""
    torch.manual_seed(0)
    network_of, layers = {
        "obb": (tasks.OBBModel, "yolo26n-obb.yaml"),
        "detect": (tasks.DetectionModel, "yolo26n.yaml"),
        "classify": (tasks.ClassificationModel, "yolo26n-cls.yaml"),
    }[task]
    network = network_of(layers, nc=len(names), verbose=False)
    network.names, network.task = dict(enumerate(names)), task
    network.args = {"imgsz": TILE_PX, "task": task}
    if task != "classify":
        head = network.model[-1]
        for branch in (*head.cv2, *head.one2one_cv2):
            branch[-1].bias.data.fill_(3.0)
        for branch in (*head.cv3, *head.one2one_cv3):
            branch[-1].bias.data[:] = torch.tensor([-3.0, 1.0, -2.0][: len(names)])
    torch.save({"model": network.half(), "ema": None, "train_args": {"imgsz": TILE_PX, "task": task}}, path)
    return path


def load(path: Path, *, trust: bool = True):
    return load_baseline(str(path), device="cpu", score_threshold=0.1, threads=1, trust_pickle=trust)


def tile() -> np.ndarray:
    return np.ascontiguousarray(painted_tile()[:TILE_PX, :TILE_PX])


def test_upright_boxes_stay_upright_and_only_ships_are_asked_for(tmp_path):
    baseline = load(checkpoint(tmp_path / "coco.pt", "detect", ("person", "boat", "kite")))

    (boxes,) = baseline.detector.detect(tile()[None])

    assert (baseline.oriented, baseline.knows_gsd) == (False, False)
    assert baseline.detector.metadata.classes == ("boat",)
    assert baseline.detector.metadata.tile_px == TILE_PX
    assert len(boxes)
    assert set(boxes.class_ids.tolist()) == {0}
    assert np.isin(np.round(boxes.xywha[:, 4], 6), [0.0, np.round(np.pi / 2, 6)]).all()


def test_oriented_boxes_of_foreign_classes_are_asked_for_ships(tmp_path):
    baseline = load(checkpoint(tmp_path / "dota.pt", "obb", ("plane", "ship", "harbor")))

    (boxes,) = baseline.detector.detect(tile()[None])

    assert (baseline.oriented, baseline.knows_gsd) == (True, False)
    assert baseline.detector.metadata.classes == ("ship",)
    assert len(boxes)
    assert len(np.unique(boxes.xywha[:, 4])) > 2


def test_a_checkpoint_of_our_classes_runs_as_our_models_do(tmp_path):
    baseline = load(checkpoint(tmp_path / "ours.pt", "obb", ("tanker", "cargo", "other")))

    assert baseline.detector.description.startswith("torch")
    assert (baseline.oriented, baseline.knows_gsd) == (True, False)


@pytest.mark.parametrize(
    ("task", "names", "words"),
    [("detect", ("person", "kite"), "none of its classes is a ship"), ("classify", ("ship", "sea"), "'classify'")],
)
def test_a_checkpoint_that_finds_no_ships_is_refused(tmp_path, task, names, words):
    with pytest.raises(BerthwatchError, match=words):
        load(checkpoint(tmp_path / "other.pt", task, names))


def test_a_checkpoint_is_not_unpickled_unasked(tmp_path):
    path = tmp_path / "trap.pt"
    path.write_bytes(b"cos\nsystem\n(S'touch sprung'\ntR.")

    with pytest.raises(BerthwatchError, match="pickle"):
        load(path, trust=False)


def test_what_is_no_checkpoint_is_told(tmp_path):
    path = tmp_path / "letter.pt"
    path.write_text("Dear reader")

    with pytest.raises(BerthwatchError, match=r"letter\.pt.*not an Ultralytics checkpoint"):
        load(path)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_that_torch_cannot_use_is_an_error_only_where_it_is_asked_for(tmp_path, monkeypatch, device):
    monkeypatch.setattr("berthwatch.training.baselines.torch_cuda_fault", lambda: "torch is built without CUDA")
    start = str(checkpoint(tmp_path / "coco.pt", "detect", ("person", "boat", "kite")))
    options = {"device": device, "score_threshold": 0.1, "threads": 1, "trust_pickle": True}
    if device == "auto":
        assert load_baseline(start, **options).detector.description.endswith("predict, CPU")
        return
    with pytest.raises(BerthwatchError, match="device cuda: torch is built without CUDA; or choose device cpu"):
        load_baseline(start, **options)


def test_the_shipped_model_is_a_baseline_too():
    baseline = load_baseline("berthwatch-n", device="cpu", score_threshold=0.1, threads=1, trust_pickle=False)

    assert (baseline.oriented, baseline.knows_gsd) == (True, True)


def test_coco_weights_know_boats(real_data: Path):
    baseline = load(real_data / "weights" / "yolo26n_coco_from_int8.pt")

    assert baseline.detector.metadata.classes == ("boat",)
    assert baseline.detector.metadata.tile_px == 640
