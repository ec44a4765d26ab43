"""Many scenes -> the store: what is done is skipped, what fails is told and does not stop the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..errors import BerthwatchError, fault_told
from ..imagery.raster import display_name
from ..imagery.scene import Scene, open_scene
from ..models.detector import Detector
from .detect import Area, DetectSettings, detect_scene
from .fingerprint import fingerprint, is_another_picture, picture_fingerprint
from .stage_times import StageTimes
from .store import SceneRecord, read_record, scene_path, write_scene

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneOutcome:
    """What became of one scene.

    Attributes:
        source: as the caller named it.
        scene_id: "" where the scene could not be opened.
        status: "done", "skipped" (the store has it already, by the same model and settings), or "failed".
        ships: number of detections written; None unless done.
        error: one line, why it failed; else None.
        seconds: wall-clock time.
    """

    source: str
    scene_id: str
    status: Literal["done", "skipped", "failed"]
    ships: int | None = None
    error: str | None = None
    seconds: float = 0.0


def detect_scenes(
    scenes: Iterable[Scene | str | Path],
    detector: Detector,
    store: str | Path,
    settings: DetectSettings | None = None,
    *,
    aoi: Area | None = None,
    again: bool = False,
    opener: Callable[[str | Path], Scene] = open_scene,
    progress: Callable[[str, int, int], None] | None = None,
    ended: Callable[[SceneOutcome], None] | None = None,
    times: StageTimes | None = None,
) -> list[SceneOutcome]:
    """Find the ships of many scenes and write them to a store, one file a scene.

    A scene that the store has with the same fingerprint is skipped, so an interrupted run goes on where it was.

    Args:
        scenes: opened scenes, or sources for `opener`; they are opened one at a time.
        detector: finds the ships.
        store: folder, made if it is missing.
        settings: defaults if None.
        aoi: polygon in EPSG:4326; only ships centred inside count.
        again: detect even what the store has.
        opener: opens a source; one with times, bands or a cloud mask bound to it where the files do not tell them.
        progress: called with (scene name, tiles done, tiles in all).
        ended: called with each scene's outcome as soon as it is known.
        times: adds up the seconds of each stage over all scenes.

    Returns:
        The outcomes in the order given. An error fails its scene alone, a fault of the program too: the others of
        thousands go on. A command that sees one "failed" should exit non-zero.
    """
    settings, times = settings or DetectSettings(), times or StageTimes()
    outcomes: list[SceneOutcome] = []
    name_of_id: dict[str, str] = {}
    for item in scenes:
        name = item.scene_id if isinstance(item, Scene) else str(item)
        outcome = SceneOutcome(name, "", "failed")
        start = time.perf_counter()
        try:
            scene = item if isinstance(item, Scene) else opener(item)
            outcome = replace(outcome, scene_id=scene.scene_id)
            path = scene_path(store, scene.scene_id)
            stored = read_record(path) if path.exists() else None
            _check_id_is_free(scene, name, name_of_id, stored)
            if stored and not again and _is_of(stored, scene, detector, settings, aoi):
                outcome = replace(outcome, status="skipped")
            else:
                report = None if progress is None else _named(progress, name)
                with times.running():
                    record, ships = detect_scene(scene, detector, settings, aoi=aoi, progress=report, times=times)
                    with times.working("write"):
                        write_scene(store, record, ships)
                outcome = replace(outcome, status="done", ships=len(ships))
        except BerthwatchError as error:
            outcome = replace(outcome, error=str(error))
        except Exception as error:
            log.info("%s", name, exc_info=True)
            outcome = replace(outcome, error=f"{name}: fault in berthwatch: {fault_told(error)}")
        outcomes.append(replace(outcome, seconds=time.perf_counter() - start))
        if ended:
            ended(outcomes[-1])
    return outcomes


def with_stored_time(scene: Scene, store: str | Path) -> Scene:
    """The scene; where nothing tells its time, with the one that the store has for the very same file, if any.

    A time given by the user once need not be given again, and is not lost when the scene is detected anew.
    """
    path = scene_path(store, scene.scene_id)
    if scene.acquired_at is not None or not path.exists():
        return scene
    record = read_record(path)
    if record.acquired_at is None or record.picture_fingerprint != picture_fingerprint(scene):
        return scene
    return replace(scene, acquired_at=record.acquired_at, time_source=record.time_source, time_doubt=record.time_doubt)


def _is_of(stored: SceneRecord, scene: Scene, detector: Detector, settings: DetectSettings, aoi: Area | None) -> bool:
    metadata = detector.metadata
    return stored.fingerprint == fingerprint(scene, metadata, settings.resolved(metadata, scene, aoi))


def _check_id_is_free(scene: Scene, name: str, name_of_id: dict[str, str], stored: SceneRecord | None) -> None:
    """Two pictures of one name must not overwrite each other: neither within a run nor across runs.

    A picture that has moved since, so that its old place is empty, may take its own place in the store.
    """
    earlier = name_of_id.setdefault(scene.scene_id, name)
    if earlier != name:
        raise BerthwatchError(f"{name}: has the same scene id as {earlier} ({scene.scene_id}); rename one of the files")
    if stored and is_another_picture(stored.source, scene.source):
        raise BerthwatchError(
            f"{name}: the store has scene {scene.scene_id} from another file, {display_name(stored.source)}; "
            "rename one of the files or use another store"
        )


def _named(progress: Callable[[str, int, int], None], name: str) -> Callable[[int, int], None]:
    return lambda done, tiles: progress(name, done, tiles)
