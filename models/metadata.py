"""What a model file says of itself, stored inside it: no separate file to lose, nothing to guess."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.special import expit, logit

from ..errors import BerthwatchError

METADATA_KEY = "berthwatch"  # key in the ONNX metadata_props and in the safetensors header; the value is JSON
ARITHMETIC_KEY = "berthwatch.arithmetic"  # of an ONNX file: "int8" if its convolutions are; absent if in floats

Probability = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class SizeErrors:
    """Errors of measured lengths or beams, by the picture's sharpness and the ship's size.

    Pixels are those of the working grid. `blur` is how many of them one sample of the sensor spans, less one: 0 for
    scenes as fine as the grid or finer, 1.4 for 10 m shown at 4.2 m. With all sizes in working pixels,

        true = measured - (bias_px + bias_px_per_blur * blur + bias_fraction * measured)
        sd^2 = (sd_px + sd_px_per_blur * blur)^2 + (sd_fraction * measured)^2
    """

    bias_px: float
    bias_px_per_blur: float
    bias_fraction: float
    sd_px: float
    sd_px_per_blur: float
    sd_fraction: float

    def corrected(
        self, measured_m: NDArray[np.float64], *, working_gsd_m: float, sensor_px: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """True sizes and their standard deviations, (n,) metres each; a size is never below half a working pixel.

        Example: 100 m at 3 m a pixel of a sensor as fine (blur 0), bias 0.5 px, sd 1 px and 2 %: 98.5 m, sd
        sqrt(3.0^2 + 2.0^2) = 3.6 m.
        """
        blur = sensor_px - 1.0
        bias = (self.bias_px + self.bias_px_per_blur * blur) * working_gsd_m + self.bias_fraction * measured_m
        edges = (self.sd_px + self.sd_px_per_blur * blur) * working_gsd_m
        return np.maximum(measured_m - bias, 0.5 * working_gsd_m), np.hypot(edges, self.sd_fraction * measured_m)


# Recommended thresholds balance ships overlooked and invented over whole scenes. At a berth a ship is likelier than
# ashore or at sea, and one overlooked is a loading overlooked, so there one chance in three is enough.
BERTH_SHIP_PROBABILITY = 1 / 3


class CoarseThreshold(BaseModel):
    """A recommended lowest score, for scenes of `from_gsd_m` and coarser."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_gsd_m: float = Field(gt=0)
    score: Probability


class ModelMetadata(BaseModel):
    """The model card that software reads.

    What it says of errors was measured on held-out ships by `berthwatch calibrate`. The defaults, for a card not
    calibrated yet, are cautious guesses: sizes as in `SizeErrors`, one threshold for all scenes, and a score taken at
    its word as the probability of a ship. That probability is, with the natural logarithm,

        logit(p) = ship_intercept + ship_slope * s ** ship_slope_power * logit(score) + ship_log_blur * ln(s),
        s = sensor_px

    for pictures that hold as many ships as those it was fitted on (`training/calibrate.py` says which).

    Attributes:
        model_id: name and version, as "berthwatch-n 2026.11"; written into every detection.
        architecture: network family and size, as "yolo26n-obb".
        classes: vessel classes in the order of the network's outputs.
        output: layout of the network's output, see `decode.py`.
        min_working_gsd_m, max_working_gsd_m: range of ground sampling distance the model was trained for, in metres.
        tile_px: side of the square tiles it takes, in pixels.
        score_threshold: recommended lowest score of a detection.
        coarse_score_thresholds: others for coarser scenes, each from a GSD on, finest first.
        ship_intercept, ship_slope, ship_slope_power, ship_log_blur: from score to the probability of a ship, as above.
        length_bias_px, ..., length_sd_fraction: errors of the measured length, as in `SizeErrors`.
        beam_bias_px, ..., beam_sd_fraction: errors of the measured beam.
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
    coarse_score_thresholds: tuple[CoarseThreshold, ...] = ()
    ship_intercept: float = 0.0
    ship_slope: float = Field(default=1.0, gt=0)
    ship_slope_power: float = Field(default=0.0, ge=-2, le=2)
    ship_log_blur: float = 0.0
    length_bias_px: float = 0.0
    length_bias_px_per_blur: float = 0.0
    length_bias_fraction: float = Field(default=0.0, gt=-0.5, lt=0.5)
    length_sd_px: float = Field(default=1.0, ge=0)
    length_sd_px_per_blur: float = Field(default=0.0, ge=0)
    length_sd_fraction: float = Field(default=0.08, ge=0)
    beam_bias_px: float = 0.0
    beam_bias_px_per_blur: float = 0.0
    beam_bias_fraction: float = Field(default=0.0, gt=-0.5, lt=0.5)
    beam_sd_px: float = Field(default=1.0, ge=0)
    beam_sd_px_per_blur: float = Field(default=0.0, ge=0)
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

    @model_validator(mode="after")
    def _thresholds_go_from_fine_to_coarse(self) -> ModelMetadata:
        starts = [threshold.from_gsd_m for threshold in self.coarse_score_thresholds]
        if starts != sorted(set(starts)):
            raise ValueError(f"coarse_score_thresholds start at {starts}: list each from_gsd_m once, finest first")
        return self

    @property
    def length_errors(self) -> SizeErrors:
        """Errors of the measured length."""
        return self._size_errors("length")

    @property
    def beam_errors(self) -> SizeErrors:
        """Errors of the measured beam."""
        return self._size_errors("beam")

    def _size_errors(self, size: str) -> SizeErrors:
        return SizeErrors(**{field.name: getattr(self, f"{size}_{field.name}") for field in fields(SizeErrors)})

    def working_gsd_m(self, scene_gsd_m: float) -> float:
        """GSD in metres to which a scene of `scene_gsd_m` is resampled for this model: the nearest it knows."""
        return float(np.clip(scene_gsd_m, self.min_working_gsd_m, self.max_working_gsd_m))

    def sensor_px(self, scene_gsd_m: float) -> float:
        """Working pixels that one pixel of a scene spans, at least 1: 10 m at a working GSD of 4 m, 2.5; 0.7 m, 1."""
        return max(1.0, scene_gsd_m / self.working_gsd_m(scene_gsd_m))

    def score_threshold_at(self, scene_gsd_m: float, *, at_berths: bool = False) -> float:
        """The recommended lowest score in a scene of that GSD, metres; a lower one may do where berths are."""
        passed = [coarse.score for coarse in self.coarse_score_thresholds if scene_gsd_m >= coarse.from_gsd_m]
        recommended = passed[-1] if passed else self.score_threshold
        if not at_berths:
            return recommended
        offset, steepness = self._ship_log_odds(scene_gsd_m)
        return min(recommended, round(float(expit((logit(BERTH_SHIP_PROBABILITY) - offset) / steepness)), 3))

    @property
    def lowest_score_threshold(self) -> float:
        """The lowest of the recommended thresholds: what a detector keeps that does not know the scene."""
        starts = [self.min_working_gsd_m, *(coarse.from_gsd_m for coarse in self.coarse_score_thresholds)]
        return min(self.score_threshold_at(gsd_m, at_berths=True) for gsd_m in starts)

    def ship_probability(self, scores: NDArray[np.floating], scene_gsd_m: float) -> NDArray[np.float64]:
        """The probability that a detection is a ship, (n,), by its score and the scene's GSD in metres."""
        log_odds = logit(np.clip(np.asarray(scores, np.float64), 1e-4, 1 - 1e-4))
        offset, steepness = self._ship_log_odds(scene_gsd_m)
        return expit(offset + steepness * log_odds)

    def _ship_log_odds(self, scene_gsd_m: float) -> tuple[float, float]:
        """Offset and slope of a ship's log odds on the log odds of her score."""
        sensor_px = self.sensor_px(scene_gsd_m)
        offset = self.ship_intercept + self.ship_log_blur * float(np.log(sensor_px))
        return offset, self.ship_slope * sensor_px**self.ship_slope_power

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
