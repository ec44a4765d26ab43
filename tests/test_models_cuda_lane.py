"""What runs on the GPU, as far as it can be run without one: its numbers on the CPU, its tensors on a pretended GPU."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from models_cases import assert_same_ships, painted_tile

from berthwatch.errors import BerthwatchError
from berthwatch.models.decode import anchor_threshold, boxes_by_tile, decode
from berthwatch.models.devices import nvidia_gpus, torch_cuda_fault, torch_has_cuda
from berthwatch.models.registry import WEIGHTS, load_detector

torch = pytest.importorskip("torch", reason="torch is not installed (extra: cuda)")
tasks = pytest.importorskip("ultralytics.nn.tasks", reason="ultralytics is not installed (extra: cuda)")

from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from berthwatch.models import torch_backend  # noqa: E402
from berthwatch.models.cuda_lane import best_anchors, halved, raw_output  # noqa: E402
from berthwatch.models.network import deployed, head_of, load_network  # noqa: E402
from berthwatch.models.torch_backend import TorchDetector  # noqa: E402

needs_gpu = pytest.mark.skipif(nvidia_gpus() == 0, reason="this machine has no NVIDIA GPU")


def random_raw(n_tiles=3, anchors=400, seed=0):
    """Raw output (n_tiles, 9, anchors) with few ships among many anchors, and a tile without any."""
    rng = np.random.default_rng(seed)
    raw = np.concatenate(
        [
            rng.uniform(20, 620, (n_tiles, 2, anchors)),
            rng.uniform(8, 60, (n_tiles, 2, anchors)),
            rng.uniform(0, 1, (n_tiles, 4, anchors)) ** 12,
            rng.uniform(-3, 3, (n_tiles, 1, anchors)),
        ],
        axis=1,
    ).astype(np.float32)
    raw[1, 4:-1] = 0.001
    return raw


@pytest.mark.parametrize("most", [200, 400, 5000])
def test_the_best_anchors_are_all_that_count(most):
    raw = random_raw()
    rows, counts = (part.numpy() for part in best_anchors(torch.from_numpy(raw), anchor_threshold(0.3), most))

    assert rows.shape == (3, min(most, 400), 9)
    assert counts[0] > 50
    assert counts[1] == 0
    best = [of_tile[:count] for of_tile, count in zip(rows, counts, strict=True)]
    expected, _ = decode(raw, "raw", n_classes=4, threshold=0.3)
    for ours, theirs in zip(boxes_by_tile(best, "raw", threshold=0.3), expected, strict=True):
        np.testing.assert_array_equal(ours.xywha, theirs.xywha)
        np.testing.assert_array_equal(ours.class_scores, theirs.class_scores)


def test_a_tile_with_more_ships_than_come_back_is_seen_by_its_count():
    rows, counts = best_anchors(torch.from_numpy(random_raw()), 0.3, 10)

    assert rows.shape[1] == 10
    assert counts.max() > 10


def test_an_anchor_that_is_no_number_takes_no_ships_place():
    raw = random_raw()
    raw[0, 4:-1, :20] = np.nan
    rows, counts = best_anchors(torch.from_numpy(raw), 0.3)

    assert np.isfinite(rows[0, : int(counts[0])].numpy()).all()


def test_in_half_precision_the_shipped_network_finds_the_ships_of_the_onnx_file():
    network, card = load_network(WEIGHTS / "berthwatch-n.safetensors")
    tile = painted_tile()[None]
    with torch.inference_mode():
        raw = raw_output(halved(network), torch.from_numpy(tile)).numpy()
    (ours,), _ = decode(raw, "raw", n_classes=len(card.classes), threshold=0.05)
    (reference,) = load_detector("berthwatch-n", device="cpu", threads=1, score_threshold=0.05).detect(tile)

    assert raw.dtype == np.float32
    assert len(reference) > 0
    assert_same_ships(ours, reference, threshold=0.05)


def test_networks_whose_distances_are_distributions_run_in_half_precision():
    """YOLO11 says distances as distributions, which a layer of the last step, in float32, averages."""
    torch.manual_seed(0)
    network = tasks.OBBModel("yolo11n-obb.yaml", nc=4, verbose=False).eval().fuse(verbose=False)
    tiles = torch.from_numpy(np.ascontiguousarray(painted_tile()[None, :128, :128]))
    with torch.inference_mode():
        exact = raw_output(network, tiles)
        half = raw_output(halved(network), tiles)

    assert half.dtype == torch.float32
    assert half.shape == exact.shape == (1, 9, 16 * 16 + 8 * 8 + 4 * 4)
    np.testing.assert_allclose(half[:, :4], exact[:, :4], atol=1.0)


class Launches(TorchDispatchMode):
    """Notes each operation by name, with the devices of its tensors."""

    def __init__(self):
        super().__init__()
        self.devices_of = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in torch.utils._pytree.tree_leaves((args, kwargs, result)) if torch.is_tensor(leaf)]
        self.devices_of.setdefault(str(func), set()).update(tensor.device.type for tensor in tensors)
        return result


def on_pretended_gpu(network, mode):
    """The network, its tensors replaced by ones without values on a GPU that is not there."""

    def moved(tensor):
        with mode:
            return mode.from_tensor(tensor).to("cuda")

    with torch.inference_mode():
        for module in network.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    module._parameters[name] = torch.nn.Parameter(moved(parameter.data), requires_grad=False)
            for name, buffer in module._buffers.items():
                module._buffers[name] = moved(buffer)
        head = head_of(network)
        head.stride, head.anchors, head.strides = moved(head.stride), moved(head.anchors), moved(head.strides)
    return network


def shipped_network():
    return deployed(load_network(WEIGHTS / "berthwatch-n.safetensors")[0])


def yolo11_network():
    return tasks.OBBModel("yolo11n-obb.yaml", nc=4, verbose=False).eval().fuse(verbose=False)


@pytest.mark.parametrize("network", [shipped_network, yolo11_network])
def test_after_the_warm_up_nothing_leaves_the_gpu_or_waits_for_it(network):
    """Else no CUDA graph could be captured. Tensors without values raise where the host asks for one."""
    network, shape = halved(network()), (2, 128, 128, 3)
    with torch.inference_mode():  # the warm-up, on which the head makes its anchors
        best_anchors(raw_output(network, torch.zeros(shape, dtype=torch.uint8)), 0.3)
    mode = FakeTensorMode()
    network = on_pretended_gpu(network, mode)
    with torch.inference_mode(), mode, Launches() as launches:
        rows, counts = best_anchors(raw_output(network, torch.empty(shape, dtype=torch.uint8, device="cuda")), 0.3)

    anchors = 16 * 16 + 8 * 8 + 4 * 4
    assert (rows.shape, rows.dtype, rows.device.type) == ((2, anchors, 9), torch.float32, "cuda")
    assert (counts.shape, counts.dtype, counts.device.type) == ((2,), torch.int64, "cuda")
    assert {"aten.conv2d.default", "aten.topk.default", "aten.gather.default"} <= set(launches.devices_of)
    assert all(devices <= {"cuda"} for devices in launches.devices_of.values()), launches.devices_of


def test_a_batch_of_another_size_asks_the_host_for_anchors():
    """Why a lane has a network of its own and runs whole batches alone: the test above would see what it must."""
    network = halved(shipped_network())
    with torch.inference_mode():
        raw_output(network, torch.zeros((2, 128, 128, 3), dtype=torch.uint8))
    mode = FakeTensorMode()
    network = on_pretended_gpu(network, mode)
    with torch.inference_mode(), mode, pytest.raises(DataDependentOutputException):
        raw_output(network, torch.empty((3, 128, 128, 3), dtype=torch.uint8, device="cuda"))


@pytest.fixture
def cpu_for_gpu(monkeypatch):
    """The CPU in the place of a GPU whose driver refuses to capture graphs: streams are torch's for CPUs."""

    class Stream(torch.cpu.Stream):
        def synchronize(self):
            pass

    @contextmanager
    def refused(*_, **__):
        raise RuntimeError("operation not permitted when stream is capturing")
        yield

    def unpinned(make):
        return lambda *shape, pin_memory=False, **options: make(*shape, **options)

    def to_nowhere(module, *where, to=tasks.OBBModel.to, **options):
        return module if where == ("cuda",) else to(module, *where, **options)

    for name, stand_in in (
        ("Stream", Stream),
        ("Event", lambda blocking: torch.cpu.Event()),
        ("stream", torch.cpu.stream),
        ("current_stream", torch.cpu.current_stream),
        ("CUDAGraph", object),
        ("graph", refused),
        ("get_device_name", lambda: "a pretended GPU"),
    ):
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr("berthwatch.models.cuda_lane.torch.zeros", unpinned(torch.zeros))
    monkeypatch.setattr("berthwatch.models.cuda_lane.torch.empty", unpinned(torch.empty))
    monkeypatch.setattr(tasks.OBBModel, "to", to_nowhere)
    monkeypatch.setattr(torch_backend, "torch_cuda_fault", lambda: "")


def small_detectors(score_threshold=0.05):
    """The shipped network for tiles of 320 pixels, in half precision by lanes and as it is; and four such tiles."""
    network, card = load_network(WEIGHTS / "berthwatch-n.safetensors")
    card = card.model_copy(update={"tile_px": 320})
    by_lanes, exact = (
        TorchDetector(network, card, device=device, score_threshold=score_threshold, threads=1)
        for device in ("cuda", "cpu")
    )
    tile = painted_tile()
    return by_lanes, exact, np.stack([tile[y : y + 320, x : x + 320] for y in (0, 320) for x in (0, 320)])


def test_lanes_give_the_ships_of_the_cpu_whatever_came_before(cpu_for_gpu, caplog):
    by_lanes, exact, tiles = small_detectors()
    reference = exact.detect(tiles)
    assert "CUDA, a pretended GPU" in by_lanes.description
    for part in (slice(1, 2), slice(0, 4), slice(2, 4), slice(3, 4)):
        for ours, theirs in zip(by_lanes.detect(tiles[part]), reference[part], strict=True):
            assert_same_ships(ours, theirs, threshold=0.05)

    assert "runs without a CUDA graph, slower by its launches: operation not permitted" in caplog.text
    assert by_lanes.raw_output(tiles[1:3]).shape == exact.raw_output(tiles[1:3]).shape


def test_a_lane_is_made_anew_only_for_a_larger_batch(cpu_for_gpu, caplog):
    by_lanes, _, tiles = small_detectors()
    for part in (slice(0, 1), slice(0, 2), slice(0, 1), slice(0, 2)):
        by_lanes.detect(tiles[part])

    assert caplog.text.count("runs without a CUDA graph") == 2


def test_lanes_outlive_the_threads_of_a_scene(cpu_for_gpu, caplog):
    by_lanes, _, tiles = small_detectors()
    for _ in range(3):
        with ThreadPoolExecutor(by_lanes.calls_at_once) as calls:
            list(calls.map(by_lanes.detect, [tiles[:1]] * 3))

    assert 1 <= caplog.text.count("runs without a CUDA graph") <= by_lanes.calls_at_once


def test_a_tile_with_more_anchors_than_come_back_has_them_all_fetched(cpu_for_gpu, monkeypatch):
    by_lanes, exact, tiles = small_detectors()
    monkeypatch.setattr("berthwatch.models.cuda_lane.best_anchors.__defaults__", (1,))
    for ours, theirs in zip(by_lanes.detect(tiles), exact.detect(tiles), strict=True):
        assert_same_ships(ours, theirs, threshold=0.05)


def test_a_batch_too_large_for_the_gpu_is_an_error_that_says_what_to_do(cpu_for_gpu, monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    by_lanes, _, tiles = small_detectors()
    monkeypatch.setattr("berthwatch.models.cuda_lane.raw_output", full)
    with pytest.raises(BerthwatchError, match=r"batch of 4 tiles takes more memory than the GPU has free; .*--batch"):
        by_lanes.detect(tiles)


@pytest.mark.skipif(nvidia_gpus() > 0, reason="this machine has an NVIDIA GPU")
def test_a_gpu_on_which_no_kernel_of_torch_runs_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "13.0")

    assert not torch_has_cuda()
    assert "cannot use the GPU (" in torch_cuda_fault()
    with pytest.raises(BerthwatchError, match=r"device cuda: torch .* cannot use the GPU"):
        TorchDetector.from_file(WEIGHTS / "berthwatch-n.safetensors", device="cuda")


def test_threads_change_no_bit_of_torch_on_the_cpu():
    path, tiles = WEIGHTS / "berthwatch-n.safetensors", np.stack([painted_tile(0), painted_tile(1)])
    one, two = (TorchDetector.from_file(path, threads=threads) for threads in (1, 2))

    np.testing.assert_array_equal(one.raw_output(tiles), two.raw_output(tiles))


@needs_gpu
def test_on_a_gpu_both_lanes_and_short_batches_give_the_ships_of_the_cpu():
    tiles = np.stack([painted_tile(seed) for seed in range(8)])
    on_gpu = load_detector("berthwatch-n", device="cuda", backend="torch", score_threshold=0.05)
    reference = load_detector("berthwatch-n", device="cpu", score_threshold=0.05).detect(tiles)
    batches = [slice(0, 3), slice(0, 8), slice(2, 5), slice(4, 8), slice(0, 8), slice(7, 8)]
    on_gpu.raw_output(tiles[:2])
    with ThreadPoolExecutor(on_gpu.calls_at_once) as calls:
        found = list(calls.map(lambda part: on_gpu.detect(tiles[part]), batches))

    for part, boxes in zip(batches, found, strict=True):
        for ours, theirs in zip(boxes, reference[part], strict=True):
            assert_same_ships(ours, theirs, threshold=0.05)


@needs_gpu
def test_on_a_gpu_a_tile_with_more_anchors_than_come_back_loses_none():
    tiles = painted_tile()[None]
    everything = load_detector("berthwatch-n", device="cuda", backend="torch", score_threshold=1e-6).detect(tiles)
    reference = load_detector("berthwatch-n", device="cpu", score_threshold=0.05).detect(tiles)

    assert len(everything[0]) > len(reference[0])
    for ours, theirs in zip(everything, reference, strict=True):
        assert_same_ships(theirs, ours, threshold=0.05)
