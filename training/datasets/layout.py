"""Where a dataset's files are, and which picture a label means."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from ...configs.dataset import DatasetConfig, load_dataset
from ...errors import BerthwatchError
from ..labels import CLASS_OF_KIND
from .record import LabelError

PICTURE_SUFFIXES = frozenset((".bmp", ".jp2", ".jpeg", ".jpg", ".ntf", ".png", ".tif", ".tiff", ".vrt", ".webp"))


class PictureIndex:
    """All pictures below a folder, found by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = sorted(
            path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()
        )
        self._by_name: dict[str, set[Path]] = defaultdict(set)
        for path in self.paths:
            relative = path.relative_to(folder)
            for name in (relative.as_posix(), relative.with_suffix("").as_posix(), path.name, path.stem):
                self._by_name[name].add(path)

    def find(self, name: str) -> Path:
        """The picture of a name or path below the folder, with or without suffix.

        The whole path counts first, then the file name alone, for labels that were moved.

        Raises:
            LabelError: there is none, or there are several.
        """
        asked = PurePosixPath(name.replace("\\", "/"))
        for key in (asked.as_posix(), asked.name, _stem(asked)):
            found = self._by_name.get(key, set())
            if len(found) == 1:
                return next(iter(found))
            if found:
                places = ", ".join(str(path.relative_to(self.folder)) for path in sorted(found)[:2])
                raise LabelError(f"{len(found)} pictures in {self.folder} are called {key!r} ({places}); rename one")
        raise LabelError(f"no picture {name!r} in {self.folder}")


def _stem(path: PurePosixPath) -> str:
    """The name without a picture's suffix; "scene.v2" has none."""
    return path.stem if path.suffix.lower() in PICTURE_SUFFIXES else path.name


@dataclass(frozen=True)
class Dataset:
    """A described dataset at a place on disk."""

    config: DatasetConfig
    root: Path

    @property
    def labels(self) -> Path:
        """The folder of label files, or the one file."""
        return self.root / self.config.labels

    @cached_property
    def pictures(self) -> PictureIndex:
        """The pictures, listed once."""
        return PictureIndex(self.root / self.config.images)

    @property
    def kinds(self) -> dict[str, str]:
        """Class name -> our kind."""
        classes = self.config.classes
        return classes if isinstance(classes, dict) else {kind: kind for kind in CLASS_OF_KIND}

    def label_files(self, suffix: str) -> Iterator[tuple[Path, str]]:
        """Every label file of a suffix, with its path below the labels' folder less the suffix.

        Raises:
            BerthwatchError: there is none.
        """
        paths = sorted(path for path in self.labels.rglob("*") if path.suffix.lower() == suffix and path.is_file())
        if not paths:
            raise BerthwatchError(f"dataset {self.config.name}: {self.labels} holds no {suffix} files; check 'labels'")
        for path in paths:
            yield path, path.relative_to(self.labels).with_suffix("").as_posix()


def open_dataset(description: str | Path | DatasetConfig, root: Path) -> Dataset:
    """A dataset by its description (a shipped name, a YAML file, or one made in code) and its folder.

    Raises:
        BerthwatchError: the description does not fit, maps to a kind that is not ours, or the folders are not there.
    """
    config = description if isinstance(description, DatasetConfig) else load_dataset(description)
    dataset = Dataset(config, root)
    for class_name, kind in dataset.kinds.items():
        if kind not in CLASS_OF_KIND:
            raise BerthwatchError(
                f"dataset {config.name}, classes: {class_name!r} is mapped to {kind!r}; "
                f"known kinds: {', '.join(CLASS_OF_KIND)}"
            )
    if not (root / config.images).is_dir():
        raise BerthwatchError(f"dataset {config.name}: no folder {root / config.images}; check the root and 'images'")
    if not dataset.labels.exists():
        raise BerthwatchError(f"dataset {config.name}: {dataset.labels} does not exist; check the root and 'labels'")
    return dataset
