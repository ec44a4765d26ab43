"""Detectors against labels: every picture through the pipeline of `detect`, compared, counted, told.

berthwatch evaluate SCENE... --dataset NAME=FOLDER --against MODEL --out figures.json
"""

from __future__ import annotations

import copy
import json
import math
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from rasterio.errors import NotGeoreferencedWarning

from . import __version__
from .errors import BerthwatchError
from .inference.detect import DetectSettings, detect_scene
from .inference.size_class import SIZE_CLASS_NAMES, most_likely_size_class, size_class_probabilities
from .models.detector import Detector
from .training import evaluation_tables as tables
from .training.baselines import Baseline
from .training.comparison import Comparison, compare
from .training.evaluate import Judged, figures_of, judge
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
        score_threshold: lower scores are left out of all but AP and curves; None: each model's own threshold.
        overlap_m: of tiles.
    """

    min_iou: float = 0.3
    min_length_m: float = 0.0
    min_length_px: float = 0.0
    score_threshold: float | None = None
    overlap_m: float = 400.0


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
    threshold = card.score_threshold if rules.score_threshold is None else rules.score_threshold
    judged = judge(comparisons, score_threshold=threshold, min_iou=rules.min_iou)
    return Run(card.model_id, card.weights_sha256, showing.words, scored, comparisons, judged)


def results(runs: Sequence[Run], pictures: Sequence[JudgedPicture], rules: Rules) -> dict[str, Any]:
    """All figures of an evaluation as JSON values; what is not defined is None.

    all, scenes (by scene, or by dataset), by_*: see `training.evaluate.figures_of`; the other tables are named as in
    `training.evaluation_tables`. compared: a row for each run, the evaluated model's own first. Lengths in metres are
    told of pictures of known GSD alone.
    """
    own, names = runs[0], [picture.group for picture in pictures]
    judged = own.judged
    known = _of_known_gsd(judged, pictures)
    told = {
        "berthwatch": __version__,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_id": own.model_id,
        "weights_sha256": own.weights_sha256,
        **asdict(rules),
        "score_threshold": judged.score_threshold,
        "working_gsd_m": own.shown,
        "pictures": len(pictures),
        "pictures_of_assumed_gsd": sum(picture.gsd_assumed for picture in pictures),
        "all": figures_of(judged),
        "scenes": tables.by_name(judged, names),
        "by_gsd": tables.by_gsd(known),
        "by_length_m": tables.by_length_m(known),
        "by_length_px": tables.by_length_px(judged),
        "by_class": tables.by_class(judged),
        "by_kind": tables.by_kind(judged),
        "kind_confusion": tables.kind_confusion(judged),
        "size_class_confusion": _size_class_confusion(judged),
        "score_reliability": tables.reliability(judged),
        "tanker_reliability": tables.tanker_reliability(judged),
        "compared": [_row(run, names) for run in runs],
    }
    return _without_nan(told)


def _row(run: Run, names: Sequence[str]) -> dict[str, Any]:
    return {
        "model_id": run.model_id,
        "shown_at": run.shown,
        "scored_by": run.scored,
        "all": figures_of(run.judged),
        "scenes": tables.by_name(run.judged, names),
        "precision_recall": tables.precision_recall_curve(run.judged),
    }


def _of_known_gsd(judged: Judged, pictures: Sequence[JudgedPicture]) -> Judged:
    known = [number for number, picture in enumerate(pictures) if not picture.gsd_assumed]
    return judged.where(judged.ships["picture"].isin(known), judged.detections["picture"].isin(known))


def _size_class_confusion(judged: Judged) -> dict[str, dict[str, int]]:
    """Found tankers: the AFRA class that the labelled hull has, by the one that was told of the detection.

    A label is taken to be right to one pixel.
    """
    ships = judged.ships
    tankers = ships[ships["counted"] & ships["found"] & ships["measured"] & (ships["ship_class"] == "tanker")]
    if tankers.empty:
        return {}
    sides = (tankers[name].to_numpy(float) for name in ("length_m", "gsd_m", "beam_m", "gsd_m"))
    true = pd.Series(most_likely_size_class(size_class_probabilities(*sides)))
    return tables.confusion(true, tankers["seen_size_class"], SIZE_CLASS_NAMES, SIZE_CLASS_NAMES)


def _without_nan(value: Any) -> Any:
    """The same nested value with None for what is not a number, which JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_results(told: dict[str, Any], path: Path) -> None:
    """Write the figures as JSON; the file appears whole or not at all.

    Raises:
        BerthwatchError: it cannot be written.
    """
    half_written = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half_written.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        half_written.replace(path)
    except OSError as error:
        half_written.unlink(missing_ok=True)
        raise BerthwatchError(f"cannot write {path}: {error.strerror or error}") from error
