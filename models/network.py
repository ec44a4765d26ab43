"""The network of a model file as a torch module, built from data alone.

The file holds tensors and a description of layers, and nothing in either is executed: layers are looked up in a fixed
list, and the fields of Ultralytics' model YAML that its parser evaluates as Python are refused.
"""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from ultralytics.nn.tasks import OBBModel

from ..errors import BerthwatchError
from .metadata import METADATA_KEY, ModelMetadata, metadata_from_entries, safetensors_entries

ARCHITECTURE_KEY = "ultralytics_yaml"

# What YOLOv8, YOLO11 and YOLO26 OBB networks consist of.
_LAYERS = {"Conv", "C2f", "C3k2", "SPPF", "C2PSA", "nn.Upsample", "Concat", "OBB", "OBB26"}
_FIELDS = {"nc", "end2end", "reg_max", "scales", "scale", "backbone", "head", "depth_multiple", "width_multiple"}


def build_network(architecture: dict[str, Any], n_classes: int) -> OBBModel:
    """An OBB network with untrained weights, on the CPU, in evaluation mode; its layers can be trained, see `deployed`.

    Args:
        architecture: an Ultralytics model YAML as a dict, with `scale` and `end2end: False`. Its `nc` only sets the
            width of the class branch, which is that of the network from which training started.
        n_classes: number of classes of the output.

    Raises:
        BerthwatchError: a field or a layer outside those of YOLO-OBB networks.
    """
    _check_architecture(architecture)
    network = OBBModel(json.loads(json.dumps(architecture)), ch=3, verbose=False)
    head = head_of(network)
    for branch in head.cv3:
        branch[-1] = torch.nn.Conv2d(branch[-1].in_channels, n_classes, 1)
    head.nc, head.no = n_classes, n_classes + 4 * head.reg_max
    return network.eval()


def deployed(network: OBBModel) -> OBBModel:
    """A copy that only detects: normalisation folded into the convolutions before it, nothing to train."""
    return copy.deepcopy(network).eval().fuse(verbose=False).requires_grad_(False)


def head_of(network: OBBModel) -> Any:
    """The network's last layer, Ultralytics' `OBB` or `OBB26`, whose attributes its types do not tell."""
    return cast(Any, network.model)[-1]


def load_network(path: Path) -> tuple[OBBModel, ModelMetadata]:
    """The trained network in a safetensors file that `save_network` wrote, and its card.

    Raises:
        BerthwatchError: not such a file, tensors that do not fit the layers, or a hash that does not fit the tensors.
    """
    entries = safetensors_entries(path)
    metadata = metadata_from_entries(entries, path)
    try:
        architecture = json.loads(entries[ARCHITECTURE_KEY])
        tensors = load_file(path)
    except (KeyError, ValueError, SafetensorError) as error:
        raise BerthwatchError(f"{path}: not a model file of berthwatch ({error}); export it again") from None
    if weights_sha256(tensors) != metadata.weights_sha256:
        raise BerthwatchError(f"{path}: weights_sha256 does not fit the tensors: the file is damaged; get it anew")
    try:
        network = build_network(architecture, len(metadata.classes))
        network.load_state_dict(tensors)
    except (RuntimeError, KeyError, IndexError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise BerthwatchError(f"{path}: its tensors do not fit its layers ({reason}); export it again") from None
    return network, metadata


def save_network(network: OBBModel, metadata: ModelMetadata, path: Path) -> None:
    """Write tensors (as they are stored, see `stored_tensors`), layers and card as one safetensors file."""
    entries = {METADATA_KEY: metadata.model_dump_json(), ARCHITECTURE_KEY: json.dumps(architecture_of(network))}
    save_file(stored_tensors(network), path, metadata=entries)
    path.chmod(0o644)  # safetensors writes for the owner alone, which a package must not hand on


def architecture_of(network: OBBModel) -> dict[str, Any]:
    """The model YAML of a network with one head, as `build_network` takes it."""
    whole: dict[str, Any] = cast(Any, network).yaml
    described = {key: value for key, value in whole.items() if key in _FIELDS}
    # Ultralytics widens the class branch with the number of classes; started from COCO's 80 it keeps 80 for our four.
    return described | {"nc": head_of(network).cv3[0][-1].in_channels, "end2end": False}


def stored_tensors(network: OBBModel) -> dict[str, torch.Tensor]:
    """The network's tensors by name, as files hold them: in full precision, and unfused, so that training can go on.

    Half precision would halve the files, but moved a corner of some boxes by 2 pixels.
    """
    return {name: tensor.contiguous() for name, tensor in network.state_dict().items()}


def weights_sha256(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of tensors, in the order of their names, as 64 hex digits."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _check_architecture(architecture: dict[str, Any]) -> None:
    unknown = sorted(set(architecture) - _FIELDS)
    if unknown:
        raise BerthwatchError(f"model architecture: field '{unknown[0]}' is not allowed; allowed: {sorted(_FIELDS)}")
    try:
        layers = [layer for _, _, layer, _ in [*architecture["backbone"], *architecture["head"]]]
    except (KeyError, TypeError, ValueError):
        raise BerthwatchError("model architecture: needs 'backbone' and 'head', lists of 4 entries a layer") from None
    foreign = [layer for layer in layers if layer not in _LAYERS]
    if foreign:
        raise BerthwatchError(f"model architecture: layer '{foreign[0]}' is not allowed; allowed: {sorted(_LAYERS)}")
