"""Detection with OpenVINO: optional, for processors whose matrix units it uses better than ONNX Runtime does."""

from __future__ import annotations

import importlib
import importlib.util
import threading
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BerthwatchError
from .boxes import Boxes
from .cores import granted_cores
from .decode import Decoder
from .detector import check_tiles
from .metadata import METADATA_KEY, ModelMetadata, metadata_from_entries
from .tile_workers import TileWorkers

Precision = Literal["bf16", "f32"]


def has_openvino() -> bool:
    """Whether OpenVINO is installed; it is not imported to learn it."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoDetector:
    """A `ConcurrentDetector` that runs the same ONNX file with OpenVINO on the CPU.

    Shapes are fixed to single tiles, each core works on a tile of its own (`tile_workers.py`), and convolutions run in
    bfloat16 where the processor has instructions for it, else in float32. What bfloat16 changes is told in
    models/README.md, and `agreement.py` measures it. Results do not depend on the batch or on the number of threads.

    Args:
        path: an ONNX file of ours.
        score_threshold: lowest score kept; None takes the model's recommendation.
        threads: CPU threads; None takes the cores that this process is granted.
        precision: of the convolutions; None takes bfloat16 where the processor has it.

    Attributes:
        precision: of the convolutions.

    Raises:
        BerthwatchError: OpenVINO is not installed, or the file is no such model.
    """

    calls_at_once = 2

    def __init__(
        self,
        path: Path,
        *,
        score_threshold: float | None = None,
        threads: int | None = None,
        precision: Precision | None = None,
    ) -> None:
        if not has_openvino():
            raise BerthwatchError(
                "backend openvino: OpenVINO is not installed; install berthwatch[openvino], or choose backend auto"
            )
        if not path.is_file():
            raise BerthwatchError(f"{path}: no such model file; check the path")
        openvino: Any = importlib.import_module("openvino")  # optional, and types differ between its versions
        threads = granted_cores() if threads is None else threads
        self._workers = TileWorkers(threads)
        core = openvino.Core()
        able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision: Precision = precision or ("bf16" if "BF16" in able else "f32")
        try:
            model = core.read_model(path)
            self.metadata: ModelMetadata = metadata_from_entries(_entries(model), path)
            model.reshape([1, self.metadata.tile_px, self.metadata.tile_px, 3])
            # Pinned threads would keep to the cores on which the next tiles are being read.
            options = {
                "INFERENCE_PRECISION_HINT": self.precision,
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": self._workers.count,
                "ENABLE_CPU_PINNING": False,
            }
            self._compiled = core.compile_model(model, "CPU", options)
        except RuntimeError as error:  # the only class that OpenVINO raises
            reason = str(error).strip().splitlines()[-1]
            raise BerthwatchError(f"{path}: OpenVINO cannot load it: {reason}") from None
        self._requests = threading.local()  # a request holds the activations of one tile
        self._decoder = Decoder.of(self.metadata, score_threshold)
        version = openvino.__version__.split("-")[0]
        plural = "s" if threads > 1 else ""
        self.description = f"OpenVINO {version}, {self.precision}, CPU, {threads} thread{plural}"

    @property
    def saturated_tiles(self) -> int:
        """See `Detector`."""
        return self._decoder.saturated_tiles

    def raw_output(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's output for (b, tile_px, tile_px, 3) tiles, b >= 1, in the layout the metadata names."""
        check_tiles(tiles, self.metadata.tile_px)
        return np.concatenate(self._workers.map(lambda tile: self._run(tile).copy(), tiles))

    def detect(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        """See `Detector.detect`."""
        check_tiles(tiles, self.metadata.tile_px)
        if len(tiles) == 0:
            return []
        return self._decoder.boxes(
            [rows for (rows,) in self._workers.map(lambda tile: self._decoder.sift(self._run(tile)), tiles)]
        )

    def _run(self, tile: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Output (1, ...) of one tile, valid until the same thread runs the next."""
        request: Any = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._compiled.create_infer_request()
        request.infer({0: np.ascontiguousarray(tile)}, share_inputs=True)
        return request.get_output_tensor(0).data


def _entries(model: Any) -> dict[str, str]:
    """The metadata entry stored in an ONNX file, as OpenVINO hands it on."""
    if not model.has_rt_info(["framework", METADATA_KEY]):
        return {}
    return {METADATA_KEY: str(model.get_rt_info(["framework", METADATA_KEY]).value)}
