"""Torch, checkpoints and export: the same ships from every file and runtime, and no code run from a file."""

import json
import logging
import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
from models_cases import assert_same_ships, corner_distance, painted_tile, real_tile, sea_tile

from berthwatch.errors import BerthwatchError
from berthwatch.models.metadata import METADATA_KEY, ModelMetadata
from berthwatch.models.registry import WEIGHTS, load_detector

torch = pytest.importorskip("torch", reason="torch is not installed (extra: cuda)")
tasks = pytest.importorskip("ultralytics.nn.tasks", reason="ultralytics is not installed (extra: cuda)")
onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: train)")

from safetensors.torch import load_file, save_file  # noqa: E402

from berthwatch.models.boxes import Boxes  # noqa: E402
from berthwatch.models.checkpoint import load_checkpoint  # noqa: E402
from berthwatch.models.decode import ship_scores  # noqa: E402
from berthwatch.models.export import export_checkpoint, parity  # noqa: E402
from berthwatch.models.merge import merge  # noqa: E402
from berthwatch.models.network import ARCHITECTURE_KEY, build_network  # noqa: E402
from berthwatch.models.onnx_backend import OnnxDetector  # noqa: E402
from berthwatch.models.torch_backend import TorchDetector  # noqa: E402

CLASSES = ("tanker", "cargo", "other", "unknown")
TILE_PX = 320  # of the untrained networks here; the shipped one has its own


def small_tile():
    """(320, 320, 3) with painted hulls."""
    return np.ascontiguousarray(painted_tile()[:TILE_PX, :TILE_PX])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An Ultralytics checkpoint of an untrained YOLO26n-OBB whose every output depends on the picture."""
    torch.manual_seed(0)
    network = tasks.OBBModel("yolo26n-obb.yaml", nc=len(CLASSES), verbose=False)
    network.names = dict(enumerate(CLASSES))
    head = network.model[-1]
    for name in ("cv2", "cv3", "cv4", "one2one_cv2", "one2one_cv3", "one2one_cv4"):
        for branch in getattr(head, name):
            torch.nn.init.normal_(branch[-1].weight, std=0.005)  # random networks amplify rounding
    for branch in (*head.cv3, *head.one2one_cv3):
        branch[-1].bias.data.fill_(-2.0)  # four class scores of 0.12 each: a sum between 0 and 1
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    tiles = torch.from_numpy(np.stack([small_tile(), small_tile()[::-1]])).permute(0, 3, 1, 2)
    network.train()(tiles.float() / 255)  # sets the normalisation, without which signals die on the way
    path = tmp_path_factory.mktemp("checkpoint") / "untrained.pt"
    torch.save({"model": network.half(), "ema": None, "train_args": {"imgsz": TILE_PX}}, path)
    return path


def card(**changes):
    values = {
        "model_id": "untrained 1",
        "architecture": "yolo26n-obb",
        "classes": CLASSES,
        "min_working_gsd_m": 1.5,
        "max_working_gsd_m": 10.0,
        "tile_px": TILE_PX,
        "licence": "AGPL-3.0-or-later",
        "created": datetime(2026, 11, 22, tzinfo=UTC),
    }
    return ModelMetadata(**(values | changes))


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    return export_checkpoint(checkpoint, tmp_path_factory.mktemp("out"), card(), small_tile()[None], name="untrained")


def test_export_writes_two_files_with_one_card(exported):
    onnx_card = OnnxDetector(exported.onnx).metadata
    assert onnx_card == load_detector(exported.safetensors, device="cpu").metadata == exported.metadata
    assert onnx_card.output == "raw"
    assert onnx_card.weights_sha256 != ""
    assert exported.onnx.stat().st_size + exported.safetensors.stat().st_size < 25e6  # what a package may weigh
    assert exported.safetensors.stat().st_mode & 0o044 == 0o044


def test_export_measures_the_parity_of_both_files(exported):
    for measured in (exported.onnx_parity, exported.safetensors_parity):
        assert measured.anchors == 2100
        assert measured.shift_px < 0.05
        assert measured.score_change < 1e-4


def test_the_batch_is_the_only_dynamic_axis(exported):
    graph = onnx.load(exported.onnx).graph
    (tiles,), (raw,) = graph.input, graph.output
    shape = [axis.dim_param or axis.dim_value for axis in tiles.type.tensor_type.shape.dim]
    assert shape == ["batch", TILE_PX, TILE_PX, 3]
    anchors = sum((TILE_PX // stride) ** 2 for stride in (8, 16, 32))
    assert OnnxDetector(exported.onnx).raw_output(small_tile()[None]).shape == (1, 4 + 4 + 1, anchors)
    assert raw.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_export_fails_where_the_files_would_differ(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("berthwatch.models.export.MAX_SHIFT_PX", -1.0)
    with pytest.raises(BerthwatchError, match=r"ONNX export: differs from the checkpoint by .*nothing was written"):
        export_checkpoint(checkpoint, tmp_path / "out", card(), small_tile()[None])
    assert list((tmp_path / "out").iterdir()) == []


def test_export_needs_tiles_that_show_something(checkpoint, tmp_path):
    with pytest.raises(BerthwatchError, match="give tiles that show ships"):
        export_checkpoint(checkpoint, tmp_path, card(score_threshold=1.0), small_tile()[None])


def test_export_needs_the_checkpoints_classes(checkpoint, tmp_path):
    with pytest.raises(BerthwatchError, match=r"untrained\.pt: its classes are .*unknown"):
        export_checkpoint(checkpoint, tmp_path, card(classes=("ship",)), small_tile()[None])


def test_parity_sees_a_shift_a_turn_and_a_score():
    anchor = np.array([100, 50, 60, 10, 0.7, 0.1, 0.2], np.float32)
    reference = np.stack([anchor, anchor * 0], axis=1)[None]
    changed = reference.copy()
    changed[0, :, 0] = 100.5, 50, 10, 60, 0.69, 0.1, 0.2 + np.pi / 2  # sides swapped and turned: the same rectangle
    found = parity(reference, changed, threshold=0.25)
    assert found.anchors == 1
    assert found.shift_px == pytest.approx(0.5, abs=1e-4)
    assert found.score_change == pytest.approx(0.01, abs=1e-6)


def test_both_heads_can_be_chosen_and_differ(checkpoint):
    tile = small_tile()[None]
    many, one = (
        TorchDetector(load_checkpoint(checkpoint, head=head).network, card()).raw_output(tile)
        for head in ("one2many", "one2one")
    )
    assert many.shape == one.shape
    assert np.abs(many - one).max() > 0.01


def test_the_raw_output_is_what_ultralytics_network_gives(checkpoint):
    tile = small_tile()
    network = torch.load(checkpoint, weights_only=False)["model"].float().eval()
    network.end2end = False
    with torch.inference_mode():
        expected = network(torch.from_numpy(tile).permute(2, 0, 1)[None].float() / 255)[0].numpy()
    raw = TorchDetector(load_checkpoint(checkpoint).network, card()).raw_output(tile[None])
    np.testing.assert_allclose(raw[:, 4:], expected[:, 4:], atol=1e-4)
    np.testing.assert_allclose(raw[:, :4], expected[:, :4], atol=1e-2)


def test_an_end2end_file_of_ultralytics_layout_runs_by_its_metadata_and_reports_saturation(
    checkpoint, tmp_path, caplog
):
    limit = 20
    network = torch.load(checkpoint, weights_only=False)["model"].float().eval()
    network.end2end = True
    head = network.fuse(verbose=False).model[-1]
    head.export, head.max_det = True, limit
    images = torch.from_numpy(small_tile()).permute(2, 0, 1)[None].float() / 255
    path = tmp_path / "end2end.onnx"
    torch.onnx.export(network, (images,), path, opset_version=17, dynamo=False, input_names=["images"])
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: card(output="end2end").model_dump_json()})
    onnx.save(model, path)

    detector = load_detector(path, device="cpu", score_threshold=0.05)
    with caplog.at_level(logging.WARNING):
        (boxes,) = detector.detect(small_tile()[None])

    with torch.inference_mode():
        rows = network(images)[0].numpy()
    rows = rows[(rows[:, 2:4] > 0).all(axis=1)]
    best = Boxes.from_xywhr(rows[:1, [0, 1, 2, 3, 6]])
    assert corner_distance(boxes.select(np.array([0])), best).max() < 0.1
    assert boxes.scores[0] == pytest.approx(rows[0, 4], abs=1e-4)
    assert detector.saturated_tiles == 1
    assert "some may be missing" in caplog.text
    assert len(load_detector(path, device="cpu", score_threshold=1.0).detect(small_tile()[None])[0]) == 0


@pytest.fixture(scope="module")
def both_shipped():
    """The shipped model on ONNX Runtime and on torch, at a score threshold of 0.1."""
    return [
        load_detector(WEIGHTS / f"berthwatch-n.{suffix}", device="cpu", score_threshold=0.1)
        for suffix in ("onnx", "safetensors")
    ]


def test_torch_and_onnx_agree_anchor_by_anchor_on_a_generated_tile(both_shipped):
    by_onnx, by_torch = (detector.raw_output(painted_tile()[None]) for detector in both_shipped)
    found = parity(by_onnx, by_torch, threshold=0.01)
    assert found.anchors > 0
    assert found.shift_px < 0.1
    assert found.score_change < 1e-3


def test_torch_and_onnx_find_the_same_ships_on_a_real_tile(both_shipped, real_data):
    tile = real_tile(real_data)[None]
    onnx_boxes, torch_boxes = (detector.detect(tile)[0] for detector in both_shipped)
    assert len(onnx_boxes) >= 3
    assert_same_ships(onnx_boxes, torch_boxes, threshold=0.1)


def test_ultralytics_own_predict_finds_the_same_ships_on_a_real_tile(real_data):
    from ultralytics import YOLO

    file, tile = real_data / "weights" / "yolo26n_obb_start.pt", real_tile(real_data)
    result = (
        YOLO(file)
        .predict(
            np.ascontiguousarray(tile[..., ::-1]),
            imgsz=640,
            conf=0.2,
            iou=0.4,
            agnostic_nms=True,
            nms=None,
            verbose=False,
        )[0]
        .obb
    )
    theirs = Boxes.from_corners(result.xyxyxyxy.numpy(), result.conf.numpy(), result.cls.numpy())
    start = load_checkpoint(file)
    raw = TorchDetector(start.network, card(classes=start.classes, tile_px=640)).raw_output(tile[None])
    # Ultralytics ranks by the best class, berthwatch by all of them: the other classes are taken away.
    class_scores = raw[:, 4:-1]
    class_scores[class_scores < class_scores.max(axis=1, keepdims=True)] = 0
    rows = raw[0].T
    rows = rows[ship_scores(rows[:, 4:-1]) >= 0.2]
    # And it takes a ship's shape from her best box alone.
    ours = merge(Boxes.from_xywhr(rows[:, [0, 1, 2, 3, -1]], ship_scores(rows[:, 4:-1]), rows[:, 4:-1].argmax(axis=1)))
    assert len(theirs) > 3
    assert_same_ships(ours, theirs, threshold=0.2)


def test_half_precision_moves_no_box(exported):
    detector = TorchDetector.from_file(exported.safetensors)
    exact = detector.raw_output(small_tile()[None])
    detector._network.half()
    assert parity(exact, detector.raw_output(small_tile()[None]), threshold=0.25).shift_px < 1.0


def test_torch_takes_no_tiles_empty_tiles_and_any_batch(exported):
    detector = load_detector(exported.safetensors, device="cpu", threads=1, score_threshold=0.3)
    assert detector.detect(np.zeros((0, TILE_PX, TILE_PX, 3), np.uint8)) == []
    tiles = np.stack([small_tile(), sea_tile()[:TILE_PX, :TILE_PX], small_tile()[::-1]])
    together = detector.detect(tiles)
    apart = [boxes for tile in tiles for boxes in detector.detect(tile[None])]
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_array_equal(a.xywha, b.xywha)
    assert len(load_detector(exported.safetensors, device="cpu", score_threshold=1.0).detect(tiles)[0]) == 0
    with pytest.raises(ValueError, match="tiles must be uint8"):
        detector.detect(tiles.astype(np.float32))


def test_ultralytics_was_told_to_install_nothing_and_to_call_nobody_before_it_was_imported():
    program = """
from berthwatch.models.registry import WEIGHTS, load_detector
load_detector(WEIGHTS / "berthwatch-n.safetensors", device="cpu", threads=1)
from ultralytics import utils
print(utils.AUTOINSTALL, utils.ONLINE, utils.VERBOSE)
"""
    untold = {name: value for name, value in os.environ.items() if not name.startswith("YOLO_")}

    told = subprocess.run([sys.executable, "-c", program], env=untold, capture_output=True, text=True)

    assert told.stdout.split() == ["False"] * 3, told.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_cuda_gives_the_ships_of_the_cpu():
    tiles = np.stack([painted_tile(seed) for seed in range(5)])
    on_gpu = load_detector("berthwatch-n", device="cuda", score_threshold=0.05)
    assert "CUDA" in on_gpu.description
    on_cpu = load_detector("berthwatch-n", device="cpu", score_threshold=0.05)
    for gpu, cpu in zip(on_gpu.detect(tiles), on_cpu.detect(tiles), strict=True):
        assert_same_ships(gpu, cpu, threshold=0.05)
    assert [len(boxes) for boxes in on_gpu.detect(tiles[:2])] == [len(boxes) for boxes in on_gpu.detect(tiles)[:2]]


class Harmful:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def test_a_checkpoint_is_not_unpickled_unless_trusted(tmp_path):
    path, marker = tmp_path / "model.pt", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Harmful(marker)))
    with pytest.raises(BerthwatchError, match=r"model\.pt: a \.pt checkpoint is a pickle"):
        load_detector(path)
    assert not marker.exists()


def test_a_trusted_checkpoint_runs_at_the_scenes_own_gsd(checkpoint):
    detector = load_detector(checkpoint, device="cpu", trust_pickle=True, score_threshold=0.3)
    assert detector.metadata.classes == CLASSES
    assert detector.metadata.tile_px == TILE_PX
    assert detector.metadata.working_gsd_m(0.37) == 0.37
    assert len(detector.detect(small_tile()[None])[0]) > 0


@pytest.mark.parametrize("content", [{"model": torch.nn.Linear(1, 1)}, {"weights": 1}, [1, 2]])
def test_another_kind_of_checkpoint_says_so(tmp_path, content):
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(BerthwatchError, match=r"other\.pt: (holds a Linear|not an Ultralytics checkpoint)"):
        load_detector(path, device="cpu", trust_pickle=True)


def rewritten(exported, tmp_path, *, entries=None, tensors=None):
    """The exported safetensors file with other metadata entries or tensors."""
    from berthwatch.models.metadata import safetensors_entries

    path = tmp_path / "changed.safetensors"
    old = safetensors_entries(exported.safetensors)
    save_file(load_file(exported.safetensors) | (tensors or {}), path, metadata=old | (entries or {}))
    return path


def test_damaged_tensors_are_seen_by_their_hash(exported, tmp_path):
    path = rewritten(exported, tmp_path, tensors={"model.0.conv.bias": torch.zeros(16)})
    with pytest.raises(BerthwatchError, match="weights_sha256 does not fit"):
        load_detector(path, device="cpu")


def test_a_truncated_file_says_so(exported, tmp_path):
    path = tmp_path / "short.safetensors"
    path.write_bytes(exported.safetensors.read_bytes()[:-1000])
    with pytest.raises(BerthwatchError, match=r"short\.safetensors: not a model file"):
        load_detector(path, device="cpu")


def architecture(exported):
    from berthwatch.models.metadata import safetensors_entries

    return json.loads(safetensors_entries(exported.safetensors)[ARCHITECTURE_KEY])


def test_an_architecture_with_code_in_it_is_refused_and_not_run(exported, tmp_path):
    marker = tmp_path / "executed"
    harmful = architecture(exported) | {"activation": f"open({str(marker)!r}, 'w')"}
    path = rewritten(exported, tmp_path, entries={ARCHITECTURE_KEY: json.dumps(harmful)})
    with pytest.raises(BerthwatchError, match="field 'activation' is not allowed"):
        load_detector(path, device="cpu")
    assert not marker.exists()


@pytest.mark.parametrize("layer", ["torchvision.ops.MLP", "load_checkpoint", "nn.ReLU", "TorchVision"])
def test_layers_outside_those_of_yolo_are_refused(exported, layer):
    described = architecture(exported)
    described["backbone"][0][2] = layer
    with pytest.raises(BerthwatchError, match=f"layer '{layer}' is not allowed"):
        build_network(described, 4)


def test_tensors_that_do_not_fit_the_layers_say_so(exported, tmp_path):
    described = architecture(exported) | {"scale": "s"}
    path = rewritten(exported, tmp_path, entries={ARCHITECTURE_KEY: json.dumps(described)})
    with pytest.raises(BerthwatchError, match="its tensors do not fit its layers"):
        load_detector(path, device="cpu")
