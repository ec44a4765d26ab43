"""What a run shows while it works and writes down when it ends: progress, plain lines, run.json."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from . import __version__
from .console_table import show_table
from .errors import BerthwatchError

if TYPE_CHECKING:
    from .estimation.estimate import Estimate
    from .imagery.scene import Scene
    from .inference.detect import Area, DetectSettings
    from .inference.detect_scenes import SceneOutcome
    from .inference.land import Land
    from .inference.stage_times import StageTimes
    from .models.detector import Detector

# Results go to standard output, all else to standard error, so that `berthwatch … > file` holds results alone.
# A pipe or a file has no width of its own; 80 would cut numbers in two.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False)


class SceneProgress:
    """A bar over the scenes and one over the tiles of the scene at hand; without a terminal, a line for each scene.

    Used as a context manager; `tiles_done` and `scene_ended` are what `detect_scenes` calls.
    """

    def __init__(self, n_scenes: int) -> None:
        self._n_scenes = n_scenes
        self._n_ended = 0
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._scenes: TaskID = self._bars.add_task("scenes", total=n_scenes, unit="scenes")
        self._tiles: TaskID = self._bars.add_task("", total=None, unit="tiles", visible=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def tiles_done(self, name: str, done: int, tiles: int) -> None:
        """Move the bar of the scene at hand."""
        self._bars.update(self._tiles, description=escape(Path(name).name), completed=done, total=tiles, visible=True)

    def scene_ended(self, outcome: "SceneOutcome") -> None:
        """Tell what became of a scene; the failure of the only one is left to the command to tell."""
        self._n_ended += 1
        self._bars.update(self._scenes, completed=self._n_ended)
        name = escape(outcome.scene_id or outcome.source)
        if outcome.status == "failed":
            if self._n_scenes > 1:
                err.print(f"[red]failed[/]: {escape(outcome.error or name)}", soft_wrap=True)
            return
        told = (
            "in the store already" if outcome.status == "skipped" else f"{outcome.ships} ships, {outcome.seconds:.1f} s"
        )
        err.print(f"{self._n_ended}/{self._n_scenes} {name}: {told}", soft_wrap=True)


def telling_undated(opener: "Callable[[str | Path], Scene]") -> "Callable[[str | Path], Scene]":
    """`opener`, that tells at once of a scene of unknown time: what comes after detection would refuse it."""
    from .estimation.occupancy import HOW_TO_DATE

    told: list[str] = []

    def opened(source: str | Path) -> "Scene":
        scene = opener(source)
        if scene.acquired_at is None:
            way_out = "" if told else f"; {HOW_TO_DATE}"
            told.append(scene.scene_id)
            err.print(
                f"[yellow]note[/]: {escape(scene.scene_id)}: nothing tells when it was taken (tags, STAC item, file "
                f"name), so occupancy, barrels and watch will refuse it{escape(way_out)}",
                soft_wrap=True,
            )
        return scene

    return opened


class PlaceCheck:
    """Tells of scenes that show nothing of the area to search, and of a map of land that lies on none of them.

    `open` is what `detect_scenes` calls; `end` tells what only the last scene could show.
    """

    def __init__(
        self,
        opener: "Callable[[str | Path], Scene]",
        n_scenes: int,
        *,
        area: "Area | None" = None,
        area_name: str = "",
        land: "Land | None" = None,
    ) -> None:
        self._opener, self._n_scenes = opener, n_scenes
        self._area, self._area_name, self._land = area, area_name, land
        self._opened, self._elsewhere, self._on_land = 0, [], 0

    def open(self, source: str | Path) -> "Scene":
        """The scene; that it lies elsewhere than the area is told at once."""
        scene = self._opener(source)
        outline = scene.footprint()
        self._opened += 1
        self._on_land += self._land is not None and self._land.meets(outline)
        if self._area is not None and not outline.intersects(self._area):
            self._elsewhere.append(scene.scene_id)
            if self._n_scenes > 1:
                told = f"{scene.scene_id} shows nothing of {self._area_name}"
                err.print(f"[yellow]note[/]: {escape(told)}", soft_wrap=True)
        return scene

    def end(self) -> None:
        """Tell of land that lies on no scene.

        Raises:
            BerthwatchError: no scene shows any of the area, so that no ship found means nothing.
        """
        which = "the scene" if self._n_scenes == 1 else f"any of the {self._n_scenes} scenes"
        if self._land is not None and self._opened and not self._on_land:
            err.print(f"[yellow]note[/]: no polygon of --land lies on {which}; nothing was left out", soft_wrap=True)
        if self._opened and len(self._elsewhere) == self._opened:
            named = self._elsewhere[0] if self._opened == 1 else f"each of the {self._opened} scenes"
            raise BerthwatchError(f"{named} shows nothing of {self._area_name}; check the area and the scenes")


def show_ships(outcomes: "Sequence[SceneOutcome]", store: Path) -> None:
    """Print how many ships the scenes that were asked for have in the store, and how many of them are new."""
    import pyarrow.parquet as pq

    from .inference.store import scene_path

    new = [outcome.ships or 0 for outcome in outcomes if outcome.status == "done"]
    kept = [outcome for outcome in outcomes if outcome.status == "skipped"]
    if new:
        told = f"{_count(sum(new), 'ship')} of {_count(len(new), 'scene')} written to {store}"
        told += f"; {_count(len(kept), 'scene')} had been searched already" if kept else ""
    else:
        ships = sum(pq.read_metadata(scene_path(store, outcome.scene_id)).num_rows for outcome in kept)
        told = f"{_count(ships, 'ship')} of {_count(len(kept), 'scene')} in {store}; nothing new"
    out.print(escape(told), soft_wrap=True)


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


class StepProgress:
    """A bar for each step of some work; without a terminal, a line for each tenth of a step.

    Used as a context manager; `tell` is what the work calls, with the step's name, how much is done, and of how much
    (None while that is unknown).
    """

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=err,
            disable=not err.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._tenths: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def tell(self, step: str, done: int, total: int | None) -> None:
        """Move a step's bar, or print its line."""
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(escape(step), total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)
        if err.is_terminal:
            return
        tenth = 10 * done // total if total else done // 1000
        if self._tenths.get(step) != tenth:
            self._tenths[step] = tenth
            err.print(f"{escape(step)}: {done}{f' of {total}' if total else ''}", soft_wrap=True)


def write_run(folder: Path, settings: Mapping[str, Any], *, name: str = "run.json") -> Path:
    """Write the command, the versions and every setting as it was resolved, as JSON, beside the run's output.

    Raises:
        BerthwatchError: it cannot be written.
    """
    run = {
        "berthwatch": __version__,
        "python": sys.version.split()[0],
        "arguments": sys.argv[1:],
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **settings,
    }
    path = folder / name
    partial = path.with_name(f".{name}.{os.getpid()}.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(run, indent=2, default=str) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise BerthwatchError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def run_facts(detector: "Detector", settings: "DetectSettings", outcomes: "Sequence[SceneOutcome]") -> dict[str, Any]:
    """What a detection run was made with and came to, for `write_run`."""
    places = "ships at berths" if settings.at_berths else "whole scenes"
    threshold = settings.score_threshold or f"recommended by the model for {places} at each scene's GSD"
    return {
        "model": detector.metadata.model_dump(mode="json"),
        "backend": detector.description,
        "settings": {**asdict(settings), "score_threshold": threshold},
        "scenes": [asdict(outcome) for outcome in outcomes],
    }


def show_times(times: "StageTimes") -> None:
    """Tell where a run's time went, what was its limit, and which option moves that."""
    wall_s = times.wall_s or 1.0
    rates = (
        f"{times.tiles} tiles, {times.tiles / wall_s:.1f} a second; {times.megapixels / wall_s:.1f} megapixels and "
        f"{times.square_km / wall_s:.1f} km² a second"
    )
    table = Table("stage", "busy, s", "blocked, s", "busy share", title=rates, title_justify="left")
    for stage, busy_s in times.busy.items():
        table.add_row(stage, f"{busy_s:.2f}", f"{times.blocked[stage]:.2f}", f"{busy_s / wall_s:.0%}")
    show_table(table, err)
    err.print(times.verdict(), soft_wrap=True)


def show_estimate(estimate: "Estimate", report: Path) -> None:
    """Print the visits at oil berths, the barrels with their 90 % interval, and where the report is."""
    visits = estimate.visits[estimate.visits["counts"]].merge(estimate.loadings, on=["visit_id", "berth_id"])
    table = Table("visit", "first seen", "last seen", "length, m", "size class", "barrels, median and 90 %")
    for visit in visits.itertuples():
        table.add_row(
            f"{visit.visit_id}",
            f"{visit.first_seen:%Y-%m-%d %H:%M}",
            f"{visit.last_seen:%Y-%m-%d %H:%M}",
            f"{visit.length_m:.0f} ± {visit.length_sd_m:.0f}",
            f"{visit.size_class}",
            f"{visit.barrels_p50:,.0f} ({visit.barrels_p05:,.0f} to {visit.barrels_p95:,.0f})",
        )
    if len(visits):
        show_table(table, out)
    for part, meaning in (("seen", "seen"), ("total", "seen and unseen")):
        row = estimate.total(part)
        out.print(
            f"visits {meaning}: {row['visits_p50']:.0f} (median; 90 %: {row['visits_p05']:.0f} to "
            f"{row['visits_p95']:.0f}), barrels {row['barrels_p50']:,.0f} (median; 90 %: {row['barrels_p05']:,.0f} to "
            f"{row['barrels_p95']:,.0f})",
            soft_wrap=True,
        )
    for warning in estimate.warnings:
        err.print(f"[yellow]note[/]: {escape(warning)}", soft_wrap=True)
    out.print(f"report: {escape(str(report))}", soft_wrap=True)
