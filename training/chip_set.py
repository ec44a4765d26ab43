"""Datasets in, a set of training chips out: `berthwatch chips`.

OUT holds exactly what the config says, after every run: chips that are there already stay, chips that the config no
longer asks for go. A run that was stopped goes on where it was.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..configs.chips import ChipsConfig, ChipSource
from ..errors import BerthwatchError
from ..imagery.scene import Scene
from .chip_cutting import PARTS, Part, chip_files, cut_job, fingerprint, finished_part, part_path, write_atomically
from .chip_manifest import SourceFacts, chip_manifest, write_manifest, write_preview
from .chip_plan import ChipJob, keep_negatives, negatives_for, plan_jobs
from .chips import write_dataset_file
from .datasets.layout import open_dataset
from .datasets.read import LabelledImage, read_dataset
from .datasets.record import Problem
from .datasets.report import ReadReport
from .near_duplicates import THUMBNAIL_PX, near_duplicates, read_thumbnail
from .pasting import PasteJob, paste_fingerprint, paste_job, pasted_name, plan_pastes
from .splits import WantedSplit, choose_splits, groups_of, listed_groups, same_ground

# Called with what is being done, how much of it, and of how much (None while that is unknown).
Progress = Callable[[str, int, int | None], None]

AnyJob = TypeVar("AnyJob", ChipJob, PasteJob)

_NAMES = "names.txt"


@dataclass(frozen=True)
class ChipSet:
    """What a run came to: the folder, its manifest, and everything that could not be read."""

    out: Path
    manifest: dict[str, Any]
    problems: list[Problem]


def make_chip_set(
    config: ChipsConfig, out: Path, *, workers: int = 1, strict: bool = False, progress: Progress | None = None
) -> ChipSet:
    """Cut the chips of a config into a folder that Ultralytics trains from.

    Written are `images/` and `labels/` by split, `dataset.yaml`, `manifest.json` (see chip_manifest), `preview.png`,
    and `problems.csv`. workers: processes. strict: the first label that cannot be read stops the run.

    Raises:
        BerthwatchError: the folder holds pictures that are not chips of ours, no chip comes of the config, or a label
            or picture cannot be read and the run is strict.
    """
    tell = progress or (lambda what, done, total: None)
    known = _names_of_chips(out)
    images, wanted, facts, problems = _read_sources(config, strict, tell)
    jobs_of = [plan_jobs(image, config) for image in images]
    with _processes(workers) as pool:
        groups = _groups(images, config, pool, tell)
        jobs = _split(images, wanted, jobs_of, groups, config)
        if not jobs:
            raise BerthwatchError(
                f"no chips: {len(images)} pictures were read, none can be shown at {_listed(config.gsd_m)} m "
                "with its ships; check gsd_m, most_upsampling and the pictures' own GSD"
            )
        names = {job.chip_name(tile) for job in jobs for tile in job.grid.tiles}
        _write_names(out, known | names | {pasted_name(name) for name in names})
        parts = _made(jobs, cut_job, fingerprint, out, pool, partial(tell, "chips cut"))
        pastes = plan_pastes(parts, config, out)
        pasted = _made(pastes, paste_job, paste_fingerprint, out, pool, partial(tell, "chips with pasted hulls"))
    for part in parts:
        if part.failed:
            problem = Problem(_path_of(images, part.picture), "", part.failed)
            if strict:
                raise BerthwatchError(str(problem))
            problems.append(problem)
    parts += pasted
    _remove_others(out, known, parts)
    unused = {
        f"{gsd_m:g}": sum(all(job.grid.gsd_m != gsd_m for job in jobs) for jobs in jobs_of) for gsd_m in config.gsd_m
    }
    manifest = chip_manifest(config, facts, images, groups.tolist(), jobs, parts, unused=unused, problems=len(problems))
    write_dataset_file(out)
    _write_problems(out, problems)
    write_preview(out, parts, seed=config.seed)
    write_manifest(out, manifest)
    return ChipSet(out, manifest, problems)


def _read_sources(
    config: ChipsConfig, strict: bool, tell: Progress
) -> tuple[list[LabelledImage], list[WantedSplit], list[SourceFacts], list[Problem]]:
    """The pictures of known GSD of all sources, the split each is wanted in, and what was read."""
    images: list[LabelledImage] = []
    wanted: list[WantedSplit] = []
    facts: list[SourceFacts] = []
    problems: list[Problem] = []
    for source in config.sources:
        dataset, report = open_dataset(source.dataset, source.root), ReadReport(strict=strict)
        for image in read_dataset(dataset, report):
            tell("pictures read", len(images), None)
            sized = _with_gsd(image, source, report)
            if sized is not None:
                images.append(sized)
                wanted.append(source.split)
        facts.append(SourceFacts(source, dataset.config, report))
        problems += report.problems
    names = [image.name for image in images]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BerthwatchError(f"two sources hold a picture called {twice!r}; give one a dataset YAML of another name")
    return images, wanted, facts, problems


def _with_gsd(image: LabelledImage, source: ChipSource, report: ReadReport) -> LabelledImage | None:
    if image.gsd_m is not None:
        return image
    if source.gsd_m is not None:
        return image.with_gsd(source.gsd_m)
    reason = "nothing tells its GSD; give gsd_m for this source"
    report.add_problem(Problem(image.path, "", reason))
    return None


def _groups(
    images: Sequence[LabelledImage], config: ChipsConfig, pool: Executor | None, tell: Progress
) -> NDArray[Any]:
    """A group number a picture: those that look alike, show one place, or are listed together share it."""
    scenes = [image.scene for image in images]
    thumbnails = np.zeros((len(scenes), THUMBNAIL_PX, THUMBNAIL_PX), np.uint8)
    found = map(_thumbnail, scenes) if pool is None else pool.map(_thumbnail, scenes, chunksize=16)
    for index, thumbnail in enumerate(found):
        thumbnails[index] = thumbnail
        tell("pictures compared", index + 1, len(scenes))
    pairs = [*near_duplicates(thumbnails), *same_ground(scenes)]
    if config.groups:
        pairs += listed_groups(config.groups, [image.name for image in images])
    return groups_of(len(images), pairs)


def _thumbnail(scene: Scene) -> NDArray[np.uint8]:
    """A picture that cannot be read is like no other; cutting it will tell why."""
    try:
        return read_thumbnail(scene)
    except BerthwatchError:
        return np.zeros((THUMBNAIL_PX, THUMBNAIL_PX), np.uint8)


def _split(
    images: Sequence[LabelledImage],
    wanted: Sequence[WantedSplit],
    jobs_of: Sequence[list[ChipJob]],
    groups: NDArray[Any],
    config: ChipsConfig,
) -> list[ChipJob]:
    """All jobs, each with its split, less the negatives that are not kept."""
    positives = [sum(sum(job.holds_ship) for job in jobs) for jobs in jobs_of]
    negatives = [
        sum(len(job.holds_ship) for job in jobs) - count for jobs, count in zip(jobs_of, positives, strict=True)
    ]
    kept_share = min(1.0, negatives_for(sum(positives), config.negatives_share) / max(1, sum(negatives)))
    splits = choose_splits(
        [image.name for image in images],
        groups,
        [count + kept_share * rest for count, rest in zip(positives, negatives, strict=True)],
        wanted,
        val_share=config.val_share,
        seed=config.seed,
    )
    jobs = [replace(job, split=split) for job_list, split in zip(jobs_of, splits, strict=True) for job in job_list]
    return keep_negatives(jobs, share=config.negatives_share, seed=config.seed)


def _made(
    jobs: Sequence[AnyJob],
    make: Callable[[AnyJob, Path], Part],
    fingerprint_of: Callable[[AnyJob], str],
    out: Path,
    pool: Executor | None,
    tell: Callable[[int, int], None],
) -> list[Part]:
    """The parts of all jobs, by prefix; those of an earlier run are taken as they are.

    tell: called with (chips done, chips in all).
    """
    finished = [finished_part(job.prefix, fingerprint_of(job), out) for job in jobs]
    parts = [part for part in finished if part is not None]
    missing = [job for job, part in zip(jobs, finished, strict=True) if part is None]
    done = sum(len(part.chips) for part in parts)
    total = sum(job.count for job in jobs)
    if total:
        tell(done, total)
    for part in _results(missing, make, out, pool):
        parts.append(part)
        done += len(part.chips)
        tell(done, total)
    return sorted(parts, key=lambda part: part.prefix)


def _results(
    jobs: Sequence[AnyJob], make: Callable[[AnyJob, Path], Part], out: Path, pool: Executor | None
) -> Iterator[Part]:
    if pool is None:
        yield from (make(job, out) for job in jobs)
        return
    futures: list[Future[Part]] = [pool.submit(make, job, out) for job in jobs]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def _processes(workers: int) -> Iterator[Executor | None]:
    """A pool of processes, or None for one worker, which needs none."""
    if workers <= 1:
        yield None
        return
    # Forked children would inherit the locks of GDAL's and OpenCV's threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            raise BerthwatchError(
                "a worker process was killed (out of memory?); run again with fewer --workers"
            ) from error


def _names_of_chips(out: Path) -> set[str]:
    """The names of all chips that earlier runs planned; what else lies there is not ours to overwrite or remove.

    Raises:
        BerthwatchError: the folder holds other pictures or labels.
    """
    path = out / PARTS / _NAMES
    known = set(path.read_text(encoding="utf-8").split("\n")) if path.is_file() else set()
    for file in _files_in(out):
        if file.name.removesuffix(".part.png").removesuffix(file.suffix) not in known:
            raise BerthwatchError(f"{file} is no chip that this command wrote; give another folder to --out")
    return known


def _write_names(out: Path, names: Iterable[str]) -> None:
    write_atomically(out / PARTS / _NAMES, "\n".join(sorted(names)))
    for split in ("train", "val"):
        (out / "images" / split).mkdir(parents=True, exist_ok=True)
        (out / "labels" / split).mkdir(parents=True, exist_ok=True)


def _files_in(out: Path) -> Iterator[Path]:
    for split in ("train", "val"):
        for folder in ("images", "labels"):
            if (out / folder / split).is_dir():
                yield from sorted((out / folder / split).iterdir())


def _remove_others(out: Path, known: set[str], parts: Sequence[Part]) -> None:
    """Remove chips of earlier runs that are not in this one, and what a killed run left half written."""
    current = {path for part in parts for chip in part.chips for path in chip_files(out, part.split, chip["name"])}
    for file in _files_in(out):
        if file not in current:
            file.unlink()
    part_files = {part_path(out, part.prefix) for part in parts}
    for file in (out / PARTS).glob("*.json"):
        if file not in part_files:
            file.unlink()


def _write_problems(out: Path, problems: Sequence[Problem]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "where", "reason"])
    writer.writerows([problem.file, problem.where, problem.reason] for problem in problems)
    write_atomically(out / "problems.csv", text.getvalue())


def _path_of(images: Sequence[LabelledImage], name: str) -> Path:
    return next(image.path for image in images if image.name == name)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
