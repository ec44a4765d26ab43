"""Public cases with published figures, against which the estimator is held."""

from __future__ import annotations

from datetime import date
from importlib import resources
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .yaml_file import load_yaml


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ships(_Frozen):
    """What is known of the ships that called; exactly one of the three.

    Attributes:
        length_m, length_sd_m: a length all of them had, about, and the sd of that.
        dwt_range_t: deadweights between which nine in ten of them lie (lognormal).
        dwt_t: deadweights of ships of the fleet that called, each as likely as the next.
        source: where this comes from.
    """

    length_m: float | None = Field(default=None, gt=0)
    length_sd_m: float | None = Field(default=None, gt=0)
    dwt_range_t: tuple[float, float] | None = None
    dwt_t: tuple[float, ...] | None = None
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [self.length_m, self.dwt_range_t, self.dwt_t]
        if sum(g is not None for g in given) != 1:
            raise ValueError("ships: give exactly one of length_m, dwt_range_t, dwt_t")
        if (self.length_m is None) != (self.length_sd_m is None):
            raise ValueError("ships: length_m and length_sd_m come together")
        for dwt_t in (*(self.dwt_range_t or ()), *(self.dwt_t or ())):
            if dwt_t <= 0:
                raise ValueError(f"ships: deadweights must be above 0 tonnes, got {dwt_t}")
        return self


class Published(_Frozen):
    """A figure that others published.

    Attributes:
        name: what it is, in their words or nearly.
        barrels: the figure.
        comparison: "equals" (the same sum must give it), "about" (ours should hold it), "shown" (no like for like:
            set beside ours, not judged).
        ours: what of ours it is set against: a share of listed capacity ("third", "half", "ninetenths": a product),
            or of the calls' ships: "full" cargoes, or "loaded" (with the assumed laden fraction).
        source: who published it.
    """

    name: str
    barrels: float = Field(gt=0)
    comparison: Literal["equals", "about", "shown"]
    ours: Literal["third", "half", "ninetenths", "full", "loaded"]
    source: str = Field(min_length=1)


class Case(_Frozen):
    """A case: what was counted, what is known of the ships, and what was published.

    Attributes:
        id, title: short name, and what happened.
        start, end: first and last day.
        calls: number of calls counted.
        product: key of the cargo assumptions' products.
        listed_capacity_bbl: capacity of all calls' ships together as published, if it was.
        ships: what is known of the ships.
        published: the figures.
        differs: what differs between their reckoning and ours, and why.
    """

    id: str
    title: str
    start: date
    end: date
    calls: int = Field(gt=0)
    product: str
    listed_capacity_bbl: float | None = Field(default=None, gt=0)
    ships: Ships
    published: tuple[Published, ...] = Field(min_length=1)
    differs: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        for figure in self.published:
            if figure.ours in ("third", "half", "ninetenths") and self.listed_capacity_bbl is None:
                raise ValueError(
                    f"published figure '{figure.name}' is a share of listed_capacity_bbl, which is missing"
                )
        return self


def load_cases() -> list[Case]:
    """The cases that come with berthwatch, by id.

    Raises:
        BerthwatchError: a file does not fit.
    """
    folder = resources.files("berthwatch.configs") / "cases"
    cases = []
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            with resources.as_file(entry) as path:
                cases.append(load_yaml(path, Case))
    return cases
