"""How a result moves when one assumption at a time is held at the low or the high end of what is believed of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from ..configs.cargo import CargoAssumptions, Number, Triangular

_LOW, _HIGH = 0.05, 0.95
_Z = 1.645
_EXACT = 1e-6  # stands for no spread where zero would divide


@dataclass(frozen=True)
class Variation:
    """An assumption held at two values, everything else as it was.

    Attributes:
        name, unit: of the assumption.
        low, high: the two values.
        at_low, at_high: the cargo assumptions with them.
    """

    name: str
    unit: str
    low: float
    high: float
    at_low: CargoAssumptions
    at_high: CargoAssumptions


def sensitivity(
    barrels: Callable[[CargoAssumptions], float],
    cargo: CargoAssumptions,
    product: str,
    *,
    traffic: bool = True,
    pump_limit: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Estimate again for each end of each assumption: the figures of a tornado diagram.

    Args:
        barrels: makes the result (mean barrels) from cargo assumptions; with the same seed each time.
        cargo: the assumptions.
        product: key of ``cargo.products`` that the barrels are of.
        traffic: whether arrivals, stays and the detector enter (not for a plain list of visits).
        pump_limit: whether pumping bounds what a visit loads.
        progress: called with (assumptions done, all).

    Returns:
        One row an assumption, most influential first: ``name``, ``unit``, ``low``, ``high``, ``barrels_at_low``,
        ``barrels_at_high``, ``barrels`` (as assumed), ``swing`` (difference, barrels).
    """
    central = barrels(cargo)
    varied = list(variations(cargo, product, traffic=traffic, pump_limit=pump_limit))
    rows = []
    for i, v in enumerate(varied):
        at_low, at_high = barrels(v.at_low), barrels(v.at_high)
        rows.append((v.name, v.unit, v.low, v.high, at_low, at_high, central, abs(at_high - at_low)))
        if progress:
            progress(i + 1, len(varied))
    columns = ["name", "unit", "low", "high", "barrels_at_low", "barrels_at_high", "barrels", "swing"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["swing", "name"], ascending=[False, True], kind="stable", ignore_index=True)


def variations(
    cargo: CargoAssumptions, product: str, *, traffic: bool = True, pump_limit: bool = False
) -> Iterator[Variation]:
    """Each assumption at its 5 % and 95 % points, or over the range named where it has no distribution."""
    yield _triangular(cargo, ("products", product, "barrels_per_tonne"), "barrels per tonne", "bbl/t")
    yield _triangular(cargo, ("capacity", "cargo_share_of_dwt"), "cargo, share of deadweight when full", "share")
    yield _triangular(cargo, ("capacity", "tank_volume_m3_per_dwt_t"), "tank volume per tonne of deadweight", "m3/t")
    yield _deadweight(cargo)
    yield _laden(cargo)
    if pump_limit:
        yield _triangular(cargo, ("pumping", "rate_m3_per_h"), "pumping rate", "m3/h")
        yield _triangular(cargo, ("pumping", "other_h"), "time at the berth without pumping", "h")
    if traffic:
        share = ("traffic", "tanker_share_at_oil_berth")
        yield _numbers(cargo, share, "tankers among ships at an oil berth", "share", 0.7, 0.98)
        yield _stay(cargo)
        mean = cargo.traffic.arrivals_per_day.value
        rate = ("traffic", "arrivals_per_day")
        yield _numbers(cargo, rate, "arrivals believed before any picture", "1/day", mean / 2, 2 * mean)
        alarms = cargo.detector.false_alarms_per_look.value
        path = ("detector", "false_alarms_per_look")
        yield _numbers(cargo, path, "false alarms per look", "probability", alarms / 5, 5 * alarms)
        yield _recall(cargo)
        hours = cargo.traffic.turnaround_h.value
        yield _numbers(cargo, ("traffic", "turnaround_h"), "turnaround of the berth", "h", hours / 3, 3 * hours)


def _triangular(cargo: CargoAssumptions, path: tuple[str, ...], name: str, unit: str) -> Variation:
    number: Triangular = _get(cargo, path)
    low, high = (float(number.quantile(p)) for p in (_LOW, _HIGH))
    ends = (_set(cargo, path, number.model_copy(update={"low": v, "mode": v, "high": v})) for v in (low, high))
    return Variation(name, unit, low, high, *ends)


def _numbers(
    cargo: CargoAssumptions, path: tuple[str, ...], name: str, unit: str, low: float, high: float
) -> Variation:
    ends = (_set(cargo, path, _get(cargo, path).model_copy(update={"value": v})) for v in (low, high))
    return Variation(name, unit, low, high, *ends)


def _deadweight(cargo: CargoAssumptions) -> Variation:
    """All ships whose size was measured lighter or heavier than the regression says."""
    bias, sd = cargo.deadweight.fleet_bias_ln, cargo.deadweight.fleet_bias_sd_ln
    values = [bias.value + z * sd.value for z in (-_Z, _Z)]
    ends = []
    for value in values:
        update = {"fleet_bias_ln": bias.model_copy(update={"value": value}), "fleet_bias_sd_ln": _exact(sd)}
        ends.append(cargo.model_copy(update={"deadweight": cargo.deadweight.model_copy(update=update)}))
    low, high = np.exp(values)
    return Variation("deadweight of all ships, against the regression", "factor", float(low), float(high), *ends)


def _laden(cargo: CargoAssumptions) -> Variation:
    mean, sd = cargo.laden.mean.value, max(cargo.laden.port_sd.value, _EXACT)
    total = mean * (1 - mean) / sd**2 - 1
    low, high = (float(beta.ppf(p, mean * total, (1 - mean) * total)) for p in (_LOW, _HIGH))
    ends = []
    for value in (low, high):
        # The scatter between calls shrinks where the mean leaves little room for it.
        call_sd = min(cargo.laden.call_sd.value, 0.9 * np.sqrt(value * (1 - value)))
        laden = cargo.laden.model_copy(
            update={
                "mean": cargo.laden.mean.model_copy(update={"value": value}),
                "port_sd": _exact(cargo.laden.port_sd),
                "call_sd": cargo.laden.call_sd.model_copy(update={"value": call_sd}),
            }
        )
        ends.append(cargo.model_copy(update={"laden": laden}))
    return Variation("laden fraction, mean of the port", "share of a full cargo", low, high, *ends)


def _stay(cargo: CargoAssumptions) -> Variation:
    stay, sd = cargo.traffic.stay_h, cargo.traffic.stay_sd_ln.value
    ends = []
    for z in (-_Z, _Z):
        factor = np.exp(z * sd)
        scaled = {end: getattr(stay, end) * factor for end in ("low", "mode", "high")}
        traffic = {"stay_h": stay.model_copy(update=scaled), "stay_sd_ln": _exact(cargo.traffic.stay_sd_ln)}
        ends.append(cargo.model_copy(update={"traffic": cargo.traffic.model_copy(update=traffic)}))
    return Variation("typical stay at the berth", "h", stay.mode * np.exp(-_Z * sd), stay.mode * np.exp(_Z * sd), *ends)


def _recall(cargo: CargoAssumptions) -> Variation:
    """The whole curve times its factor, which is then known."""
    recall = cargo.detector.recall
    low, high = (1 + z * recall.scale_sd for z in (-_Z, _Z))
    ends = []
    for factor in (low, high):
        update = {"recall": tuple(min(1.0, factor * r) for r in recall.recall), "scale_sd": 0.0}
        ends.append(_set(cargo, ("detector", "recall"), recall.model_copy(update=update)))
    return Variation("recall of the detector, all lengths", "factor", low, high, *ends)


def _exact(number: Number) -> Number:
    return number.model_copy(update={"value": _EXACT})


def _get(cargo: CargoAssumptions, path: tuple[str, ...]) -> Any:
    """What stands at a path of the assumptions."""
    value: Any = cargo
    for key in path:
        value = value[key] if isinstance(value, dict) else getattr(value, key)
    return value


def _set(node: Any, path: tuple[str, ...], value: Any) -> Any:
    """The same assumptions with another value at a path."""
    key, rest = path[0], path[1:]
    if isinstance(node, dict):
        return {**node, key: _set(node[key], rest, value) if rest else value}
    return node.model_copy(update={key: _set(getattr(node, key), rest, value) if rest else value})
