"""One port, from scenes to report: detect what is new, estimate from all that the store holds, write the outputs."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import pandas as pd
import shapely

from .configs.cargo import CargoAssumptions, load_cargo
from .configs.port import Port
from .errors import BerthwatchError
from .estimation.estimate import Estimate, estimate
from .estimation.occupancy import HOW_TO_DATE
from .imagery.raster import display_name
from .imagery.scene import Scene, open_scene
from .inference.detect import DetectSettings
from .inference.detect_scenes import SceneOutcome, detect_scenes, with_stored_time
from .inference.fingerprint import picture_fingerprint
from .inference.stage_times import StageTimes
from .inference.store import SceneRecord, read_store
from .models.detector import Detector
from .reporting.export import export_estimate
from .reporting.report import write_report
from .scene_doubts import doubts_of_scenes

log = logging.getLogger(__name__)

REPORT = "report.html"


@dataclass(frozen=True)
class Question:
    """What is asked of the detections.

    Attributes:
        cargo_path: YAML of cargo assumptions; None: the shipped ones.
        product: key of the assumptions' products; None: their default.
        period: (start, end), aware; None: the first or the last scene's time.
        reported: columns `date` (aware) and `barrels` that states notified, or None.
        identified: ships that the user knows: columns `visit_id`, `name`, `dwt_t`, or None.
        pump_limit: bound a visit's barrels by what can be pumped between the looks that bound her stay.
        draws: posterior draws; None for as many as `estimate` thinks enough.
        seed: of the random numbers.
        notes: sentences that the report must show before its own warnings.
    """

    cargo_path: Path | None = None
    product: str | None = None
    period: tuple[datetime | None, datetime | None] = (None, None)
    reported: pd.DataFrame | None = None
    identified: pd.DataFrame | None = None
    pump_limit: bool = False
    draws: int | None = None
    seed: int = 0
    notes: tuple[str, ...] = ()


def watch(
    port: Port,
    scenes: Iterable[Scene | str | Path],
    store: Path,
    *,
    detector: Detector,
    settings: DetectSettings | None = None,
    question: Question | None = None,
    again: bool = False,
    opener: Callable[[str | Path], Scene] = open_scene,
    progress: Callable[[str, int, int], None] | None = None,
    ended: Callable[[SceneOutcome], None] | None = None,
    times: StageTimes | None = None,
) -> Estimate:
    """Detect ships in the scenes, then estimate from the whole store and write report, tables and GeoPackage.

    Args:
        port: its AOI bounds the search, its berths are watched.
        scenes: opened scenes or sources for `opener`; each needs an acquisition time.
        store: folder for detections and outputs; scenes it holds already count too.
        detector, settings, again, opener, progress, ended, times: as `detect_scenes`.
        question: what is asked of the detections; defaults if None.

    Raises:
        BerthwatchError: no scene could be used, or the store or the question does not fit.
    """
    # What the estimate at the end would refuse is told before hours of detection, not after.
    cargo = load_cargo(question.cargo_path if question else None)
    cargo.product(question.product if question else None)
    cargo.cap(port.cap)
    outcomes = detect_scenes(
        scenes,
        detector,
        store,
        settings or DetectSettings(at_berths=True),
        aoi=shapely.box(*port.aoi),
        again=again,
        opener=lambda source: dated(with_stored_time(opener(source), store)),
        progress=progress,
        ended=ended,
        times=times,
    )
    if outcomes and all(outcome.status == "failed" for outcome in outcomes):
        alone = outcomes[0].error if len(outcomes) == 1 else None
        raise BerthwatchError(alone or "no scene could be used, so nothing was estimated; the reasons stand above")
    return report_store(port, store, question)


def dated(scene: Scene) -> Scene:
    """The scene, if its acquisition time is known.

    Raises:
        BerthwatchError: it is not; a berth's history cannot be told without it.
    """
    if scene.acquired_at is None:
        raise BerthwatchError(
            f"{scene.scene_id}: nothing tells when this scene was taken (tags, STAC item, file name); {HOW_TO_DATE}"
        )
    return scene


def report_store(port: Port, store: Path, question: Question | None = None) -> Estimate:
    """Estimate from what the store holds and write `report.html`, tables and GeoPackage into it, together at the end.

    Raises:
        BerthwatchError: the store holds no scene, one has no time, none shows the port, the question does not fit, or
            the store cannot be written.
    """
    question = question or Question()
    records, detections = read_store(store)
    result = answer(port, records, detections, load_cargo(question.cargo_path), question)
    with _all_at_once(store) as beside:
        write_report(result, beside / REPORT, scenes=reopened(result.records))
        export_estimate(result, beside / f"{port.id}.gpkg", format="gpkg")
        export_estimate(result, beside / "tables", format="csv")
    return result


@contextmanager
def _all_at_once(folder: Path) -> Iterator[Path]:
    """An empty folder whose files go to `folder` at the end, so that who stops the work has all the old or all the new.

    Raises:
        BerthwatchError: `folder` cannot be written.
    """
    try:
        with TemporaryDirectory(prefix=".", suffix=".partial", dir=folder) as beside:
            yield Path(beside)
            for path in [path for path in sorted(Path(beside).rglob("*")) if path.is_file()]:
                target = folder / path.relative_to(beside)
                target.parent.mkdir(exist_ok=True)
                path.replace(target)
    except OSError as error:
        raise BerthwatchError(f"{folder}: results cannot be written there ({error.strerror or error})") from error


def answer(
    port: Port,
    records: Sequence[SceneRecord],
    detections: gpd.GeoDataFrame,
    cargo: CargoAssumptions,
    question: Question,
) -> Estimate:
    """The estimate that a question asks for, with what speaks against the scenes among its warnings.

    Args:
        port: the port.
        records, detections: as `read_store` gives them.
        cargo: the assumptions; the question's own `cargo_path` is not read.
        question: what is asked.

    Raises:
        BerthwatchError: a scene has no time, none shows the port, or the question does not fit.
    """
    doubts = doubts_of_scenes(port, records)
    result = estimate(
        port,
        records,
        detections,
        cargo,
        product=question.product,
        period=question.period,
        reported=question.reported,
        identified=question.identified,
        pump_limit=question.pump_limit,
        draws=question.draws,
        seed=question.seed,
    )
    return replace(result, warnings=(*question.notes, *doubts, *result.warnings))


def reopened(records: Iterable[SceneRecord]) -> dict[str, Scene]:
    """The scenes whose pictures are still where they were, by scene id: the report shows their pictures.

    They are opened in the bands that the detector saw. The report shows none whose SHA-256 is another than the
    record's; where the record has none, only a picture that has its quick key still is here.
    """
    scenes = {}
    for record in records:
        bands: dict[str, str] = dict(zip(("red", "green", "blue"), map(str, record.band_indexes or ()), strict=False))
        try:
            scene = open_scene(record.source, bands=bands, acquired_at=record.acquired_at)
        except BerthwatchError:
            continue
        if record.picture_files or picture_fingerprint(scene) == record.picture_fingerprint:
            scenes[record.scene_id] = scene
        else:
            log.warning(
                "%s: %s has changed since ships were sought in it, so the report does not show it; detect it again",
                *(record.scene_id, display_name(record.source)),
            )
    return scenes
