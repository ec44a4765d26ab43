"""Detection with torch: the way for CUDA, and the reference that the ONNX files are checked against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.nn.tasks import OBBModel

from ..errors import BerthwatchError
from .boxes import Boxes
from .cores import granted_cores
from .cuda_lane import CudaLane, halved, raw_output
from .decode import Decoder, anchor_threshold
from .detector import check_tiles
from .devices import torch_cuda_fault
from .metadata import ModelMetadata
from .network import deployed, load_network
from .tile_workers import TileWorkers


class TorchDetector:
    """A `ConcurrentDetector` that runs an Ultralytics OBB network with raw output.

    On CUDA each of two calls at once has a way of its own (`cuda_lane.py`), kept for the calls after them: while one
    batch is copied in or its ships are merged, the GPU works on the other. Tiles cross the bus as uint8 and become
    half-precision, channels-last images on the GPU; the network's last step, which turns distances into pixel
    coordinates, runs in float32 because float16 steps by half a pixel above 512; only the best anchors come back. On
    the CPU it is float32, a tile a core.

    Args:
        network: with one head and raw output, as `network.load_network` and `checkpoint.load_checkpoint` give it; it
            stays as it is.
        metadata: its card.
        device: "cpu" or "cuda".
        score_threshold: lowest score kept; None takes the model's recommendation.
        threads: CPU threads; None takes the cores that this process is granted.

    Raises:
        BerthwatchError: CUDA is asked for and torch cannot use it.
    """

    calls_at_once = 2
    saturated_tiles = 0  # raw output has no limit

    def __init__(
        self,
        network: OBBModel,
        metadata: ModelMetadata,
        *,
        device: Literal["cpu", "cuda"] = "cpu",
        score_threshold: float | None = None,
        threads: int | None = None,
    ) -> None:
        if device == "cuda" and (fault := torch_cuda_fault()):
            raise BerthwatchError(f"device cuda: {fault}; or choose device cpu")
        self.metadata = metadata
        self._decoder = Decoder.of(metadata, score_threshold)
        self._free_lanes: list[CudaLane] = []
        if device == "cuda":
            self._workers = None
            self._network = halved(deployed(network)).to("cuda")
            self.description = f"torch {torch.__version__}, CUDA, {torch.cuda.get_device_name()}"
        else:
            threads = granted_cores() if threads is None else threads
            self._workers = TileWorkers(threads)
            torch.set_num_threads(self._workers.threads_each)
            self._network = deployed(network).float()
            self.description = f"torch {torch.__version__}, CPU, {threads} thread{'s' if threads > 1 else ''}"

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        device: Literal["cpu", "cuda"] = "cpu",
        score_threshold: float | None = None,
        threads: int | None = None,
    ) -> TorchDetector:
        """The detector in a safetensors file. Raises BerthwatchError for any other file."""
        network, metadata = load_network(path)
        return cls(network, metadata, device=device, score_threshold=score_threshold, threads=threads)

    def raw_output(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's raw output for (b, tile_px, tile_px, 3) tiles, b >= 1: see `decode.py`."""
        check_tiles(tiles, self.metadata.tile_px)
        if self._workers:
            return np.concatenate(self._workers.map(self._raw, tiles))
        with self._lane(tiles) as lane:
            return lane.raw(tiles)

    def detect(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        """See `Detector.detect`."""
        check_tiles(tiles, self.metadata.tile_px)
        if len(tiles) == 0:
            return []
        if self._workers is None:
            return self._detect_on_gpu(tiles)
        return self._decoder.boxes([rows for (rows,) in self._workers.map(self._sifted, tiles)])

    def _sifted(self, tiles: NDArray[np.uint8]) -> list[NDArray[np.floating]]:
        return self._decoder.sift(self._raw(tiles))

    def _detect_on_gpu(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        with self._lane(tiles) as lane:
            rows, counts = lane.best(tiles)
            if counts.max() > rows.shape[1]:  # more than come back: a tile full of ships, or a threshold near zero
                return self._decoder.boxes(self._decoder.sift(lane.raw(tiles)))
            return self._decoder.boxes([of_tile[:count] for of_tile, count in zip(rows, counts, strict=True)])

    @contextmanager
    def _lane(self, tiles: NDArray[np.uint8]) -> Iterator[CudaLane]:
        """A lane for these tiles that no other call uses meanwhile, made where none is free."""
        try:
            lane = self._free_lanes.pop()
        except IndexError:
            lane = None
        if lane is not None and lane.batch < len(tiles):
            lane = None  # its memory goes to the larger one
        try:
            lane = lane or CudaLane(self._network, tiles.shape, anchor_threshold(self._decoder.threshold))
            yield lane
        except torch.cuda.OutOfMemoryError:
            raise BerthwatchError(
                f"device cuda: a batch of {len(tiles)} tiles takes more memory than the GPU has free; choose a smaller "
                "--batch, or end what else runs there"
            ) from None
        self._free_lanes.append(lane)

    @torch.inference_mode()
    def _raw(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(b, 4 + n_classes + 1, anchors), on the CPU."""
        return raw_output(self._network, torch.from_numpy(np.ascontiguousarray(tiles))).numpy()
