"""How a labelled dataset is laid out on disk, and what its class names mean."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import BerthwatchError
from .yaml_file import load_yaml

_SHIPPED = Path(__file__).with_name("datasets")

DatasetFormat = Literal[
    "airbus",
    "coco",
    "dior",
    "dota",
    "fair1m",
    "hrsc2016",
    "scenes",
    "shiprsimagenet",
    "voc",
    "xview",
    "yolo",
    "yolo-obb",
]


class DatasetConfig(BaseModel):
    """A dataset as its YAML file describes it.

    Attributes:
        name: short; goes before every picture's name.
        format: how the labels are written; see training/datasets.
        licence: under which the pictures and labels may be used, in words; goes into every manifest.
        source: who made it and where it is described.
        images: folder of the pictures below the dataset's root; searched with all that is in it.
        labels: folder of the label files below the root, or the one file that holds all of them.
        pictures: names of the only pictures to read, below `images` and without suffix; all of them if empty.
        gsd_m: ground metres a pixel, for pictures that do not tell it by their georeference or their label file.
        classes: what each class name is in our taxonomy (a key of training.labels.CLASS_OF_KIND), or "berthwatch"
            where the labels use our kinds as they are.
        leave_out: class names that are no ships; their boxes are counted and left out. A class name in neither
            list is a problem, never a silent loss.
        first_pixel: "voc" only: 1 where boxes name their first and last pixel, counted from 1, as VOC itself does;
            0 where they name the edges, counted from 0, as most later tools do.
        names_file: "yolo" and "yolo-obb" only: the YAML below the root that names the classes; without it the class
            numbers are the names.
        class_field, layer: "scenes" only: the attribute that holds the class name; the layer, where a file has
            several.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    format: DatasetFormat
    licence: str = Field(min_length=1)
    source: str = Field(min_length=1)
    images: str = "images"
    labels: str = "labels"
    pictures: tuple[str, ...] = ()
    gsd_m: float | None = Field(default=None, gt=0)
    classes: dict[str, str] | Literal["berthwatch"]
    leave_out: tuple[str, ...] = ()
    first_pixel: Literal[0, 1] = 1
    names_file: str | None = None
    class_field: str = "kind"
    layer: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if isinstance(self.classes, dict) and (both := set(self.classes) & set(self.leave_out)):
            raise ValueError(f"class {min(both)!r} stands both under classes and under leave_out; keep one")
        return self


def shipped_datasets() -> list[str]:
    """Names of the datasets whose description comes with berthwatch."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def load_dataset(name_or_path: str | Path) -> DatasetConfig:
    """Read a dataset's description by the name of a shipped one ("dota") or by the path of a YAML file.

    Raises:
        BerthwatchError: no such description, or it does not fit; names file, field and value.
    """
    text = str(name_or_path)
    if text in shipped_datasets():
        return load_yaml(_SHIPPED / f"{text}.yaml", DatasetConfig)
    path = Path(name_or_path)
    if not path.is_file():
        raise BerthwatchError(
            f"dataset '{text}': neither a file nor a shipped description ({', '.join(shipped_datasets())}); "
            "give the path of a dataset YAML"
        )
    return load_yaml(path, DatasetConfig)
