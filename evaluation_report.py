"""What an evaluation came to: all figures as JSON, and a page with the worst misses and false alarms as pictures."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from . import __version__
from .errors import BerthwatchError
from .evaluation import Rules, Run
from .imagery.radiometry import estimate_stretch
from .inference.size_class import SIZE_CLASS_NAMES, most_likely_size_class, size_class_probabilities
from .reporting.evaluation_crops import Crop, cut_crop
from .reporting.evaluation_page import render_evaluation_page
from .training import evaluation_tables as tables
from .training.evaluate import Judged, figures_of
from .training.evaluation_cases import Case, worst_false_alarms, worst_misses
from .training.evaluation_pictures import JudgedPicture


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
        "score_thresholds": sorted(set(judged.score_thresholds)),
        "working_gsd_m": own.shown,
        "pictures": len(pictures),
        "pictures_of_assumed_gsd": sum(picture.gsd_assumed for picture in pictures),
        "assumed_gsd_m": next((picture.scene.gsd_m for picture in pictures if picture.gsd_assumed), None),
        "all": figures_of(judged),
        "scenes": tables.by_name(judged, names),
        "by_gsd": tables.by_gsd(known),
        "by_length_m": tables.by_length_m(known),
        "by_length_px": tables.by_length_px(judged),
        "by_class": tables.by_class(judged),
        "by_kind": tables.by_kind(judged),
        "kind_confusion": tables.kind_confusion(judged),
        "size_class_confusion": _size_class_confusion(judged),
        "score_reliability": tables.score_reliability(judged),
        "ship_reliability": tables.ship_reliability(judged),
        "tanker_reliability": tables.tanker_reliability(judged),
        "lengths": _lengths(known),
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


def _lengths(judged: Judged) -> list[dict[Hashable, Any]]:
    """Labelled and measured length of every counted ship that was found."""
    ships = judged.ships
    found = ships[ships["counted"] & ships["found"] & ships["measured"]]
    pairs = found[["kind", "length_m", "seen_length_m"]].round(1)
    return pairs.set_axis(["kind", "label_m", "measured_m"], axis=1).to_dict("records")


def _without_nan(value: Any) -> Any:
    """The same nested value with None for what is not a number, which JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_evaluation(
    told: dict[str, Any], run: Run, pictures: Sequence[JudgedPicture], figures: Path, page: Path, *, most: int = 12
) -> None:
    """Write the figures as JSON and the page that shows them: both appear, whole, or neither does.

    Args:
        told: as `results` gives them.
        run: whose `most` worst misses and false alarms the page shows as pictures.
        pictures: that it was judged on.
        figures, page: the files.
        most: pictures of either kind.

    Raises:
        BerthwatchError: one cannot be written, or a picture not be read any more.
    """
    text = json.dumps(told, indent=2) + "\n"
    _write_together({page: _page(told, run, pictures, most), figures: text})


def _page(told: dict[str, Any], run: Run, pictures: Sequence[JudgedPicture], most: int) -> str:
    thresholds = run.judged.score_thresholds
    stretch_of = cache(lambda number: estimate_stretch(pictures[number].scene))

    def crop(case: Case) -> Crop | None:
        picture = pictures[case.picture]
        size = f"{case.length_px:.0f} px" if picture.gsd_assumed else f"{case.length_m:.0f} m ({case.length_px:.0f} px)"
        caption = f"{size}: {case.told}"
        return cut_crop(picture.scene, stretch_of(case.picture), case.corners, case.outlines, caption=caption)

    def crops(cases: Sequence[Case]) -> list[Crop]:
        return [made for made in map(crop, cases) if made]

    return render_evaluation_page(
        told,
        crops(worst_misses(run.comparisons, score_thresholds=thresholds, most=most)),
        crops(worst_false_alarms(run.comparisons, score_thresholds=thresholds, most=most)),
    )


def _write_together(texts: Mapping[Path, str]) -> None:
    """Write text files under temporary names, then rename them: an old one never stays beside a new one."""
    partials: dict[Path, Path] = {}
    path = next(iter(texts))
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partials[path] = path.with_name(f".{path.name}.{os.getpid()}.partial")
            partials[path].write_text(text, encoding="utf-8")
            if path.is_dir():  # then the rename would fail, when the other file might be in place already
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        for path, partial in partials.items():
            partial.replace(path)
    except OSError as error:
        raise BerthwatchError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for partial in partials.values():
            partial.unlink(missing_ok=True)
