"""The files that a scene is read from, by SHA-256: what a stranger with `sha256sum` can check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ..errors import BerthwatchError
from ..imagery.raster import is_remote, open_raster
from ..imagery.scene import Scene
from .fingerprint import place_on_disk
from .store import FileSum


class SceneSums(NamedTuple):
    """The files of a scene: those that hold its pixels, and what lies beside them (mask, overviews, cloud mask)."""

    picture: tuple[FileSum, ...]
    beside: tuple[FileSum, ...]


def sums_in_background(scene: Scene) -> Future[SceneSums]:
    """The sums of a scene's files, taken in a thread of its own; its result raises as `picture_sums`."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="berthwatch-sha256")
    try:
        return pool.submit(_scene_sums, scene)
    finally:
        pool.shutdown(wait=False)  # the thread ends with its work


def picture_sums(scene: Scene) -> tuple[FileSum, ...]:
    """The local files that hold a scene's pixels; of a zip the archive, of a VRT itself and what it is made of.

    Files are read through, a quarter of a megabyte at a time. Remote ones have no sum.

    Raises:
        BerthwatchError: a file cannot be read.
    """
    return _sums(_files(scene.source)[0])


def _scene_sums(scene: Scene) -> SceneSums:
    pictures, beside = _files(scene.source)
    masks = _on_disk([scene.cloud_mask] if scene.cloud_mask else [])
    # The mask of a zipped product lies in the same archive.
    return SceneSums(_sums(pictures), _sums(path for path in [*beside, *masks] if path not in pictures))


def _files(source: str) -> tuple[list[Path], list[Path]]:
    if is_remote(source):
        return [], []
    with open_raster(source) as dataset:
        names, is_vrt = dataset.files, dataset.driver == "VRT"
    if not is_vrt:
        # Programs that show a picture write an .aux.xml of statistics beside it: it would be another each time.
        return _on_disk(names[:1]), _on_disk(name for name in names[1:] if not name.endswith(".aux.xml"))
    inner = [file for name in names if name != source and name.endswith(".vrt") for file in _files(name)[0]]
    return list(dict.fromkeys([*_on_disk(names), *inner])), []


def _on_disk(names: Iterable[str]) -> list[Path]:
    places = (place_on_disk(name)[0] for name in names)
    return list(dict.fromkeys(path for path in places if path.is_file()))


def _sums(paths: Iterable[Path]) -> tuple[FileSum, ...]:
    return tuple(FileSum(path.name, _sha256(path)) for path in paths)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BerthwatchError(f"{path}: cannot be read: {error.strerror or error}") from error
