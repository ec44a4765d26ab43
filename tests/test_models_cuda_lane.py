"""What runs on the GPU, as far as it can be run without one: its numbers on the CPU, in half precision too."""

import numpy as np
import pytest
from models_cases import assert_same_ships, painted_tile

from berthwatch.models.decode import anchor_threshold, boxes_by_tile, decode
from berthwatch.models.devices import nvidia_gpus
from berthwatch.models.registry import WEIGHTS, load_detector

torch = pytest.importorskip("torch", reason="torch is not installed (extra: cuda)")
tasks = pytest.importorskip("ultralytics.nn.tasks", reason="ultralytics is not installed (extra: cuda)")

from berthwatch.models.cuda_lane import best_anchors, halved, raw_output  # noqa: E402
from berthwatch.models.network import load_network  # noqa: E402
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


def test_threads_change_no_bit_of_torch_on_the_cpu():
    path, tiles = WEIGHTS / "berthwatch-n.safetensors", np.stack([painted_tile(0), painted_tile(1)])
    one, two = (TorchDetector.from_file(path, threads=threads) for threads in (1, 2))

    np.testing.assert_array_equal(one.raw_output(tiles), two.raw_output(tiles))


@needs_gpu
def test_on_a_gpu_both_lanes_and_short_batches_give_the_ships_of_the_cpu():
    from concurrent.futures import ThreadPoolExecutor

    tiles = np.stack([painted_tile(seed) for seed in range(8)])
    on_gpu = load_detector("berthwatch-n", device="cuda", backend="torch", score_threshold=0.05)
    reference = load_detector("berthwatch-n", device="cpu", score_threshold=0.05).detect(tiles)
    batches = [slice(0, 3), slice(0, 8), slice(2, 5), slice(4, 8), slice(0, 8), slice(7, 8)]
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
