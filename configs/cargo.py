"""The numbers between a picture of a ship and barrels: each with a value, a spread, a status and a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ..errors import BerthwatchError
from .yaml_file import load_yaml

SHIPPED = Path(__file__).parent / "cargo.yaml"
BARRELS_PER_M3 = 6.2898  # US barrel of 42 gallons = 0.158987 m3

# 95 % point over 5 % point of gamma distributions of shape 8 to 1 (3.3 to 58), the stays that the estimator knows.
_STAY_RATIOS = (3.0, 60.0)

Status = Literal["assessed", "assumed"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Number(_Frozen):
    """A single number with where it comes from."""

    value: float = Field(ge=0)
    status: Status
    source: str = Field(min_length=1)


class Offset(_Frozen):
    """A number of either sign with where it comes from."""

    value: float
    status: Status
    source: str = Field(min_length=1)


class Triangular(_Frozen):
    """A number known to lie within low and high, most likely at mode (same unit as the field's name says)."""

    low: float = Field(gt=0)
    mode: float = Field(gt=0)
    high: float = Field(gt=0)
    status: Status
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low <= self.mode <= self.high:
            raise ValueError(f"low, mode and high must not descend, got {self.low}, {self.mode}, {self.high}")
        return self

    @property
    def mean(self) -> float:
        """Mean of the triangular distribution."""
        return (self.low + self.mode + self.high) / 3

    def quantile(self, p: ArrayLike) -> NDArray[np.float64]:
        """Quantiles of the triangular distribution; p in [0, 1], any shape. Monotone: equal p, equal number."""
        p = np.asarray(p, np.float64)
        width = self.high - self.low
        if width == 0:
            return np.full(p.shape, self.mode)
        peak = (self.mode - self.low) / width
        rising = self.low + np.sqrt(p * width * (self.mode - self.low))
        falling = self.high - np.sqrt((1 - p) * width * (self.high - self.mode))
        return np.where(p < peak, rising, falling)


def _within(low: float, high: float, unit: str) -> AfterValidator:
    """A check that a number lies where its unit puts it: kilograms for tonnes or per cent for shares fall out."""

    def check(number: Number | Offset | Triangular) -> Number | Offset | Triangular:
        values = (number.low, number.high) if isinstance(number, Triangular) else (number.value,)
        for value in values:
            if not low <= value <= high:
                raise ValueError(f"must lie within {low:g} and {high:g} {unit}, got {value:g}")
        return number

    return AfterValidator(check)


Share = Annotated[Number, _within(0, 1, "(a share, not per cent)")]


class Product(_Frozen):
    """An oil product and its barrels per tonne (of density 0.5 to 1.05 t/m3)."""

    name: str
    barrels_per_tonne: Annotated[Triangular, _within(6, 12.6, "barrels a tonne")]


class Capacity(_Frozen):
    """What a full cargo is: the lesser of a share of deadweight and the tanks' volume."""

    cargo_share_of_dwt: Annotated[Triangular, _within(0.01, 1, "(a share, not per cent)")]
    tank_volume_m3_per_dwt_t: Annotated[Triangular, _within(0.5, 3, "m3 a tonne of deadweight")]
    tank_filling_limit: Share


class Deadweight(_Frozen):
    """Error of the deadweight regression that is common to the ships of a port, in ln(DWT): 0.1 is about 10 %."""

    fleet_bias_ln: Annotated[Offset, _within(-1, 1, "(of ln deadweight)")]
    fleet_bias_sd_ln: Annotated[Number, _within(0, 1, "(sd of ln deadweight)")]


class Laden(_Frozen):
    """Share of a full cargo that is loaded: beta distributions of a port's mean and of the calls about it.

    The scenarios are shares of deadweight instead, as the UN Panel counts.
    """

    mean: Number
    port_sd: Number
    call_sd: Number
    scenarios: dict[str, Share]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 0 < self.mean.value < 1:
            raise ValueError(f"laden mean is a share between 0 and 1, got {self.mean.value}")
        widest = (self.mean.value * (1 - self.mean.value)) ** 0.5
        for name in ("port_sd", "call_sd"):
            sd = getattr(self, name).value
            if sd >= widest:
                raise ValueError(f"laden {name} must be below {widest:.2f} for a mean of {self.mean.value}, got {sd}")
        if set(self.scenarios) != {"33", "50", "90"}:
            raise ValueError(f"laden scenarios must be '33', '50' and '90', got {', '.join(sorted(self.scenarios))}")
        return self


class Pumping(_Frozen):
    """How fast a cargo comes aboard, and the hours at the berth without pumping."""

    rate_m3_per_h: Annotated[Triangular, _within(10, 30_000, "m3 an hour")]
    other_h: Annotated[Triangular, _within(0, 240, "hours")]


class Traffic(_Frozen):
    """How ships use an oil berth, as believed before any picture."""

    stay_h: Annotated[Triangular, _within(2, 2_400, "hours")]
    stay_sd_ln: Annotated[Number, _within(0, 1, "(sd of ln stay)")]
    turnaround_h: Annotated[Number, _within(0.1, 240, "hours")]
    arrivals_per_day: Annotated[Number, _within(0, 12, "arrivals a day")]
    arrivals_shape: Annotated[Number, _within(0, 1_000, "(no unit)")]
    tanker_share_at_oil_berth: Number
    tanker_share_worth_ships: Annotated[Number, _within(0, 1e6, "ships")]
    fleet_concentration: Annotated[Number, _within(0, 1_000, "(no unit)")]
    round_trip_h: Annotated[Number, _within(0, 2_400, "hours")]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("arrivals_per_day", "arrivals_shape", "tanker_share_worth_ships", "fleet_concentration"):
            if getattr(self, name).value <= 0:
                raise ValueError(f"traffic {name} must be above 0")
        low, high = _STAY_RATIOS
        if not low <= self.stay_h.high / self.stay_h.low <= high:
            raise ValueError(
                f"traffic stay_h: high must be {low:g} to {high:g} times low, as stays of ships vary; "
                f"got {self.stay_h.low:g} to {self.stay_h.high:g}"
            )
        if not 0 < self.tanker_share_at_oil_berth.value < 1:
            raise ValueError(
                "traffic tanker_share_at_oil_berth is a share between 0 and 1, "
                f"got {self.tanker_share_at_oil_berth.value}"
            )
        return self


class Recall(_Frozen):
    """Chance of finding a ship alongside by her length in pixels; linear between the points, constant beyond.

    scale_sd is the sd of the factor, about 1, by which the whole curve may be wrong at a port.
    """

    length_px: tuple[float, ...] = Field(min_length=2)
    recall: tuple[float, ...] = Field(min_length=2)
    scale_sd: float = Field(ge=0, le=0.5)
    status: Status
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.length_px) != len(self.recall):
            raise ValueError(f"recall curve has {len(self.length_px)} lengths but {len(self.recall)} recalls")
        if self.length_px[0] < 0 or any(b <= a for a, b in zip(self.length_px, self.length_px[1:], strict=False)):
            raise ValueError("recall curve: length_px must ascend")
        if any(not 0 <= r <= 1 for r in self.recall):
            raise ValueError("recall curve: each recall is a probability between 0 and 1")
        return self

    def at(self, length_m: ArrayLike, gsd_m: ArrayLike) -> NDArray[np.float64]:
        """Recall of ships of length_m (metres) in pictures of gsd_m (metres a pixel); broadcasts."""
        return np.interp(np.asarray(length_m, np.float64) / np.asarray(gsd_m, np.float64), self.length_px, self.recall)


class Detector(_Frozen):
    """What a look at a berth is worth."""

    recall: Recall
    false_alarms_per_look: Annotated[Number, _within(0, 0.5, "(a probability)")]


class Cap(_Frozen):
    """A quota on barrels that holds for each calendar year from the first; nothing is carried over."""

    name: str
    barrels_per_year: float = Field(gt=0)
    from_year: int = Field(ge=1945, le=2200)
    source: str = Field(min_length=1)


class CargoAssumptions(_Frozen):
    """Everything in a cargo YAML file; see configs/cargo.yaml for the meaning and source of each number."""

    default_product: str
    products: dict[str, Product] = Field(min_length=1)
    capacity: Capacity
    deadweight: Deadweight
    laden: Laden
    pumping: Pumping
    traffic: Traffic
    detector: Detector
    caps: dict[str, Cap]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.default_product not in self.products:
            raise ValueError(
                f"default_product '{self.default_product}' is not among products ({', '.join(self.products)})"
            )
        return self

    def product(self, key: str | None = None) -> Product:
        """The product of a key, the default one for None.

        Raises:
            BerthwatchError: no such product.
        """
        key = self.default_product if key is None else key
        if key not in self.products:
            raise BerthwatchError(f"product '{key}' is unknown; known products: {', '.join(self.products)}")
        return self.products[key]

    def cap(self, key: str | None) -> Cap | None:
        """The cap of a key, None for None.

        Raises:
            BerthwatchError: no such cap.
        """
        if key is None:
            return None
        if key not in self.caps:
            known = f"known caps: {', '.join(self.caps) or 'none'}"
            raise BerthwatchError(
                f"cap '{key}', of the port's file or --cap, is unknown to the cargo assumptions; {known}"
            )
        return self.caps[key]


def load_cargo(path: str | Path | None = None) -> CargoAssumptions:
    """Read cargo assumptions; the shipped ones when no path is given.

    Raises:
        BerthwatchError: the file cannot be read or does not fit; names file, field and value.
    """
    if path is not None:
        return load_yaml(path, CargoAssumptions)
    return load_yaml(SHIPPED, CargoAssumptions)
