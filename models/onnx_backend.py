"""Detection with ONNX Runtime: the way for machines without a GPU, and the second way for those with one."""

from __future__ import annotations

import logging
import sys
from contextlib import redirect_stdout
from importlib import metadata as installed
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..errors import BerthwatchError
from .boxes import Boxes
from .cores import granted_cores, int8_saturates
from .decode import Decoder
from .detector import check_tiles
from .devices import torch_cuda_fault
from .metadata import ARITHMETIC_KEY, ModelMetadata, metadata_from_entries
from .tile_workers import TileWorkers

log = logging.getLogger(__name__)


class OnnxDetector:
    """A `ConcurrentDetector` that runs an ONNX file exported by `export.py`.

    On the CPU each core works on a tile of its own, never on a batch: a batch of 4 took a fifth longer a tile than
    single tiles did (YOLO26n, 640 pixels, 2 cores), because its activations leave the cache. It also makes results
    independent of batch and threads. On CUDA all tiles of a call go through together.

    Args:
        path: the ONNX file.
        device: "cpu" or "cuda".
        score_threshold: lowest score kept; None takes the model's recommendation.
        threads: CPU threads; None takes the cores that this process is granted.

    Attributes:
        device: as given.
        in_int8: whether the file is in 8-bit integers, as `training.int8` writes it.

    Raises:
        BerthwatchError: the file is no such model, or the device cannot be used.
    """

    calls_at_once = 2

    def __init__(
        self,
        path: Path,
        *,
        device: Literal["cpu", "cuda"] = "cpu",
        score_threshold: float | None = None,
        threads: int | None = None,
    ) -> None:
        threads = granted_cores() if threads is None else threads
        self._workers = TileWorkers(threads) if device == "cpu" else None
        self._session = open_session(
            path, device=device, threads=self._workers.threads_each if self._workers else threads
        )
        entries = session_entries(self._session)
        self.metadata: ModelMetadata = metadata_from_entries(entries, path)
        self.in_int8 = entries.get(ARITHMETIC_KEY) == "int8"
        cut_off = self.in_int8 and device == "cpu" and int8_saturates()
        if cut_off:
            log.warning(
                "%s is in 8-bit integers, and this processor has no VNNI instructions: sums are cut off, and ships may "
                "be missed; use the model in floats, which is no slower here",
                self.metadata.model_id,
            )
        self._wanted = self._session.get_inputs()[0]
        self._decoder = Decoder.of(self.metadata, score_threshold)
        self.device = device
        where = "CUDA" if device == "cuda" else f"CPU, {threads} thread{'s' if threads > 1 else ''}"
        self.description = f"ONNX Runtime {onnxruntime.__version__}, {where}"
        if cut_off:  # the store keeps it
            self.description += ", 8-bit sums cut off for want of VNNI"

    @property
    def threshold(self) -> float:
        """Lowest score kept."""
        return self._decoder.threshold

    @property
    def saturated_tiles(self) -> int:
        """See `Detector`."""
        return self._decoder.saturated_tiles

    def raw_output(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's output for (b, tile_px, tile_px, 3) tiles, b >= 1, in the layout the metadata names."""
        check_tiles(tiles, self.metadata.tile_px)
        return np.concatenate(self._workers.map(self._run, tiles)) if self._workers else self._run(tiles)

    def detect(self, tiles: NDArray[np.uint8]) -> list[Boxes]:
        """See `Detector.detect`."""
        check_tiles(tiles, self.metadata.tile_px)
        if len(tiles) == 0:
            return []
        if self._workers is None:
            return self._decoder.boxes(self._sifted(tiles))
        return self._decoder.boxes([rows for (rows,) in self._workers.map(self._sifted, tiles)])

    def _sifted(self, tiles: NDArray[np.uint8]) -> list[NDArray[np.floating]]:
        return self._decoder.sift(self._run(tiles))

    def _run(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self._wanted.type == "tensor(uint8)":  # ours: tiles as they come, converted inside the network
            feed = np.ascontiguousarray(tiles)
        else:  # as Ultralytics exports: float32 (b, 3, h, w) in [0, 1]
            feed = np.ascontiguousarray(tiles.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        try:
            return np.asarray(self._session.run(None, {self._wanted.name: feed})[0])
        except Exception as error:
            if self.device == "cpu":
                raise
            raise BerthwatchError(
                f"device cuda: ONNX Runtime failed on a batch of {len(tiles)} tiles ({_reason(error)}); a smaller "
                "--batch takes less memory"
            ) from None


def open_session(path: Path, *, device: Literal["cpu", "cuda"], threads: int) -> onnxruntime.InferenceSession:
    """A session tuned for this pipeline, on that device and no other.

    Raises:
        BerthwatchError: the file cannot be loaded, or CUDA is asked for and not had.
    """
    if not path.is_file():
        raise BerthwatchError(f"{path}: no such model file; check the path")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # its warnings speak of graph internals
    # Idle threads that spin would take the cores from the threads that decode the next tiles.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[str | tuple[str, dict[str, str]]] = ["CPUExecutionProvider"]
    if device == "cuda":
        require_cuda_provider()
        # The exhaustive search for the best convolution would run again for the last, smaller batch.
        providers.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"}))
    try:
        # With its fallback, a session whose provider fails in a run would go on, on the CPU.
        session = onnxruntime.InferenceSession(str(path), options, providers=providers, enable_fallback=False)
    except Exception as error:  # ONNX Runtime raises a class of its own for each kind of failure
        raise BerthwatchError(f"{path}: ONNX Runtime cannot load it: {_reason(error)}") from None
    if device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise BerthwatchError(
            "device cuda: ONNX Runtime could not start its CUDA provider, for the reason it told above, and would have "
            "used the CPU; install onnxruntime-gpu[cuda,cudnn], which brings its libraries, or choose device cpu"
        )
    return session


def session_entries(session: onnxruntime.InferenceSession) -> dict[str, str]:
    """The metadata entries stored in an ONNX file."""
    return dict(session.get_modelmeta().custom_metadata_map)


def has_cuda_provider() -> bool:
    """Whether the installed ONNX Runtime is built with CUDA; whether it starts is seen at loading."""
    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def require_cuda_provider() -> None:
    """Raise BerthwatchError, saying what to install, unless ONNX Runtime is built with CUDA; load its libraries."""
    if not has_cuda_provider():
        if all(_is_installed(name) for name in ("onnxruntime", "onnxruntime-gpu")):
            raise BerthwatchError(
                "device cuda: onnxruntime and onnxruntime-gpu are both installed and hide each other; "
                "uninstall both and install onnxruntime-gpu[cuda,cudnn] alone"
            )
        raise BerthwatchError(
            f"device cuda: onnxruntime-gpu is not installed, and {fault}; or choose device cpu"
            if (fault := torch_cuda_fault())
            else "device cuda: this model would need onnxruntime-gpu[cuda,cudnn] in place of onnxruntime; choose its "
            ".safetensors file, which torch runs, or device cpu"
        )
    with redirect_stdout(sys.stderr):  # where it tells which library is missing
        onnxruntime.preload_dlls()


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _is_installed(distribution: str) -> bool:
    try:
        installed.version(distribution)
    except installed.PackageNotFoundError:
        return False
    return True
