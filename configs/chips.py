"""What `berthwatch chips` is told: which pictures, at which ground sample distances, split how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import BerthwatchError
from .yaml_file import load_yaml

Metres = Annotated[float, Field(gt=0)]


class ChipSource(BaseModel):
    """One dataset to cut chips from.

    Attributes:
        dataset: a shipped description ("dota") or the path of a dataset YAML.
        root: the dataset's folder; relative paths count from the config file's folder.
        split: "auto" lets berthwatch choose by picture and place; "train" and "val" put all of it on one side.
        gsd_m: ground metres a pixel, taken for pictures of which nothing tells it. Without it they are left out and
            listed, since a ship's length would mean nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    root: Path
    split: Literal["auto", "train", "val"] = "auto"
    gsd_m: Metres | None = None


class ChipsConfig(BaseModel):
    """A set of training chips.

    Attributes:
        sources: where the pictures come from.
        gsd_m: ground metres a pixel of the chips; a picture is cut at each of them.
        chip_px: chips are square, so many pixels a side.
        overlap_m: neighbouring chips share so much, at most half a chip: a ship up to that length is whole in one.
        negatives_share: share of chips without any ship that is kept, of all chips of a split.
        val_share: share of chips for validation. Pictures that look alike, overlap on the ground or are grouped by
            `groups` stay together.
        most_upsampling: a picture is not cut at a GSD that many times finer than its own.
        upright_boxes: "elongated" trains on boxes known upright only where they are three times as long as broad, and
            passes over the others, whose hull may lie at any angle inside; "all" takes every box as it is.
        pasted_share: so many chips more, as a share of the training chips: copies of them with labelled hulls of other
            training chips set on their water and along their quays. Fewer, where chips show too little open water.
        synthetic_hulls_share: of those chips, how many get synthetic ships instead.
        groups: CSV of `picture,group` lines: pictures of one group (one ship, one place) stay in one split.
        seed: of the choice of splits and of negatives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[ChipSource, ...] = Field(min_length=1)
    gsd_m: tuple[Metres, ...] = Field(min_length=1)
    chip_px: int = Field(default=320, ge=64, le=4096, multiple_of=32)
    overlap_m: float = Field(default=400.0, ge=0)
    negatives_share: float = Field(default=0.2, ge=0, lt=1)
    val_share: float = Field(default=0.15, ge=0, lt=1)
    most_upsampling: float = Field(default=1.25, ge=1)
    upright_boxes: Literal["elongated", "all"] = "elongated"
    pasted_share: float = Field(default=0.0, ge=0, le=1)
    synthetic_hulls_share: float = Field(default=0.3, ge=0, le=1)
    groups: Path | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.gsd_m)) < len(self.gsd_m):
            raise ValueError(f"gsd_m names one value twice: {', '.join(f'{gsd:g}' for gsd in self.gsd_m)}")
        return self


def load_chips_config(path: str | Path) -> ChipsConfig:
    """Read a chips config; its relative paths count from its own folder.

    Raises:
        BerthwatchError: the file cannot be read or does not fit (field and value are named), or a folder is missing.
    """
    config = load_yaml(path, ChipsConfig)
    folder = Path(path).resolve().parent
    sources = []
    for index, source in enumerate(config.sources):
        root = folder / source.root.expanduser()
        if not root.is_dir():
            raise BerthwatchError(f"{path}: sources[{index}].root: no folder {root}; give the dataset's folder")
        beside = folder / source.dataset
        dataset = str(beside) if beside.is_file() else source.dataset
        sources.append(source.model_copy(update={"root": root, "dataset": dataset}))
    groups = folder / config.groups.expanduser() if config.groups else None
    return config.model_copy(update={"sources": tuple(sources), "groups": groups})
