"""How far a detector's lengths and beams are off: what the model card tells inference to correct and to expect."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from ..errors import BerthwatchError
from ..models.boxes import Boxes
from ..models.detector import Detector
from .crops import Chip
from .metrics import NOT_COUNTED, average_precision, match_ships

# Below this many ships a fit of two error terms is noise.
FEWEST_SHIPS = 20


@dataclass(frozen=True)
class SizeErrors:
    """Errors of one measured size: true = measured - bias_px * gsd, sd^2 = (sd_px * gsd)^2 + (sd_fraction * size)^2.

    Pixels are those of the working grid; ships: how many the fit rests on.
    """

    bias_px: float
    sd_px: float
    sd_fraction: float
    ships: int


def fit_size_errors(measured_px: NDArray[np.float64], true_px: NDArray[np.float64]) -> SizeErrors:
    """Maximum likelihood of the error model above, with Student's t (4 degrees of freedom) for the odd wild box.

    measured_px, true_px: (n,) sizes in working pixels of ships that were found and matched with their label. A t
    distribution has heavier shoulders than the normal one of the same scale; the scales are widened to its standard
    deviation, so that what inference takes for sigma covers the wild boxes as well.

    Raises:
        ValueError: fewer than `FEWEST_SHIPS` ships.
    """
    if len(measured_px) < FEWEST_SHIPS:
        raise ValueError(f"{len(measured_px)} ships; at least {FEWEST_SHIPS} are needed to fit an error model")
    degrees = 4.0
    error = measured_px - true_px
    start = np.array([np.median(error), np.log(np.std(error) + 0.1), np.log(0.05)])

    def loss(parameters: NDArray[np.float64]) -> float:
        bias, log_px, log_fraction = parameters
        scale = np.hypot(np.exp(log_px), np.exp(log_fraction) * measured_px)
        t = (error - bias) / scale
        return float(np.sum(np.log(scale) + (degrees + 1) / 2 * np.log1p(t**2 / degrees)))

    bounds = [(None, None), (np.log(0.05), np.log(50.0)), (np.log(0.003), np.log(0.6))]
    bias, log_px, log_fraction = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    widened = float(np.sqrt(degrees / (degrees - 2)))
    return SizeErrors(
        float(bias), float(np.exp(log_px)) * widened, float(np.exp(log_fraction)) * widened, len(measured_px)
    )


@dataclass(frozen=True)
class Calibration:
    """What a detector's card should say, measured on validation chips.

    score_threshold: where F1 is best. average_precision: of ships at that overlap, over all scores. tankers: for each
    fifth of the claimed tanker probability, (mean claimed, share that were tankers, ships).
    """

    length: SizeErrors
    beam: SizeErrors
    score_threshold: float
    f1: float
    average_precision: float
    tankers: tuple[tuple[float, float, int], ...]

    def card_fields(self) -> dict[str, float]:
        """The fields of `ModelMetadata` that this settles."""
        fields = {"score_threshold": round(self.score_threshold, 2)}
        for name, errors in (("length", self.length), ("beam", self.beam)):
            fields |= {
                f"{name}_bias_px": round(errors.bias_px, 2),
                f"{name}_sd_px": round(errors.sd_px, 2),
                f"{name}_sd_fraction": round(errors.sd_fraction, 3),
            }
        return fields


def calibrate(detector: Detector, chips: Iterable[Chip], *, min_iou: float = 0.3) -> Calibration:
    """Run a detector over labelled chips and fit its errors.

    detector: loaded with a low score threshold (0.05), or the best threshold cannot be told. chips: smaller than the
    detector's tile, which several of them share.

    Raises:
        BerthwatchError: too few ships were found to fit anything.
    """
    scores, verdicts, ships, rows = [], [], 0, []
    for chip, boxes in _detected(detector, chips):
        matches = match_ships(boxes.corners(), boxes.scores, chip.labels, min_iou=min_iou)
        judged = matches.label_of != NOT_COUNTED
        scores.append(boxes.scores[judged])
        verdicts.append(matches.label_of[judged] >= 0)
        ships += int(matches.counted.sum())
        for box in np.flatnonzero(matches.label_of >= 0).tolist():
            label = matches.label_of[box]
            rows.append(
                {
                    "score": boxes.scores[box],
                    "length": boxes.xywha[box, 2],
                    "beam": boxes.xywha[box, 3],
                    "true_length": chip.labels.sides[label, 0],
                    "true_beam": chip.labels.sides[label, 1],
                    "claimed": _tanker_share(boxes.class_scores, box, detector.metadata.classes),
                    "class": chip.labels.classes[label],
                }
            )
    if sum(row["class"] != "other" for row in rows) < FEWEST_SHIPS:
        raise BerthwatchError(
            f"{len(rows)} of {ships} ships found; at least {FEWEST_SHIPS} merchant ships are needed to calibrate"
        )
    all_scores, true = np.concatenate(scores), np.concatenate(verdicts)
    threshold, f1 = _best_threshold(all_scores, true, ships)
    table = pd.DataFrame(rows)
    table = table[table["score"] >= threshold]
    # Bowsprits, booms and wakes of small craft say nothing of how well merchant hulls are measured.
    merchant = table[table["class"] != "other"]
    known = table[table["class"] != "unknown"]
    return Calibration(
        length=fit_size_errors(merchant["length"].to_numpy(), merchant["true_length"].to_numpy()),
        beam=fit_size_errors(merchant["beam"].to_numpy(), merchant["true_beam"].to_numpy()),
        score_threshold=threshold,
        f1=f1,
        average_precision=average_precision(all_scores, true, ships),
        tankers=_reliability(known["claimed"].to_numpy(), (known["class"] == "tanker").to_numpy().astype(float)),
    )


def _detected(detector: Detector, chips: Iterable[Chip]) -> Iterator[tuple[Chip, Boxes]]:
    """Each chip with the boxes centred in it; as many chips as fit share a tile."""
    tile_px = detector.metadata.tile_px
    waiting = iter(chips)
    while batch := list(itertools.islice(waiting, 1)):
        size = batch[0].rgb.shape[0]
        across = max(tile_px // size, 1)
        batch += itertools.islice(waiting, across**2 - 1)
        tile = np.zeros((tile_px, tile_px, 3), np.uint8)
        corners = [(size * (k % across), size * (k // across)) for k in range(len(batch))]
        for chip, (x, y) in zip(batch, corners, strict=True):
            tile[y : y + size, x : x + size] = chip.rgb[:tile_px, :tile_px]
        (boxes,) = detector.detect(tile[None])
        for chip, (x, y) in zip(batch, corners, strict=True):
            inside = boxes.centres_inside(x, y, x + size, y + size)
            yield chip, boxes.select(inside).shifted(-x, -y)


def _tanker_share(class_scores: NDArray[np.float32] | None, box: int, classes: tuple[str, ...]) -> float:
    """The claimed probability of a tanker; "unknown" is shared out equally, as inference does."""
    if class_scores is None or "tanker" not in classes:
        return float("nan")
    share = class_scores[box] / class_scores[box].sum()
    unknown = share[classes.index("unknown")] / (len(classes) - 1) if "unknown" in classes else 0.0
    return float(share[classes.index("tanker")] + unknown)


def _best_threshold(scores: NDArray[np.float64], true: NDArray[np.bool_], ships: int) -> tuple[float, float]:
    """Threshold of the best F1 on a grid of hundredths, and that F1."""
    best = (0.05, 0.0)
    for threshold in np.arange(0.05, 0.9, 0.01):
        kept = true[scores >= threshold]
        f1 = 2 * kept.sum() / max(len(kept) + ships, 1)
        if f1 > best[1]:
            best = (float(threshold), float(f1))
    return best


def _reliability(claimed: NDArray[np.float64], tanker: NDArray[np.float64]) -> tuple[tuple[float, float, int], ...]:
    fifths = np.clip((claimed * 5).astype(int), 0, 4)
    return tuple(
        (float(claimed[fifths == i].mean()), float(tanker[fifths == i].mean()), int((fifths == i).sum()))
        for i in range(5)
        if (fifths == i).any()
    )
