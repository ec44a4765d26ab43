"""One thread's way through the GPU: pinned memory in, a CUDA graph, the best anchors out, on a stream of its own."""

from __future__ import annotations

import copy
import logging
import threading
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.nn.tasks import OBBModel

from .network import head_of

log = logging.getLogger(__name__)

# Anchors of a tile that come back: a tile packed with 40 m ships at 3 m shows about 500, each by a few anchors. Tiles
# with more above the threshold go through again, and all of theirs come back.
MOST_ANCHORS = 2048

# Graphs are captured one at a time: what other threads launch meanwhile is no part of them.
_capturing = threading.Lock()


def halved(network: OBBModel) -> OBBModel:
    """The network, changed to half precision and channels-last, but for the last step of `raw_output`."""
    cast(Any, network.half()).to(memory_format=torch.channels_last)
    head = head_of(network)
    head.dfl.float()
    # A head in training hands out what its branches say, and spares a decoding in half precision.
    head.training = True
    return network


def raw_output(network: OBBModel, tiles: torch.Tensor) -> torch.Tensor:
    """The raw layout of `decode.py`, float32 (b, 4 + n_classes + 1, anchors), of uint8 (b, h, w, 3) tiles.

    What turns distances from anchors into pixel coordinates runs in float32, whatever the network's own precision.
    """
    images = tiles.permute(0, 3, 1, 2)  # a view of NHWC bytes: channels-last as it is
    images = images.to(next(network.parameters()).dtype) / 255
    said = network(images)
    branches = said if isinstance(said, dict) else said[1]
    exact = {name: branches[name].float() for name in ("boxes", "scores", "angle")}
    return head_of(network)._inference({**exact, "feats": branches["feats"]})


def best_anchors(raw: torch.Tensor, threshold: float, most: int = MOST_ANCHORS) -> tuple[torch.Tensor, torch.Tensor]:
    """The best anchors of each tile, and how many there are above the threshold; nothing here waits for the GPU.

    Args:
        raw: (b, 4 + n_classes + 1, anchors).
        threshold: lowest score, the sum of an anchor's class scores, as `decode.ship_scores`.
        most: how many anchors of a tile to return.

    Returns:
        (b, min(most, anchors), 4 + n_classes + 1), the best first; (b,) counts, which may be larger than `most`.
    """
    scores = raw[:, 4:-1].sum(dim=1).nan_to_num(0.0)  # topk takes not-a-numbers for the best
    best = scores.topk(min(most, scores.shape[1]), dim=1).indices
    rows = raw.gather(2, best[:, None].expand(-1, raw.shape[1], -1)).transpose(1, 2)
    return rows.contiguous(), (scores >= threshold).sum(dim=1)


class CudaLane:
    """Runs batches of up to a fixed number of tiles, one call at a time. Two lanes are a ring of two buffers.

    Attributes:
        batch: most tiles a call. Smaller batches are filled up with what was there, so that the graph fits every one.
    """

    def __init__(self, network: OBBModel, shape: tuple[int, ...], threshold: float) -> None:
        """`network`: on the GPU, copied. `shape`: of the largest batch, (batch, tile_px, tile_px, 3)."""
        self.batch = shape[0]
        self._threshold = threshold
        self._stream = torch.cuda.Stream()
        self._stream.wait_stream(torch.cuda.current_stream())  # on which the network came
        self._done = torch.cuda.Event(blocking=True)  # a thread that waits by spinning would take a core from reading
        self._given = torch.zeros(shape, dtype=torch.uint8, pin_memory=True)
        with torch.inference_mode(), _capturing, torch.cuda.stream(self._stream):
            # One of its own: Ultralytics' head keeps the anchors of the last batch, and the graph reads them where
            # they lie.
            self._network = copy.deepcopy(network)
            self._tiles = self._given.to(next(network.parameters()).device, non_blocking=True)
            for _ in range(3):  # libraries choose their kernels and take their workspace before the capture
                self._rows, self._counts = self._forward()
            self._stream.synchronize()
            self._graph = self._captured()
        self._rows_back = torch.empty(self._rows.shape, dtype=self._rows.dtype, pin_memory=True)
        self._counts_back = torch.empty(self._counts.shape, dtype=self._counts.dtype, pin_memory=True)

    @torch.inference_mode()
    def best(self, tiles: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As `best_anchors`, for (b, tile_px, tile_px, 3) tiles, b <= batch; the next call overwrites what it returns.

        Raises:
            RuntimeError: of torch, where CUDA fails.
        """
        with torch.cuda.stream(self._stream):
            self._take(tiles)
            if self._graph:
                self._graph.replay()
            else:
                self._rows, self._counts = self._forward()
            self._rows_back.copy_(self._rows, non_blocking=True)
            self._counts_back.copy_(self._counts, non_blocking=True)
            self._done.record()
        self._done.synchronize()
        return self._rows_back.numpy()[: len(tiles)], self._counts_back.numpy()[: len(tiles)]

    @torch.inference_mode()
    def raw(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As `raw_output`, all anchors; arguments and errors as `best`."""
        with torch.cuda.stream(self._stream):
            self._take(tiles)
            return raw_output(self._network, self._tiles)[: len(tiles)].cpu().numpy()

    def _take(self, tiles: NDArray[np.uint8]) -> None:
        self._given.numpy()[: len(tiles)] = tiles
        self._tiles.copy_(self._given, non_blocking=True)

    def _forward(self) -> tuple[torch.Tensor, torch.Tensor]:
        return best_anchors(raw_output(self._network, self._tiles), self._threshold)

    def _captured(self) -> torch.cuda.CUDAGraph | None:
        graph = torch.cuda.CUDAGraph()
        try:
            # Calls of the other lane, in another thread, must not spoil the capture.
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                captured = self._forward()
        except RuntimeError as error:
            log.warning("the network runs without a CUDA graph, slower by its launches: %s", str(error).splitlines()[0])
            return None
        self._rows, self._counts = captured
        return graph
