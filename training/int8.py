"""A model's ONNX file in 8-bit integers, kept only where it finds the same ships.

Static quantisation by ONNX Runtime (QDQ, a scale for each output channel), its ranges measured on chips that do not
judge the result. All that features go through is quantised, not only convolutions: a convolution whose input is made
from floats and whose output is turned to floats again takes longer than in floats. The head, which turns features into
pixels, stays in float; tiles, 8-bit as they are, go in unconverted.

Smaller by a factor of three, and quicker on processors with instructions for 8-bit dot products: on an AMD EPYC with
AVX-512 VNNI a tile of YOLO26n takes 0.6 times as long as with 32-bit floats.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from ..errors import BerthwatchError
from ..models.metadata import ARITHMETIC_KEY, METADATA_KEY
from ..models.onnx_backend import OnnxDetector
from .calibrate import chips_on_tiles, seen_on_chips
from .chips import chip_names, read_chip
from .crops import Chip
from .metrics import average_precision

MOST_LOSS = 0.01  # of AP50: one point
MOST_TILES = 64  # that the ranges are measured on
_LOWEST_SCORE = 0.05
_QUANTISED = ["Conv", "Sigmoid", "Mul", "Add", "Concat", "Split", "MaxPool", "Resize"]


@dataclass(frozen=True)
class Int8Export:
    """The file, and the AP50 on the same chips of the model before and of what was written."""

    onnx: Path
    ap50_before: float
    ap50: float


def export_int8(model: Path, chips: Path, out: Path, *, most_loss: float = MOST_LOSS) -> Int8Export:
    """Quantise an ONNX file that `models.export` wrote; write it only if AP50 falls by less than `most_loss`.

    Args:
        model: the file in 32-bit floats.
        chips: folder that `berthwatch chips` or `mixture` wrote. Of its split `val` one half sets the ranges, the other
            judges: `two_halves`.
        out: the new file. Its card names the model "<name> int8".
        most_loss: of AP50, between 0 and 1.

    Raises:
        BerthwatchError: there are no validation chips, the file cannot be quantised, or it lost too much; nothing is
            written then.
    """
    metadata = OnnxDetector(model).metadata
    metadata = metadata.model_copy(update={"model_id": f"{metadata.model_id} int8"})
    for_ranges, judging = two_halves(chips)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        prepared, quantised = Path(scratch, "prepared.onnx"), Path(scratch, out.name)
        quant_pre_process(model, prepared, skip_symbolic_shape=True)  # only the batch is dynamic
        quantize_static(
            prepared,
            quantised,
            _ChipReader(_read(chips, for_ranges), metadata.tile_px),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTISED,
            nodes_to_exclude=_head_nodes(onnx.load(prepared)),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        whole = onnx.load(quantised)
        take_tiles_unconverted(whole.graph)
        helper.set_model_props(whole, {METADATA_KEY: metadata.model_dump_json(), ARITHMETIC_KEY: "int8"})
        onnx.save(whole, quantised)
        before, after = (_ap50(path, chips, judging) for path in (model, quantised))
        if not after > before - most_loss:
            raise BerthwatchError(
                f"int8: AP50 on the chips of {chips} falls from {before:.3f} to {after:.3f}, by more than the allowed "
                f"{most_loss:g}; {out.name} was not written"
            )
        return Int8Export(quantised.replace(out), before, after)


def take_tiles_unconverted(graph: Any) -> None:
    """Let the 8-bit pixels themselves be the first quantised tensor, at a scale of 1 / 255, which is exact.

    The quantised graph turns them to floats, divides these by 255, and quantises the result: for nothing.

    Raises:
        BerthwatchError: it does not begin so.
    """
    takes = {node.input[0]: node for node in graph.node if node.input}  # which node takes a tensor as its first input
    chain, tensor = [], graph.input[0].name
    while tensor in takes and takes[tensor].op_type in ("Transpose", "Cast", "Div", "QuantizeLinear"):
        chain.append(takes[tensor])
        tensor = chain[-1].output[0]
    transposes = [node for node in chain if node.op_type == "Transpose"]
    if not chain or chain[-1].op_type != "QuantizeLinear" or len(transposes) != 1:
        begins = [node.op_type for node in graph.node[:4]]
        raise BerthwatchError(f"int8: the network begins with {', '.join(begins)}, which is not ours")
    scale_name, zero_name = chain[-1].input[1:3]
    for constant in graph.initializer:
        if constant.name == scale_name:
            constant.CopyFrom(numpy_helper.from_array(np.array(1 / 255, np.float32), scale_name))
        if constant.name == zero_name:
            constant.CopyFrom(numpy_helper.from_array(np.array(0, np.uint8), zero_name))
    transposes[0].input[0] = graph.input[0].name
    transposes[0].output[0] = chain[-1].output[0]
    for node in chain:
        if node is not transposes[0]:
            graph.node.remove(node)
    del graph.value_info[:]  # shapes and types of tensors that are no more


def two_halves(chips: Path) -> tuple[list[str], list[str]]:
    """Names of the validation chips that set the ranges, and of those that judge.

    Chips that overlap, or show one ship twice, do not come to lie on both sides: where a manifest tells each chip's
    picture, every other group of pictures that show the same place goes to either. Else, and where there is one group
    alone, the chips are cut in two where they stand by the number at the end of their names: `berthwatch mixture`
    numbers them as it draws them, so that both halves hold all its sources, though both draw on its few held-out
    pictures.

    Raises:
        BerthwatchError: there are no validation chips, or their manifest cannot be read.
    """
    names = sorted(chip_names(chips, "val"), key=lambda name: (_number(name), name))
    group_of = _groups(chips)
    groups = sorted({group_of.get(name, -1) for name in names})
    if -1 in groups or len(groups) < 2:
        middle = (len(names) + 1) // 2
        return names[:middle], names[middle:]
    judging = set(groups[1::2])
    return [n for n in names if group_of[n] not in judging], [n for n in names if group_of[n] in judging]


def _number(name: str) -> int:
    """The number that a name ends with: "crops_7_000012" -> 12."""
    digits = re.search(r"\d*$", name)
    return int(digits[0]) if digits and digits[0] else 0


def _groups(chips: Path) -> dict[str, int]:
    """Validation chip's name -> group of its picture, as far as a manifest tells."""
    path = chips / "manifest.json"
    if not path.exists():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        group_of = {picture["name"]: int(picture["group"]) for picture in manifest.get("pictures", ())}
        told = [chip for chip in manifest["chips"] if chip["split"] == "val" and chip.get("picture") in group_of]
        return {chip["name"]: group_of[chip["picture"]] for chip in told}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BerthwatchError(f"{path}: is no manifest of chips; make the chips again") from None


def _read(chips: Path, names: Sequence[str]) -> Iterator[Chip]:
    return (read_chip(chips, "val", name) for name in names)


def _ap50(model: Path, chips: Path, judging: Sequence[str]) -> float:
    detector = OnnxDetector(model, score_threshold=_LOWEST_SCORE)
    seen, ships = seen_on_chips(detector, _read(chips, judging), min_iou=0.5)
    if not len(ships):
        raise BerthwatchError(f"{chips}: its validation chips show too few ships to judge a model by")
    return average_precision(seen["score"].to_numpy(), seen["ship"].to_numpy(), len(ships))


def _head_nodes(model: Any) -> list[str]:
    """Names of the nodes of the network's last module, which is its head: ".../model.23/cv2.0/...".

    Raises:
        BerthwatchError: no node has such a name.
    """
    places = {node.name: re.search(r"/model\.(\d+)/", node.name) for node in model.graph.node}
    numbered = {name: int(place.group(1)) for name, place in places.items() if place}
    if not numbered:
        raise BerthwatchError("int8: the nodes' names tell no head; export the checkpoint with this version")
    return [name for name, number in numbered.items() if number == max(numbered.values())]


class _ChipReader(CalibrationDataReader):
    """Hands out tiles full of chips, one a call."""

    def __init__(self, chips: Iterator[Chip], tile_px: int) -> None:
        self._tiles = islice(chips_on_tiles(chips, tile_px), MOST_TILES)

    def get_next(self) -> Any:
        """The next tile as the network's input, or None after the last."""
        tile, _ = next(self._tiles, (None, None))
        return None if tile is None else {"tiles": np.ascontiguousarray(tile[None])}
