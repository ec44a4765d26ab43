"""Detection with torch: the way for CUDA, and the reference that the ONNX files are checked against."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.nn.tasks import OBBModel

from ..errors import BerthwatchError
from .boxes import Boxes
from .cores import granted_cores
from .decode import boxes_by_tile
from .detector import check_tiles
from .metadata import ModelMetadata
from .network import head_of, load_network


class TorchDetector:
    """A `Detector` that runs an Ultralytics OBB network with raw output.

    On CUDA the tiles cross the bus as uint8 from pinned memory and become half-precision, channels-last images on the
    GPU; the network's last step, which turns distances into pixel coordinates, runs in float32 because float16 steps by
    half a pixel above 512; only anchors above the threshold come back. On the CPU it is float32, a tile at a time.

    Args:
        network: with one head and raw output, as `network.load_network` and `checkpoint.load_checkpoint` give it.
        metadata: its card.
        device: "cpu" or "cuda".
        score_threshold: lowest score kept; None takes the model's recommendation.
        threads: CPU threads, of the whole process; None takes the cores that this process is granted.

    Raises:
        BerthwatchError: CUDA is asked for and torch cannot use it.
    """

    def __init__(
        self,
        network: OBBModel,
        metadata: ModelMetadata,
        *,
        device: Literal["cpu", "cuda"] = "cpu",
        score_threshold: float | None = None,
        threads: int | None = None,
    ) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise BerthwatchError(
                f"device cuda: torch {torch.__version__} finds no usable NVIDIA GPU; check the driver with nvidia-smi, "
                "or choose device cpu"
            )
        self.metadata = metadata
        self.saturated_tiles = 0  # raw output has no limit
        self._threshold = metadata.lowest_score_threshold if score_threshold is None else score_threshold
        self._device = torch.device(device)
        self._staging = torch.empty(0, dtype=torch.uint8)
        if device == "cuda":
            self._network = cast(Any, network.half()).to(self._device, memory_format=torch.channels_last)
            self.description = f"torch {torch.__version__}, CUDA, {torch.cuda.get_device_name()}"
        else:
            threads = granted_cores() if threads is None else threads
            torch.set_num_threads(threads)
            self._network = network.float()
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
        return np.concatenate([self._raw(part).cpu().numpy() for part in self._parts(tiles)])

    def detect(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        """See `Detector.detect`."""
        check_tiles(tiles, self.metadata.tile_px)
        return [boxes for part in self._parts(tiles) for boxes in self._detect(part)]

    def _parts(self, tiles: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Tiles as they go through together: all on CUDA, one by one on the CPU; see `OnnxDetector`."""
        if len(tiles) and self._device.type == "cuda":
            return [tiles]
        return [tiles[index : index + 1] for index in range(len(tiles))]

    def _detect(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        raw = self._raw(tiles)
        tile, anchor = torch.nonzero(raw[:, 4:-1].sum(dim=1) >= self._threshold, as_tuple=True)  # as `ship_scores`
        rows = raw[tile, :, anchor]
        return boxes_by_tile(rows.cpu().numpy(), tile.cpu().numpy(), len(tiles))

    @torch.inference_mode()
    def _raw(self, tiles: NDArray[np.uint8]) -> torch.Tensor:
        """float32 (b, 4 + n_classes + 1, anchors) on the device."""
        images = self._on_device(tiles).permute(0, 3, 1, 2)  # a view of NHWC bytes: channels-last as it is
        images = images.to(next(self._network.parameters()).dtype) / 255
        _, branches = self._network(images)
        exact = {name: branches[name].float() for name in ("boxes", "scores", "angle")}
        return head_of(self._network)._inference({**exact, "feats": branches["feats"]})

    def _on_device(self, tiles: NDArray[np.uint8]) -> torch.Tensor:
        if self._device.type == "cpu":
            return torch.from_numpy(np.ascontiguousarray(tiles))
        if len(self._staging) < len(tiles):
            self._staging = torch.empty(tiles.shape, dtype=torch.uint8, pin_memory=True)
        staged = self._staging[: len(tiles)]
        staged.numpy()[:] = tiles
        return staged.to(self._device, non_blocking=True)
