"""From an Ultralytics checkpoint to the two files that berthwatch ships, checked against the checkpoint on real tiles.

`<name>.onnx` is for ONNX Runtime: uint8 RGB tiles (batch, tile_px, tile_px, 3) in, the raw layout of `decode.py` out;
only the batch is dynamic. `<name>.safetensors` is for torch. Both hold the same numbers and the same card.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper
from ultralytics.nn.tasks import OBBModel

from ..errors import BerthwatchError
from .boxes import Boxes
from .checkpoint import Head, load_checkpoint
from .decode import ship_scores
from .metadata import METADATA_KEY, ModelMetadata
from .network import deployed, head_of, save_network, stored_tensors, weights_sha256
from .onnx_backend import OnnxDetector
from .torch_backend import TorchDetector

_OPSET = 17  # what ONNX Runtime 1.13 (2022) and later, OpenVINO and TensorRT all read

MAX_SHIFT_PX = 1.0
MAX_SCORE_CHANGE = 0.02


@dataclass(frozen=True)
class Parity:
    """How far an exported file's output is from the checkpoint's, over the anchors that either takes for a ship.

    Attributes:
        anchors: how many anchors were compared.
        shift_px: largest distance between corresponding corners, in pixels.
        score_change: largest difference of a class score.
    """

    anchors: int
    shift_px: float
    score_change: float


@dataclass(frozen=True)
class Export:
    """The files written and what the parity check measured on each."""

    onnx: Path
    safetensors: Path
    metadata: ModelMetadata
    onnx_parity: Parity
    safetensors_parity: Parity


def export_checkpoint(
    checkpoint: Path,
    out_dir: Path,
    metadata: ModelMetadata,
    parity_tiles: NDArray[np.uint8],
    *,
    name: str = "berthwatch-n",
    head: Head = "one2many",
) -> Export:
    """Write `<name>.onnx` and `<name>.safetensors` into `out_dir`, or nothing if their output is not the checkpoint's.

    Unpickles the checkpoint, which runs code from it: only for files whose origin you trust.

    Args:
        checkpoint: Ultralytics OBB checkpoint (.pt).
        out_dir: folder, made if absent.
        metadata: the card; `weights_sha256` and `created` are filled in, `classes` must be the checkpoint's.
        parity_tiles: uint8 (b, tile_px, tile_px, 3) RGB tiles that show ships.
        name: stem of the files.
        head: which of YOLO26's two heads to keep; see `checkpoint.load_checkpoint`.

    Raises:
        BerthwatchError: another kind of checkpoint, other classes, tiles without a ship, or failed parity.
    """
    original = load_checkpoint(checkpoint, head=head)
    if original.classes != metadata.classes:
        raise BerthwatchError(
            f"{checkpoint}: its classes are {original.classes}, the metadata's 'classes' {metadata.classes}"
        )
    metadata = metadata.model_copy(update={"output": "raw"}).stamped(
        weights_sha256=weights_sha256(stored_tensors(original.network)), created=datetime.now(UTC)
    )
    reference = TorchDetector(original.network, metadata).raw_output(parity_tiles)
    if ship_scores(reference[:, 4:-1]).max() < metadata.score_threshold:
        raise BerthwatchError(
            f"parity tiles: no ship scores {metadata.score_threshold} or more on them, so nothing can be compared; "
            "give tiles that show ships"
        )
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir) as scratch:
        new_onnx, new_safetensors = Path(scratch, f"{name}.onnx"), Path(scratch, f"{name}.safetensors")
        _write_onnx(original.network, metadata, new_onnx)
        save_network(original.network, metadata, new_safetensors)
        onnx_parity = _require_parity(reference, OnnxDetector(new_onnx).raw_output(parity_tiles), metadata, "ONNX")
        safetensors_parity = _require_parity(
            reference, TorchDetector.from_file(new_safetensors).raw_output(parity_tiles), metadata, "safetensors"
        )
        return Export(
            onnx=new_onnx.replace(out_dir / new_onnx.name),
            safetensors=new_safetensors.replace(out_dir / new_safetensors.name),
            metadata=metadata,
            onnx_parity=onnx_parity,
            safetensors_parity=safetensors_parity,
        )


def parity(reference: NDArray[np.float32], other: NDArray[np.float32], *, threshold: float) -> Parity:
    """Compare two raw outputs (b, 4 + n_classes + 1, anchors) anchor by anchor, where either scores >= `threshold`."""
    ship = np.maximum(ship_scores(reference[:, 4:-1]), ship_scores(other[:, 4:-1])) >= threshold
    tile, anchor = np.nonzero(ship)
    a, b = reference[tile, :, anchor], other[tile, :, anchor]
    # Long side first, from a common start: a box turned by half a turn is the same box.
    distances = [
        np.linalg.norm(_corners(a) - np.roll(_corners(b), turn, axis=1), axis=-1).max(axis=1) for turn in range(4)
    ]
    return Parity(
        anchors=len(a),
        shift_px=float(np.min(distances, axis=0).max(initial=0.0)),
        score_change=float(np.abs(a[:, 4:-1] - b[:, 4:-1]).max(initial=0.0)),
    )


def _corners(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return Boxes.from_xywhr(rows[:, [0, 1, 2, 3, -1]]).corners()


def _require_parity(
    reference: NDArray[np.float32], other: NDArray[np.float32], metadata: ModelMetadata, kind: str
) -> Parity:
    found = parity(reference, other, threshold=metadata.score_threshold)
    if found.shift_px > MAX_SHIFT_PX or found.score_change > MAX_SCORE_CHANGE:
        raise BerthwatchError(
            f"{kind} export: differs from the checkpoint by {found.shift_px:.2f} px and {found.score_change:.3f} in "
            f"score (allowed: {MAX_SHIFT_PX} and {MAX_SCORE_CHANGE}); nothing was written"
        )
    return found


class _TilesIn(torch.nn.Module):
    """The network with the conversion of tiles in front, so that the file takes the bytes of a picture as they are."""

    def __init__(self, network: OBBModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        return self.network(tiles.permute(0, 3, 1, 2).float() / 255)


def _write_onnx(network: OBBModel, metadata: ModelMetadata, path: Path) -> None:
    network = deployed(network)
    head = head_of(network)
    example = torch.zeros(2, metadata.tile_px, metadata.tile_px, 3, dtype=torch.uint8)  # 2: a batch of 1 can be folded
    head.export = True  # without its training outputs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter needs one more dependency
        torch.onnx.export(
            _TilesIn(network).eval(),
            (example,),
            path,
            input_names=["tiles"],
            output_names=["raw"],
            dynamic_axes={"tiles": {0: "batch"}, "raw": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load(path)
    helper.set_model_props(model, {METADATA_KEY: metadata.model_dump_json()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
