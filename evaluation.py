"""Detectors on labelled pictures: every picture through the pipeline of `detect`, its ships beside its labels.

berthwatch evaluate SCENE... --dataset NAME=FOLDER --against MODEL --out figures.json
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import geopandas as gpd
from rasterio.errors import NotGeoreferencedWarning

from .errors import BerthwatchError
from .inference.detect import DetectSettings, detect_scene
from .models.detector import Detector
from .training.baselines import Baseline
from .training.comparison import Comparison, compare
from .training.evaluate import Judged, judge
from .training.evaluation_pictures import JudgedPicture

# Average precision needs the tail of low scores that the recommended threshold cuts off.
LOWEST_SCORE = 0.01

# At a picture's own GSD the longest ship may be most of a tile; slicers usually let tiles overlap by so much of them.
_OVERLAP_OF_TILE_AT_OWN_GSD = 0.25

Progress = Callable[[str, int, int], None]  # which detector, pictures done, pictures in all


@dataclass(frozen=True)
class Rules:
    """What counts, and as what.

    Attributes:
        min_iou: least overlap of a detection with its ship.
        min_length_m, min_length_px: shorter ships count neither for nor against; pixels are the picture's own.
        score_threshold: lower scores are left out of all but AP and curves; None: each model's own for the picture's
            GSD.
        overlap_m: of tiles.
    """

    min_iou: float = 0.3
    min_length_m: float = 0.0
    min_length_px: float = 0.0
    score_threshold: float | None = None
    overlap_m: float = 400.0

    def __post_init__(self) -> None:
        if self.score_threshold is not None and not 0 < self.score_threshold < 1:
            raise BerthwatchError(f"score threshold {self.score_threshold:g} must lie between 0 and 1")


@dataclass(frozen=True)
class Run:
    """What one detector found in all pictures: a row of the table of detectors.

    model_id, weights_sha256: which detector. shown: at which GSD it saw the pictures, in words. scored: which boxes
    were compared, in words. comparisons: one a picture. judged: all of them together.
    """

    model_id: str
    weights_sha256: str
    shown: str
    scored: str
    comparisons: tuple[Comparison, ...]
    judged: Judged


@dataclass(frozen=True)
class _Showing:
    """A detector with the GSDs it is shown pictures at; overlap_of_tile: by how much of a tile they overlap at most."""

    detector: Detector
    words: str
    overlap_of_tile: float = math.inf


def evaluate(
    detector: Detector,
    pictures: Sequence[JudgedPicture],
    rules: Rules,
    *,
    against: Sequence[Baseline] = (),
    progress: Progress | None = None,
) -> list[Run]:
    """Run a detector, and those it is compared with, over labelled pictures; its own run comes first.

    detector, against: loaded with `LOWEST_SCORE`. A baseline that knows no GSD of its own is shown the pictures as
    `detector` is, and once more at their own GSD. One that knows no oriented boxes is scored by its upright boxes as
    they are, and once more by the upright hulls of detections and labels; then `detector` is, too.

    Raises:
        BerthwatchError: there is no picture, or one cannot be read.
    """
    if not pictures:
        raise BerthwatchError("nothing to evaluate on: no labelled picture was read")
    own = _Showing(detector, _gsd_words(detector))
    found = _detections(own, pictures, rules, progress)
    runs = [_run(own, pictures, found, rules, "oriented boxes")]
    if not all(baseline.oriented for baseline in against):
        runs.append(_run(own, pictures, found, rules, "upright hulls", upright=True))
    for baseline in against:
        for showing in _showings(baseline, detector):
            found = _detections(showing, pictures, rules, progress)
            boxes = "oriented boxes" if baseline.oriented else "its upright boxes as they are"
            runs.append(_run(showing, pictures, found, rules, boxes))
            if not baseline.oriented:
                runs.append(_run(showing, pictures, found, rules, "upright hulls", upright=True))
    return runs


def _gsd_words(detector: Detector) -> str:
    low, high = detector.metadata.min_working_gsd_m, detector.metadata.max_working_gsd_m
    return f"{low:g} m" if low == high else f"{low:g} to {high:g} m"


def _showings(baseline: Baseline, beside: Detector) -> list[_Showing]:
    """At which GSDs a baseline is shown the pictures: its own, or else both as `beside` is and as they are."""
    if baseline.knows_gsd:
        return [_Showing(baseline.detector, _gsd_words(baseline.detector))]
    gsds = {name: getattr(beside.metadata, name) for name in ("min_working_gsd_m", "max_working_gsd_m")}
    resampling = copy.copy(baseline.detector)
    resampling.metadata = resampling.metadata.model_copy(update=gsds)
    return [
        _Showing(resampling, _gsd_words(beside)),
        _Showing(baseline.detector, "own GSD", _OVERLAP_OF_TILE_AT_OWN_GSD),
    ]


def _detections(
    showing: _Showing, pictures: Sequence[JudgedPicture], rules: Rules, progress: Progress | None
) -> list[gpd.GeoDataFrame]:
    """The ships of each picture by the pipeline of `detect`."""
    found = []
    card = showing.detector.metadata
    for done, picture in enumerate(pictures, start=1):
        most_m = showing.overlap_of_tile * card.tile_px * card.working_gsd_m(picture.scene.gsd_m)
        settings = DetectSettings(overlap_m=min(rules.overlap_m, most_m), score_threshold=LOWEST_SCORE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            found.append(detect_scene(picture.scene, showing.detector, settings)[1])
        if progress:
            progress(f"{card.model_id} at {showing.words}", done, len(pictures))
    return found


def _run(
    showing: _Showing,
    pictures: Sequence[JudgedPicture],
    found: Sequence[gpd.GeoDataFrame],
    rules: Rules,
    scored: str,
    *,
    upright: bool = False,
) -> Run:
    comparisons = tuple(
        compare(
            picture.scene,
            picture.labels,
            ships,
            min_iou=rules.min_iou,
            min_length_m=rules.min_length_m,
            min_length_px=rules.min_length_px,
            upright=upright,
            known_upright=picture.known_upright,
        )
        for picture, ships in zip(pictures, found, strict=True)
    )
    card = showing.detector.metadata
    thresholds = [
        card.score_threshold_at(picture.scene.gsd_m) if rules.score_threshold is None else rules.score_threshold
        for picture in pictures
    ]
    judged = judge(comparisons, score_threshold=thresholds, min_iou=rules.min_iou)
    return Run(card.model_id, card.weights_sha256, showing.words, scored, comparisons, judged)
