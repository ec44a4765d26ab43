"""The demo: six simulated weeks at Vostochny, the real detector and chain on them, the estimate beside the truth."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.box import SIMPLE
from rich.table import Table

from .configs.port import load_port
from .console import SceneProgress, err, out, run_facts, write_run
from .console_table import show_table
from .demo_scenes import GSD_M, Picture, draw_pictures
from .demo_traffic import Call, Traffic, simulate_traffic
from .errors import BerthwatchError
from .estimation.estimate import Estimate
from .inference.detect import DetectSettings
from .inference.detect_scenes import SceneOutcome
from .inference.store import check_store_writable
from .models.registry import load_detector
from .watch import REPORT, Question, watch

TRUTH = "truth.json"
NOTE = "Simulated by berthwatch demo: the harbour, its ships and their cargoes are invented. Nothing here was seen."


@dataclass(frozen=True)
class DemoResult:
    """What the chain found, beside what was simulated.

    Attributes:
        traffic: the truth.
        pictures: one a look, with the calls that it shows.
        estimate: of the real chain.
        visit_of_call: for each call the id of the visit that saw her, or None.
        false_visits: visits at the berth when no simulated ship was there.
    """

    traffic: Traffic
    pictures: tuple[Picture, ...]
    estimate: Estimate
    visit_of_call: tuple[str | None, ...]
    false_visits: tuple[str, ...]

    @property
    def n_clear_looks(self) -> tuple[int, ...]:
        """For each call, how many pictures show her clearly."""
        shown = [name for picture in self.pictures for name in picture.calls_shown]
        return tuple(shown.count(call.name) for call in self.traffic.calls)

    @property
    def n_shown(self) -> int:
        """Calls that some clear picture shows."""
        return sum(n > 0 for n in self.n_clear_looks)

    @property
    def n_found(self) -> int:
        """Calls among them that became a visit."""
        return sum(n > 0 and visit is not None for n, visit in zip(self.n_clear_looks, self.visit_of_call, strict=True))

    @property
    def truth_is_inside(self) -> bool:
        """Whether the 90 % interval of all barrels, seen and unseen, holds the simulated sum."""
        total = self.estimate.total()
        return total["barrels_p05"] <= self.traffic.barrels <= total["barrels_p95"]


def run_demo(folder: Path, *, days: int = 42, seed: int = 2031) -> DemoResult:
    """Simulate, draw, detect, estimate, compare; pictures, detections, report and truth are left in the folder.

    Raises:
        BerthwatchError: the folder holds something else than an earlier demo.
    """
    clear_earlier_demo(folder)
    mark_as_demo(folder)
    check_store_writable(folder)
    port = load_port("vostochny")
    port = port.model_copy(update={"name": f"{port.name} (simulated)"})
    (berth,) = port.oil_berths
    traffic = simulate_traffic(np.random.default_rng(seed), days)
    told = f"{len(traffic.calls)} tanker calls, {len(traffic.looks)} pictures at {GSD_M:g} m"
    err.print(f"simulated: {days} days at Vostochny, {told}")
    pictures = draw_pictures(traffic, berth, folder / "pictures", seed=seed)
    write_truth(folder / TRUTH, traffic, pictures)

    detector, settings = load_detector(), DetectSettings(at_berths=True)
    err.print(f"{detector.metadata.model_id} on {detector.description}")
    outcomes: list[SceneOutcome] = []
    with SceneProgress(len(pictures)) as progress:

        def ended(outcome: SceneOutcome) -> None:
            outcomes.append(outcome)
            progress.scene_ended(outcome)

        estimate = watch(
            port,
            [picture.path for picture in pictures],
            folder,
            detector=detector,
            settings=settings,
            question=Question(notes=(NOTE,)),
            progress=progress.tiles_done,
            ended=ended,
        )
    write_run(folder, {"command": "demo", "days": days, "seed": seed, **run_facts(detector, settings, outcomes)})
    visits = estimate.visits[estimate.visits["counts"]]
    visit_of_call, false_visits = match_visits(traffic.calls, visits)
    return DemoResult(traffic, pictures, estimate, visit_of_call, false_visits)


def match_visits(calls: Sequence[Call], visits: pd.DataFrame) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """For each call the visit that has a sighting of her, and the visits that have a sighting of no call."""
    found: list[str | None] = [None] * len(calls)
    false_visits = []
    for visit in visits.to_dict("records"):
        visit_id, first, last = str(visit["visit_id"]), visit["first_seen"], visit["last_seen"]
        matched = [i for i, call in enumerate(calls) if call.arrival <= last and first < call.departure]
        for i in matched:
            found[i] = found[i] or visit_id
        if not matched:
            false_visits.append(visit_id)
    return tuple(found), tuple(false_visits)


def clear_earlier_demo(folder: Path) -> None:
    """Remove an earlier demo's pictures and detections, which would be taken for this one's."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / TRUTH).is_file():
        raise BerthwatchError(f"{folder}: holds files that are no demo's; give an empty or a new folder with --out")
    for name in ("pictures", "scenes", "tables"):
        shutil.rmtree(folder / name, ignore_errors=True)


def mark_as_demo(folder: Path) -> None:
    """Have `clear_earlier_demo` know the folder again, however early this run is stopped.

    Raises:
        BerthwatchError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TRUTH).touch()
    except OSError as error:
        raise BerthwatchError(
            f"{folder}: cannot be written ({error.strerror or error}); give another folder with --out"
        ) from error


def write_truth(path: Path, traffic: Traffic, pictures: Sequence[Picture]) -> None:
    """Everything that was simulated, as JSON: a reader can check the comparison."""
    truth = {"note": NOTE, "barrels": traffic.barrels, **asdict(traffic)}
    truth["pictures"] = [{"file": picture.path.name, "calls_shown": picture.calls_shown} for picture in pictures]
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(truth, indent=1, default=str) + "\n", encoding="utf-8")
    partial.replace(path)


def show_result(result: DemoResult, folder: Path) -> None:
    """Print the estimate beside the truth."""
    estimate = result.estimate
    visits = estimate.visits.merge(estimate.loadings, on=["visit_id", "berth_id"]).set_index("visit_id")
    names = ("arrival", "stay", "LOA", "measured", "barrels", "estimate, 90 %", "found")
    table = Table(*names, box=SIMPLE)
    for call, n_clear, visit_id in zip(result.traffic.calls, result.n_clear_looks, result.visit_of_call, strict=True):
        measured = interval = ""
        if visit_id is not None:
            visit = visits.loc[visit_id]
            measured = f"{visit.length_m:.0f} ± {visit.length_sd_m:.0f} m"
            interval = f"{visit.barrels_p05:,.0f} to {visit.barrels_p95:,.0f}"
        table.add_row(
            f"{call.arrival:%d %b %H:%M}",
            f"{(call.departure - call.arrival).total_seconds() / 3600:.0f} h",
            f"{call.hull.length_m:.0f} m",
            measured,
            f"{call.barrels:,.0f}",
            interval,
            "yes" if visit_id else "no" if n_clear else "hidden",
        )
    out.print("\nThe simulated tanker calls, and what was measured of each (hidden: no clear picture shows her):")
    show_table(table, out)
    states = estimate.observations["state"].value_counts()
    seen, total = estimate.total("seen"), estimate.total()
    verdict = "inside" if result.truth_is_inside else "OUTSIDE"
    out.print(
        f"looks at the berth:        {states.get('occupied', 0)} occupied, {states.get('vacant', 0)} vacant, "
        f"{states.get('unobserved', 0)} unobserved\n"
        f"calls:                     {len(result.traffic.calls)}, of which {result.n_shown} shown by a clear picture\n"
        f"  found, missed, false:    {result.n_found}, {result.n_shown - result.n_found}, {len(result.false_visits)}\n"
        f"barrels, calls seen:       {seen['barrels_p05']:,.0f} to {seen['barrels_p95']:,.0f} (90 %)\n"
        f"barrels, seen and unseen:  {total['barrels_p05']:,.0f} to {total['barrels_p95']:,.0f} (90 %)\n"
        f"barrels in truth:          {result.traffic.barrels:,.0f}, {verdict} the interval\n\n"
        "Simulated: the harbour, the ships, the cargoes. Real: the detector and every step after it."
    )
    out.print(f"report: {folder / REPORT}", soft_wrap=True)
