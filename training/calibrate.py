"""What a detector's card tells inference to correct and to expect, measured on chips that it has not learnt from.

Fitted are: from score and sharpness to the probability of a ship; the threshold where F1 is best, for sharp and for
coarse scenes; bias and standard deviation of length and beam, by sharpness and size. Sharpness is `sensor_px`, how many
pixels of a chip one sample of the sensor spans, which is all that a detector sees of a scene's GSD: every scene finer
than its working GSD looks alike to it. Chips bear that number (`chips.write_chips`).

A probability holds for pictures like those it was fitted on. Chips round ships hold more of them, and fewer
breakwaters, than scenes do; `mixture` therefore takes its Sentinel-2 validation chips from anywhere in a scene.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from scipy.optimize import minimize

from ..configs.yaml_file import load_yaml
from ..errors import BerthwatchError
from ..models.boxes import Boxes
from ..models.detector import Detector
from ..models.metadata import ModelMetadata, SizeErrors
from .chip_cutting import write_atomically
from .crops import SMALLEST_SHIP_PX, Chip
from .metrics import FALSE_ALARM, NOT_COUNTED, average_precision, match_ships
from .score_fit import ShipFit, best_threshold, calibration_error, fit_ship_probability, reliability

# Below this many ships a fit of error terms is noise.
FEWEST_SHIPS = 20

# Scenes that the detector sees at least so much enlarged have a threshold of their own.
COARSE_SENSOR_PX = 1.25

# Priors of what the data may not show: sharpness and size change a bias little. That of sharpness is no weak one:
# coarse chips show a few ports' ships many times over, and those are labelled to a pixel of the sensor at best.
_BIAS_PER_BLUR_SD_PX, _BIAS_FRACTION_SD, _SD_PER_BLUR_SD_PX = 0.3, 0.05, 1.0


def fit_size_errors(
    measured_px: NDArray[np.float64], true_px: NDArray[np.float64], sensor_px: NDArray[np.float64]
) -> SizeErrors:
    """Maximum likelihood of the model in `SizeErrors`, with Student's t (4 degrees of freedom) for the odd wild box.

    measured_px, true_px: (n,) sizes in working pixels of ships that were found and matched with their label.
    sensor_px: (n,) sharpness of their pictures. A t distribution has heavier shoulders than the normal one of the same
    scale; the scales are widened to its standard deviation, so that what inference takes for sigma covers the wild
    boxes as well. Priors pull the terms in sharpness and the bias in size to none.

    Raises:
        ValueError: fewer than `FEWEST_SHIPS` ships.
    """
    if len(measured_px) < FEWEST_SHIPS:
        raise ValueError(f"{len(measured_px)} ships; at least {FEWEST_SHIPS} are needed to fit an error model")
    degrees = 4.0
    error, blur = measured_px - true_px, sensor_px - 1.0
    start = np.array([np.median(error), 0.0, 0.0, np.log(np.std(error) + 0.1), 0.0, np.log(0.05)])

    def loss(parameters: NDArray[np.float64]) -> float:
        bias, per_blur, fraction, log_px, sd_per_blur, log_fraction = parameters
        expected = bias + per_blur * blur + fraction * measured_px
        scale = np.hypot(np.exp(log_px) + sd_per_blur * blur, np.exp(log_fraction) * measured_px)
        t = (error - expected) / scale
        pull = (per_blur / _BIAS_PER_BLUR_SD_PX) ** 2 + (fraction / _BIAS_FRACTION_SD) ** 2
        pull += (sd_per_blur / _SD_PER_BLUR_SD_PX) ** 2
        return float(np.sum(np.log(scale) + (degrees + 1) / 2 * np.log1p(t**2 / degrees)) + pull / 2)

    bounds = [(None, None), (-5, 5), (-0.3, 0.3), (np.log(0.05), np.log(50)), (0, 20), (np.log(0.003), np.log(0.6))]
    bias, per_blur, fraction, log_px, sd_per_blur, log_fraction = minimize(
        loss, start, method="L-BFGS-B", bounds=bounds
    ).x.tolist()
    widened = float(np.sqrt(degrees / (degrees - 2)))
    return SizeErrors(
        bias_px=bias,
        bias_px_per_blur=per_blur,
        bias_fraction=fraction,
        sd_px=float(np.exp(log_px)) * widened,
        sd_px_per_blur=sd_per_blur * widened,
        sd_fraction=float(np.exp(log_fraction)) * widened,
    )


@dataclass(frozen=True)
class Range:
    """How a detector does on the chips of one range of sharpness.

    threshold: of the best expected F1. f1: that expected F1. ship_reliability: for each fifth of the calibrated
    probability, (mean claimed, share that were ships, detections). error_before, error_after: mean distance of claimed
    from true share, of the bare score and of the calibrated probability.
    """

    sharp: bool
    ships: int
    threshold: float
    f1: float
    average_precision: float
    ship_reliability: tuple[tuple[float, float, int], ...]
    error_before: float
    error_after: float


@dataclass(frozen=True)
class Calibration:
    """What a detector's card should say, measured on validation chips.

    ranges: sharp chips, then coarse ones; those of too few ships are left out. coarse_from_gsd_m: scene GSD from which
    the coarse range's threshold holds. measured_ships: how many the size errors rest on. tankers: for each fifth of the
    claimed tanker probability, (mean claimed, share that were tankers, ships).
    """

    ship: ShipFit
    ranges: tuple[Range, ...]
    coarse_from_gsd_m: float
    length: SizeErrors
    beam: SizeErrors
    measured_ships: int
    average_precision: float
    tankers: tuple[tuple[float, float, int], ...]

    def card_fields(self) -> dict[str, Any]:
        """The fields of `ModelMetadata` that this settles, as YAML can hold them."""
        coarse = [r for r in self.ranges if not r.sharp]
        # Where there are no sharp chips, the coarse ones' threshold holds for all.
        general = next((r for r in self.ranges if r.sharp), self.ranges[0])
        fields: dict[str, Any] = {
            "score_threshold": round(general.threshold, 2),
            "coarse_score_thresholds": [
                {"from_gsd_m": round(self.coarse_from_gsd_m, 2), "score": round(r.threshold, 2)} for r in coarse
            ],
            **{f"ship_{name}": round(value, 3) for name, value in asdict(self.ship).items()},
        }
        for size, errors in (("length", self.length), ("beam", self.beam)):
            fields |= {f"{size}_{name}": round(value, 4) for name, value in asdict(errors).items()}
        return fields


def write_card(path: Path, found: Calibration, metadata: ModelMetadata) -> None:
    """Put what was fitted into a card in YAML; one that is not there yet is made from the model's own.

    Raises:
        BerthwatchError: there is a file that is no card.
    """
    card = load_yaml(path, ModelMetadata) if path.exists() else metadata
    told = ModelMetadata.model_validate(card.model_dump() | found.card_fields())
    fields = told.model_dump(mode="json", exclude={"weights_sha256"})
    write_atomically(path, yaml.safe_dump(fields, sort_keys=False, allow_unicode=True))


def calibrate(detector: Detector, chips: Iterable[Chip], *, min_iou: float = 0.3) -> Calibration:
    """Run a detector over labelled chips and fit its card.

    detector: loaded with a low score threshold (0.05), or the best threshold cannot be told. chips: smaller than the
    detector's tile, which several of them share.

    Raises:
        BerthwatchError: too few ships were found to fit anything.
    """
    seen, ships = seen_on_chips(detector, chips, min_iou=min_iou)
    hits = seen[seen["ship"]]
    if (hits["class"] != "other").sum() < FEWEST_SHIPS:
        raise BerthwatchError(
            f"{len(hits)} of {len(ships)} ships found; at least {FEWEST_SHIPS} merchant ships are needed to calibrate"
        )
    fit = fit_ship_probability(*(seen[name].to_numpy() for name in ("score", "sensor_px", "ship")))
    seen = seen.assign(probability=fit.probability(seen["score"].to_numpy(), seen["sensor_px"].to_numpy()))
    ranges = tuple(_ranges(seen, ships))
    if not ranges:
        raise BerthwatchError(f"fewer than {FEWEST_SHIPS} ships on sharp chips, and on coarse ones; give more chips")
    hits = seen[seen["ship"] & (seen["score"] >= min(r.threshold for r in ranges))]
    # Bowsprits, booms and wakes of small craft say nothing of how well merchant hulls are measured.
    merchant = hits[hits["class"] != "other"]
    known = hits[(hits["class"] != "unknown") & hits["claimed"].notna()]
    length, beam = (
        fit_size_errors(*(merchant[name].to_numpy() for name in (size, f"true_{size}", "sensor_px")))
        for size in ("length", "beam")
    )
    return Calibration(
        ship=fit,
        ranges=ranges,
        coarse_from_gsd_m=COARSE_SENSOR_PX * detector.metadata.max_working_gsd_m,
        length=length,
        beam=beam,
        measured_ships=len(merchant),
        average_precision=average_precision(seen["score"].to_numpy(), seen["ship"].to_numpy(), len(ships)),
        tankers=reliability(known["claimed"].to_numpy(), (known["class"] == "tanker").to_numpy().astype(float)),
    )


def _ranges(seen: pd.DataFrame, ships: NDArray[np.float64]) -> Iterator[Range]:
    for sharp in (True, False):
        part = seen[(seen["sensor_px"] < COARSE_SENSOR_PX) == sharp]
        count = int(((ships < COARSE_SENSOR_PX) == sharp).sum())
        if count < FEWEST_SHIPS:
            continue
        score, probability, ship = (part[name].to_numpy(float) for name in ("score", "probability", "ship"))
        threshold, f1 = best_threshold(score, probability, count)
        yield Range(
            sharp=sharp,
            ships=count,
            threshold=threshold,
            f1=f1,
            average_precision=average_precision(score, ship > 0, count),
            ship_reliability=reliability(probability, ship),
            error_before=calibration_error(score, ship),
            error_after=calibration_error(probability, ship),
        )


def seen_on_chips(
    detector: Detector, chips: Iterable[Chip], *, min_iou: float
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Every detection that counts, and the sharpness (`sensor_px`) of the chip of every ship that counts.

    Ships and detections of fewer than 8 samples of the sensor count neither way: no one labels all of those.

    Returns:
        A row a detection: score, ship (whether it found one), sensor_px; and where it did: length, beam, true_length,
        true_beam (pixels), class, claimed (probability that it is a tanker). And (n,) for the ships.
    """
    rows: list[dict[str, Any]] = []
    ships: list[float] = []
    for chip, boxes in _detected(detector, chips):
        shortest = SMALLEST_SHIP_PX * chip.sensor_px
        matches = match_ships(boxes.corners(), boxes.scores, chip.labels, min_iou=min_iou, min_length=shortest)
        ships += [chip.sensor_px] * int(matches.counted.sum())
        for box in np.flatnonzero(matches.label_of != NOT_COUNTED).tolist():
            label = int(matches.label_of[box])
            row: dict[str, Any] = {"score": float(boxes.scores[box]), "sensor_px": chip.sensor_px}
            if label != FALSE_ALARM:
                row |= {
                    "length": boxes.xywha[box, 2],
                    "beam": boxes.xywha[box, 3],
                    "true_length": chip.labels.sides[label, 0],
                    "true_beam": chip.labels.sides[label, 1],
                    "claimed": _tanker_share(boxes.class_scores, box, detector.metadata.classes),
                    "class": chip.labels.classes[label],
                }
            rows.append(row | {"ship": label != FALSE_ALARM})
    columns = ["score", "sensor_px", "ship", "length", "beam", "true_length", "true_beam", "claimed", "class"]
    return pd.DataFrame(rows, columns=pd.Index(columns)).astype({"ship": bool}), np.array(ships)


def _detected(detector: Detector, chips: Iterable[Chip]) -> Iterator[tuple[Chip, Boxes]]:
    """Each chip with the boxes centred in it."""
    for tile, placed in chips_on_tiles(chips, detector.metadata.tile_px):
        (boxes,) = detector.detect(tile[None])
        for chip, (x, y) in placed:
            size = chip.rgb.shape[0]
            inside = boxes.centres_inside(x, y, x + size, y + size)
            yield chip, boxes.select(inside).shifted(-x, -y)


def chips_on_tiles(
    chips: Iterable[Chip], tile_px: int
) -> Iterator[tuple[NDArray[np.uint8], list[tuple[Chip, tuple[int, int]]]]]:
    """Tiles (tile_px, tile_px, 3) with as many chips of one size as fit, and the upper left corner (x, y) of each."""
    waiting = iter(chips)
    while batch := list(itertools.islice(waiting, 1)):
        size = batch[0].rgb.shape[0]
        across = max(tile_px // size, 1)
        batch += itertools.islice(waiting, across**2 - 1)
        tile = np.zeros((tile_px, tile_px, 3), np.uint8)
        corners = [(size * (k % across), size * (k // across)) for k in range(len(batch))]
        placed = list(zip(batch, corners, strict=True))
        for chip, (x, y) in placed:
            tile[y : y + size, x : x + size] = chip.rgb[:tile_px, :tile_px]
        yield tile, placed


def _tanker_share(class_scores: NDArray[np.float32] | None, box: int, classes: tuple[str, ...]) -> float:
    """The claimed probability of a tanker; "unknown" is shared out equally, as inference does."""
    if class_scores is None or "tanker" not in classes:
        return float("nan")
    share = class_scores[box] / class_scores[box].sum()
    unknown = share[classes.index("unknown")] / (len(classes) - 1) if "unknown" in classes else 0.0
    return float(share[classes.index("tanker")] + unknown)
