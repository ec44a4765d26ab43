"""The shipped model on ONNX Runtime, and what loading says when it cannot."""

import logging
import shutil

import numpy as np
import onnxruntime
import pytest
from models_cases import painted_tile, real_tile, sea_tile

from berthwatch.errors import BerthwatchError
from berthwatch.models import onnx_backend, registry
from berthwatch.models.registry import load_detector, shipped_models
from berthwatch.models.tile_workers import TileWorkers

HAS_GPU = registry.nvidia_gpus() > 0
LOW = 0.01  # below any threshold in use: enough boxes on any picture to compare runs by


@pytest.fixture(scope="module")
def detector():
    return load_detector("berthwatch-n", device="cpu", threads=1, score_threshold=LOW)


@pytest.fixture(scope="module")
def tiles():
    return np.stack([painted_tile(0), sea_tile(), painted_tile(1), painted_tile(2)])


def assert_identical(a, b):
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.xywha, other.xywha)
        np.testing.assert_array_equal(one.scores, other.scores)


def test_the_shipped_models_have_cards_and_files():
    models = shipped_models()
    assert "berthwatch-n" in models
    assert "tanker" in models["berthwatch-n"].classes
    assert len(models["berthwatch-n"].weights_sha256) == 64


def test_the_onnx_file_and_the_safetensors_file_hold_the_same_card(detector):
    assert detector.metadata == shipped_models()["berthwatch-n"]


def test_the_description_names_runtime_device_and_threads(detector):
    assert detector.description == f"ONNX Runtime {onnxruntime.__version__}, CPU, 1 thread"


def test_no_tiles_give_no_boxes(detector):
    assert detector.detect(np.zeros((0, 640, 640, 3), np.uint8)) == []


def test_a_tile_without_ships_gives_an_empty_box_list():
    (boxes,) = load_detector("berthwatch-n", device="cpu", threads=1).detect(sea_tile()[None])
    assert len(boxes) == 0
    assert boxes.class_scores is not None


def test_boxes_carry_every_class_score_and_the_best_is_their_own(detector, tiles):
    boxes = detector.detect(tiles[:1])[0]
    assert len(boxes) > 0
    assert boxes.class_scores.shape == (len(boxes), len(detector.metadata.classes))
    np.testing.assert_array_equal(boxes.class_scores.argmax(axis=1), boxes.class_ids)
    np.testing.assert_allclose(np.minimum(boxes.class_scores.sum(axis=1), 1), boxes.scores)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_any_batch_size_gives_the_same_boxes(detector, tiles, batch):
    parts = [detector.detect(tiles[start : start + batch]) for start in range(0, len(tiles), batch)]
    assert_identical(detector.detect(tiles), [boxes for part in parts for boxes in part])


def test_two_threads_give_the_boxes_of_one(detector, tiles):
    two = load_detector("berthwatch-n", device="cpu", threads=2, score_threshold=LOW)
    assert "2 threads" in two.description
    assert_identical(detector.detect(tiles), two.detect(tiles))


def test_tiles_may_be_views_into_a_larger_picture(detector):
    picture = np.zeros((700, 700, 3), np.uint8)
    picture[30:670, 40:680] = painted_tile()
    view = picture[None, 30:670, 40:680]
    assert_identical(detector.detect(view), detector.detect(painted_tile()[None]))


def test_a_higher_threshold_keeps_the_better_boxes(detector, tiles):
    all_boxes = detector.detect(tiles[:1])[0]
    middle = float(np.median(all_boxes.scores))
    (kept,) = load_detector("berthwatch-n", device="cpu", threads=1, score_threshold=middle).detect(tiles[:1])
    np.testing.assert_array_equal(kept.xywha, all_boxes.select(all_boxes.scores >= middle).xywha)


def test_ships_are_found_on_a_real_scene(real_data):
    (boxes,) = load_detector("berthwatch-n", device="cpu").detect(real_tile(real_data)[None])
    # A tanker of about 200 m lies at anchor at (405, 399) of this tile.
    tanker = np.hypot(boxes.xywha[:, 0] - 405, boxes.xywha[:, 1] - 399) < 10
    assert tanker.sum() == 1
    assert boxes.xywha[tanker, 2] == pytest.approx(69, rel=0.15)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((1, 320, 320, 3), np.uint8), np.zeros((1, 3, 640, 640), np.uint8), np.zeros((1, 640, 640, 3))],
    ids=["size", "layout", "dtype"],
)
def test_tiles_of_another_shape_or_dtype_are_refused(detector, wrong):
    with pytest.raises(ValueError, match=r"uint8 \(b, 640, 640, 3\)"):
        detector.detect(wrong)


def test_an_unknown_model_lists_the_known_and_the_nearest():
    with pytest.raises(BerthwatchError, match=r"'berthwatch-m': unknown; did you mean 'berthwatch-n'\?.*berthwatch-n"):
        load_detector("berthwatch-m")


@pytest.mark.parametrize("name", ["absent.onnx", "absent.safetensors", "absent.pt"])
def test_a_missing_file_says_so(tmp_path, name):
    with pytest.raises(BerthwatchError, match="no such model file"):
        load_detector(tmp_path / name)


def test_a_file_that_is_no_model_says_so(tmp_path):
    path = tmp_path / "picture.onnx"
    path.write_bytes(b"GIF89a" * 20)
    with pytest.raises(BerthwatchError, match=r"picture\.onnx: ONNX Runtime cannot load it"):
        load_detector(path, device="cpu")


def test_an_onnx_file_without_our_card_says_so(tmp_path):
    onnx = pytest.importorskip("onnx")
    values = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "relu", [values], [result])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "relu.onnx")
    with pytest.raises(BerthwatchError, match=r"relu\.onnx: has no 'berthwatch' metadata"):
        load_detector(tmp_path / "relu.onnx", device="cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "device 'gpu': choose auto, cuda or cpu"),
        ({"score_threshold": 1.2}, "score threshold 1.2"),
        ({"threads": 0}, "threads 0"),
    ],
)
def test_wrong_options_say_what_is_right(options, message):
    with pytest.raises(BerthwatchError, match=message):
        load_detector("berthwatch-n", **options)


@pytest.mark.skipif(HAS_GPU, reason="this machine has an NVIDIA GPU")
def test_without_a_gpu_auto_is_the_cpu_and_cuda_an_error(caplog):
    with caplog.at_level(logging.INFO):
        detector = load_detector("berthwatch-n", device="auto")
    assert ", CPU, " in detector.description
    assert detector.description in caplog.text
    with pytest.raises(BerthwatchError, match="device cuda: no NVIDIA GPU"):
        load_detector("berthwatch-n", device="cuda")


@pytest.fixture
def gpu_without_runtime(monkeypatch):
    """A machine with an NVIDIA GPU, but neither torch with CUDA nor onnxruntime-gpu."""
    monkeypatch.setattr(registry, "nvidia_gpus", lambda: 1)
    monkeypatch.setattr(registry, "torch_has_cuda", lambda: False)
    for module in (registry, onnx_backend):
        monkeypatch.setattr(module, "torch_cuda_fault", lambda: "torch not installed; install berthwatch[cuda]")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("backend", "why"),
    [("auto", "torch not installed; install berthwatch[cuda]"), ("onnxruntime", "onnxruntime-gpu not installed")],
)
def test_a_gpu_that_no_runtime_can_use_is_said_to_lie_idle(gpu_without_runtime, backend, why):
    detector = load_detector("berthwatch-n", device="auto", backend=backend, threads=1)
    assert f"CPU, 1 thread (an NVIDIA GPU is here but unused: {why})" in detector.description


def test_cuda_without_a_runtime_is_an_error_that_says_what_to_install(gpu_without_runtime):
    with pytest.raises(BerthwatchError, match=r"device cuda: .*install berthwatch\[cuda\]"):
        load_detector("berthwatch-n", device="cuda")


@pytest.mark.skipif(HAS_GPU, reason="this machine has an NVIDIA GPU")
def test_a_cuda_provider_that_does_not_start_is_an_error_and_no_silent_cpu(monkeypatch):
    # As onnxruntime-gpu behaves without its CUDA libraries: it offers the provider, and the session lacks it.
    monkeypatch.setattr(registry, "nvidia_gpus", lambda: 1)
    monkeypatch.setattr(registry, "torch_has_cuda", lambda: False)
    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    with pytest.raises(BerthwatchError, match="could not start its CUDA provider"):
        load_detector("berthwatch-n", device="cuda")


def test_an_onnx_file_where_torch_alone_has_cuda_says_which_file_torch_runs(gpu_without_runtime, monkeypatch):
    monkeypatch.setattr(onnx_backend, "torch_cuda_fault", lambda: "")
    with pytest.raises(
        BerthwatchError, match=r"would need onnxruntime-gpu\[cuda,cudnn\] .*choose its \.safetensors file"
    ):
        load_detector("berthwatch-n", device="cuda", backend="onnxruntime")


def test_a_run_that_fails_on_cuda_is_an_error_and_no_silent_cpu(tiles):
    def full(*_):
        raise RuntimeError("Failed to allocate memory for requested buffer of size 1677721600\nmore")

    detector = onnx_backend.OnnxDetector(registry.WEIGHTS / "berthwatch-n.onnx", threads=1)
    assert not detector._session._enable_fallback
    detector.device, detector._workers, detector._session.run = "cuda", None, full
    with pytest.raises(BerthwatchError, match=r"batch of 4 tiles \(Failed to allocate .*size \d+\); .*--batch"):
        detector.detect(tiles)


def test_two_builds_of_onnx_runtime_that_hide_each_other_are_named(monkeypatch):
    monkeypatch.setattr(onnx_backend, "_is_installed", lambda name: True)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(BerthwatchError, match=r"both installed and hide each other; uninstall both and install"):
        onnx_backend.require_cuda_provider()


def test_idle_threads_of_the_session_do_not_spin():
    """They would take the cores that decode the next tiles."""
    session = onnx_backend.open_session(registry.WEIGHTS / "berthwatch-n.onnx", device="cpu", threads=2)
    options = session.get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)


@pytest.mark.parametrize(
    ("threads", "workers", "each"), [(1, 1, 1), (2, 2, 1), (8, 8, 1), (9, 4, 2), (12, 6, 2), (32, 8, 4)]
)
def test_every_core_has_a_tile_until_there_are_too_many_to_hold_one_each(threads, workers, each):
    shared_out = TileWorkers(threads)
    assert (shared_out.count, shared_out.threads_each) == (workers, each)


@pytest.mark.skipif(not HAS_GPU or not registry.has_cuda_provider(), reason="needs a GPU and onnxruntime-gpu")
def test_onnxruntime_on_cuda_gives_the_boxes_of_the_cpu(detector, tiles, tmp_path):
    from models_cases import assert_same_ships

    file = shutil.copy(registry.WEIGHTS / "berthwatch-n.onnx", tmp_path)
    on_gpu = load_detector(file, device="cuda", score_threshold=LOW)
    assert "CUDA" in on_gpu.description
    for a, b in zip(on_gpu.detect(tiles), detector.detect(tiles), strict=True):
        assert_same_ships(a, b, threshold=LOW)
