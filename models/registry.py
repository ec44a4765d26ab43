"""From a model's name or path and a device to a detector that is ready to run."""

from __future__ import annotations

import difflib
import importlib.util
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import BerthwatchError
from .agreement import agreement
from .detector import Detector
from .devices import Device, nvidia_gpus, torch_cuda_fault, torch_has_cuda
from .metadata import ARITHMETIC_KEY, ModelMetadata, metadata_from_entries, safetensors_entries
from .onnx_backend import OnnxDetector, has_cuda_provider, open_session, session_entries
from .openvino_backend import OpenVinoDetector, has_openvino

log = logging.getLogger(__name__)

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT_MODEL = "berthwatch-n"
INT8_MODEL = "berthwatch-n-int8"  # the same weights, for CPUs
_SUFFIXES = (".onnx", ".safetensors", ".pt")

Backend = Literal["auto", "onnxruntime", "openvino", "torch"]
# What each runtime reads; a shipped model has a file of each kind but the last.
_SUFFIX_OF: dict[Backend, tuple[str, ...]] = {
    "auto": _SUFFIXES,
    "onnxruntime": (".onnx",),
    "openvino": (".onnx",),
    "torch": (".safetensors", ".pt"),
}

# Tiles of the pictures to be searched, (b, tile_px, tile_px, 3) uint8, for a model.
SampleTiles = Callable[[ModelMetadata], NDArray[np.uint8]]


def shipped_models() -> dict[str, ModelMetadata]:
    """The cards of the models that come with berthwatch, by name. One in 8-bit integers has an ONNX file alone."""
    cards = trainable_models()
    for path in sorted(WEIGHTS.glob("*.onnx")):
        if path.stem not in cards:
            cards[path.stem] = metadata_from_entries(session_entries(open_session(path, device="cpu", threads=1)), path)
    return cards


def trainable_models() -> dict[str, ModelMetadata]:
    """Those of them that training can start from, their cards read without loading a weight."""
    return {
        path.stem: metadata_from_entries(safetensors_entries(path), path)
        for path in sorted(WEIGHTS.glob("*.safetensors"))
    }


def load_detector(
    model: str | Path = DEFAULT_MODEL,
    *,
    device: Device = "auto",
    backend: Backend = "auto",
    score_threshold: float | None = None,
    threads: int | None = None,
    trust_pickle: bool = False,
    sample_tiles: SampleTiles | None = None,
) -> Detector:
    """A detector on the device asked for.

    A shipped model runs with torch on CUDA (else with ONNX Runtime's CUDA provider) and with ONNX Runtime on the CPU;
    or there with OpenVINO, if it is installed, the processor has bfloat16 instructions, and it finds the same ships in
    the sample tiles, if there are any. A path chooses the runtime by its suffix: .onnx or .safetensors, or .pt with
    `trust_pickle`. A model in 8-bit integers runs on the CPU, whatever else is there.

    Args:
        model: name of a shipped model, or path of a model file.
        device: "cuda" and "cpu" are taken at their word; "auto" is CUDA where a GPU and a runtime for it are present,
            else the CPU. What it came to is in the detector's `description`, and logged.
        backend: "onnxruntime", "openvino" and "torch" are taken at their word; "auto" is as told above.
        score_threshold: lowest score kept, in [0, 1]; None takes the model's recommendation.
        threads: CPU threads; None takes the cores that this process is granted.
        trust_pickle: load a .pt checkpoint although that runs code from the file.
        sample_tiles: asked only where OpenVINO may be taken; without it "auto" never takes it.

    Raises:
        BerthwatchError: unknown model, file of another kind, or a device or backend that cannot be used.
    """
    if device not in get_args(Device):
        raise BerthwatchError(f"device '{device}': choose auto, cuda or cpu")
    if backend not in get_args(Backend):
        raise BerthwatchError(f"backend '{backend}': choose {', '.join(get_args(Backend))}")
    if score_threshold is not None and not 0 <= score_threshold <= 1:
        raise BerthwatchError(f"score threshold {score_threshold}: choose a number from 0 to 1")
    if threads is not None and threads < 1:
        raise BerthwatchError(f"threads {threads}: choose 1 or more")
    if backend == "openvino" and device == "cuda":
        raise BerthwatchError("backend openvino: runs on the CPU; choose device cpu, or another backend")
    files = _readable_by(backend, _files(model))
    if device != "cpu" and nvidia_gpus() and _is_in_int8(files):
        if device == "cuda":
            raise BerthwatchError(
                f"device cuda: {files[0]} is in 8-bit integers, for CPUs; choose a model in floats, or device cpu"
            )
        device = "cpu"
    if files[0].suffix == ".pt":
        detector = _load_checkpoint(files[0], device, score_threshold, threads, trust_pickle=trust_pickle)
    elif backend == "openvino":
        detector = OpenVinoDetector(files[0], score_threshold=score_threshold, threads=threads)
    else:
        detector = _load(files, device, score_threshold, threads)
        if (
            backend == "auto"
            and sample_tiles
            and isinstance(detector, OnnxDetector)
            and detector.device == "cpu"
            and not detector.in_int8
        ):
            detector = _quicker(detector, files, score_threshold, threads, sample_tiles)
    log.info("model %s on %s", detector.metadata.model_id, detector.description)
    return detector


def _files(model: str | Path) -> list[Path]:
    """The files that hold the model: those of a shipped name, or the one at a path."""
    shipped = sorted([*WEIGHTS.glob("*.onnx"), *WEIGHTS.glob("*.safetensors")])
    if files := [file for file in shipped if file.stem == str(model)]:
        return files
    path = Path(model)
    if path.suffix not in _SUFFIXES:
        names = sorted({file.stem for file in shipped})
        close = difflib.get_close_matches(str(model), names, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise BerthwatchError(
            f"model '{model}': unknown; {hint}shipped: {', '.join(names) or 'none'}; "
            f"or give a file that ends in {', '.join(_SUFFIXES)}"
        )
    if not path.is_file():
        raise BerthwatchError(f"{path}: no such model file; check the path")
    return [path]


def _is_in_int8(files: list[Path]) -> bool:
    """Whether the model is in 8-bit integers, by its own mark: such a one is an ONNX file alone."""
    if [file.suffix for file in files] != [".onnx"]:
        return False
    return session_entries(open_session(files[0], device="cpu", threads=1)).get(ARITHMETIC_KEY) == "int8"


def _readable_by(backend: Backend, files: list[Path]) -> list[Path]:
    """The files that the runtime reads. Raises BerthwatchError where there is none."""
    if readable := [file for file in files if file.suffix in _SUFFIX_OF[backend]]:
        return readable
    raise BerthwatchError(
        f"{files[0]}: backend {backend} reads {' and '.join(_SUFFIX_OF[backend])} files; "
        "give such a file, or choose backend auto"
    )


def _quicker(
    known: OnnxDetector,
    files: list[Path],
    score_threshold: float | None,
    threads: int | None,
    sample_tiles: SampleTiles,
) -> Detector:
    """OpenVINO in place of ONNX Runtime, where it is quicker and finds the same ships."""
    if not has_openvino():
        return known
    (file,) = (file for file in files if file.suffix == ".onnx")
    try:
        tiles = sample_tiles(known.metadata)
        if not len(tiles):
            return known
        candidate = OpenVinoDetector(file, score_threshold=score_threshold, threads=threads)
        if candidate.precision != "bf16":  # in float32 it took as long as ONNX Runtime
            return known
        by_candidate = candidate.detect(tiles)
    except (BerthwatchError, RuntimeError) as error:
        log.info("OpenVINO is not used: it cannot run %s (%s)", file, error)
        return known
    found = agreement(known.detect(tiles), by_candidate, threshold=known.threshold)
    if found.holds():
        return candidate
    log.log(
        logging.WARNING if found.ships or found.missing else logging.INFO,  # no ship there: nothing was amiss
        "OpenVINO is not used: on %d tiles of these pictures it and ONNX Runtime agree on %d ships, within %.1f px and "
        "%.3f of score, and %d are found by one alone; --backend openvino uses it all the same",
        *(len(tiles), found.ships, found.shift_px, found.score_change, found.missing),
    )
    return known


def _load(files: list[Path], device: Device, score_threshold: float | None, threads: int | None) -> Detector:
    gpus = 0 if device == "cpu" else nvidia_gpus()
    file, resolved = _choose({file.suffix: file for file in files}, device, gpus)
    if file.suffix == ".onnx":
        detector: Detector = OnnxDetector(file, device=resolved, score_threshold=score_threshold, threads=threads)
    else:
        require_torch(file)
        from .torch_backend import TorchDetector

        detector = TorchDetector.from_file(file, device=resolved, score_threshold=score_threshold, threads=threads)
    if gpus and resolved == "cpu":
        by_torch = any(file.suffix == ".safetensors" for file in files)
        why = torch_cuda_fault() if by_torch else "onnxruntime-gpu not installed"
        detector.description += f" (an NVIDIA GPU is here but unused: {why})"
    return detector


def _choose(by_suffix: dict[str, Path], device: Device, gpus: int) -> tuple[Path, Literal["cuda", "cpu"]]:
    """The file and the device to run it on. Raises BerthwatchError where CUDA is asked for and cannot be had."""
    if device == "cuda" and not gpus:
        raise BerthwatchError("device cuda: no NVIDIA GPU and driver on this machine; choose device cpu or auto")
    if gpus and ".safetensors" in by_suffix and torch_has_cuda():
        return by_suffix[".safetensors"], "cuda"
    if gpus and ".onnx" in by_suffix and has_cuda_provider():
        return by_suffix[".onnx"], "cuda"
    # Where CUDA was asked for and no runtime has it, loading says what to install; "auto" takes the CPU.
    resolved: Literal["cuda", "cpu"] = "cuda" if device == "cuda" else "cpu"
    return by_suffix.get(".onnx") or by_suffix[".safetensors"], resolved


def _load_checkpoint(
    path: Path, device: Device, score_threshold: float | None, threads: int | None, *, trust_pickle: bool
) -> Detector:
    if not trust_pickle:
        raise BerthwatchError(
            f"{path}: a .pt checkpoint is a pickle, and loading it runs code from it; if you trust its origin, "
            "export it once with 'berthwatch models export' and use the .onnx"
        )
    require_torch(path)
    from .checkpoint import load_checkpoint
    from .torch_backend import TorchDetector

    _, resolved = _choose({".safetensors": path}, device, 0 if device == "cpu" else nvidia_gpus())
    checkpoint = load_checkpoint(path)
    return TorchDetector(
        checkpoint.network,
        checkpoint.card(path.stem),
        device=resolved,
        score_threshold=score_threshold,
        threads=threads,
    )


def require_torch(path: Path) -> None:
    """Raise BerthwatchError without the extra `cuda`; else have Ultralytics, imported next, keep to itself."""
    missing = [name for name in ("torch", "ultralytics", "safetensors") if importlib.util.find_spec(name) is None]
    if missing:
        raise BerthwatchError(
            f"{path}: needs {', '.join(missing)}, not installed here; install berthwatch[cuda] or use the .onnx file"
        )
    # Read when it is imported: no installing of packages, no calls home, no greetings on standard output.
    for name, value in (("YOLO_AUTOINSTALL", "false"), ("YOLO_OFFLINE", "true"), ("YOLO_VERBOSE", "false")):
        os.environ.setdefault(name, value)
