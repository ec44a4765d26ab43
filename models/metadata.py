"""What a model file says of itself, stored inside it: no separate file to lose, nothing to guess."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import BerthwatchError

METADATA_KEY = "berthwatch"  # key in the ONNX metadata_props and in the safetensors header; the value is JSON

Probability = Annotated[float, Field(ge=0, le=1)]


class ModelMetadata(BaseModel):
    """The model card that software reads.

    Pixels are those of the working grid: the scene resampled to `working_gsd_m`. A measured length or beam is

        true = measured - bias_px * gsd,   sd = sqrt((sd_px * gsd)^2 + (sd_fraction * measured)^2)

    in metres. The default errors are cautious guesses; calibration on held-out ships replaces them.

    Attributes:
        model_id: name and version, as "berthwatch-n 2026.11"; written into every detection.
        architecture: network family and size, as "yolo26n-obb".
        classes: vessel classes in the order of the network's outputs.
        output: layout of the network's output, see `decode.py`.
        min_working_gsd_m, max_working_gsd_m: range of ground sampling distance the model was trained for, in metres.
        tile_px: side of the square tiles it takes, in pixels.
        score_threshold: recommended lowest score of a detection.
        length_bias_px, length_sd_px, length_sd_fraction: error of the measured length, as above.
        beam_bias_px, beam_sd_px, beam_sd_fraction: error of the measured beam, as above.
        training_data: one line a data set, with its licence.
        licence: SPDX identifier of the weights.
        created: when they were exported (timezone-aware).
        weights_sha256: hash of the tensors (`network.weights_sha256`), the same in every format; export fills it in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_id: str = Field(min_length=1)
    architecture: str = Field(min_length=1)
    classes: tuple[str, ...] = Field(min_length=1)
    output: Literal["raw", "end2end"] = "raw"
    min_working_gsd_m: float = Field(gt=0)
    max_working_gsd_m: float = Field(gt=0)
    tile_px: int = Field(gt=0, multiple_of=32)
    score_threshold: Probability = 0.25
    length_bias_px: float = 0.0
    length_sd_px: float = Field(default=1.0, ge=0)
    length_sd_fraction: float = Field(default=0.08, ge=0)
    beam_bias_px: float = 0.0
    beam_sd_px: float = Field(default=1.0, ge=0)
    beam_sd_fraction: float = Field(default=0.12, ge=0)
    training_data: tuple[str, ...] = ()
    licence: str
    created: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    weights_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    @model_validator(mode="after")
    def _gsd_range_is_in_order(self) -> ModelMetadata:
        if self.min_working_gsd_m > self.max_working_gsd_m:
            raise ValueError(
                f"min_working_gsd_m {self.min_working_gsd_m} is above max_working_gsd_m {self.max_working_gsd_m}"
            )
        return self

    def working_gsd_m(self, scene_gsd_m: float) -> float:
        """GSD in metres to which a scene of `scene_gsd_m` is resampled for this model: the nearest it knows."""
        return float(np.clip(scene_gsd_m, self.min_working_gsd_m, self.max_working_gsd_m))

    def stamped(self, *, weights_sha256: str, created: datetime) -> ModelMetadata:
        """The same card for given weights, written at `created` (timezone-aware)."""
        return self.model_copy(update={"weights_sha256": weights_sha256, "created": created})


def metadata_from_entries(entries: dict[str, str], source: Path) -> ModelMetadata:
    """The card among a model file's metadata entries.

    Raises:
        BerthwatchError: the file bears none, or one that this version cannot read.
    """
    if METADATA_KEY not in entries:
        raise BerthwatchError(
            f"{source}: has no '{METADATA_KEY}' metadata, so its classes, tile size and GSD range are unknown; "
            "export the checkpoint with 'berthwatch models export'"
        )
    try:
        return ModelMetadata.model_validate_json(entries[METADATA_KEY])
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or METADATA_KEY
        raise BerthwatchError(
            f"{source}: metadata field '{field}': {first['msg']}; export the model again with this version"
        ) from None


def safetensors_entries(path: Path) -> dict[str, str]:
    """The metadata entries in a safetensors header, read without loading a tensor.

    Layout: an unsigned 64-bit little-endian header length, the JSON header, the tensors.

    Raises:
        BerthwatchError: the file cannot be read or is no safetensors file.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError(f"header of {length} bytes in a smaller file")
            return dict(json.loads(file.read(length)).get("__metadata__", {}))
    except OSError as error:
        raise BerthwatchError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (struct.error, ValueError, AttributeError) as error:
        raise BerthwatchError(f"{path}: not a safetensors file ({error})") from None
