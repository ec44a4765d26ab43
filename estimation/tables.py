"""Small summary tables of an estimate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions, Number, Offset, Triangular
from ..configs.port import Port
from ..inference.size_class import SIZE_CLASSES
from .calls import Calls, summarise
from .histories import Histories

PARTS = ("seen", "unseen", "total")

THROUGHPUT_COLUMNS = [
    "berth_id", "n_looks", "n_clear", "n_occupied", "occupancy",
    "arrivals_per_day_p05", "arrivals_per_day_p50", "arrivals_per_day_p95", "stay_h_p05", "stay_h_p50", "stay_h_p95",
    "p_seen", "visits_mean", "visits_p05", "visits_p25", "visits_p50", "visits_p75", "visits_p95", "visits_little",
]  # fmt: skip


def _keep(calls: Calls, part: str) -> NDArray[np.bool_]:
    return {"seen": calls.seen, "unseen": ~calls.seen, "total": np.ones(len(calls), bool)}[part]


def totals_table(
    calls: Calls, barrels: NDArray[np.float64], scenarios: Mapping[str, NDArray[np.float64]]
) -> pd.DataFrame:
    """``Estimate.totals``; barrels and each scenario are (m,), one a call."""
    rows = []
    for part in PARTS:
        keep = _keep(calls, part)
        row: dict[str, object] = {"part": part}
        row |= summarise(calls.sum_by_draw(keep.astype(np.float64)), "visits")
        row |= summarise(calls.sum_by_draw(keep * barrels), "barrels")
        row |= {f"barrels_laden_{name}": float((keep * b).sum() / calls.draws) for name, b in scenarios.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def size_class_table(calls: Calls, barrels: NDArray[np.float64]) -> pd.DataFrame:
    """``Estimate.by_size_class``: classes by the deadweight drawn, smallest first."""
    edges = np.log([c.dwt_max_t for c in SIZE_CLASSES[:-1]])
    index = np.searchsorted(edges, calls.ln_dwt, side="right")
    classes = len(SIZE_CLASSES)
    rows = []
    for part in PARTS:
        keep = _keep(calls, part)
        visits = np.bincount(index, keep, classes) / calls.draws
        sums = np.bincount(index * calls.draws + calls.draw, keep * barrels, classes * calls.draws)
        per_draw = sums.reshape(classes, calls.draws)
        low, mid, high = np.quantile(per_draw, (0.05, 0.50, 0.95), axis=1)
        rows += [
            (part, SIZE_CLASSES[i].name, visits[i], per_draw[i].mean(), low[i], mid[i], high[i])
            for i in np.flatnonzero(visits)
        ]
    columns = ["part", "size_class", "visits_mean", "barrels_mean", "barrels_p05", "barrels_p50", "barrels_p95"]
    return pd.DataFrame(rows, columns=columns)


def throughput_table(
    port: Port, observations: pd.DataFrame, calls: Calls, histories: Histories, period_s: tuple[float, float]
) -> pd.DataFrame:
    """``Estimate.throughput``; lane i of the histories is berth i of the port."""
    by_berth = dict(list(observations.groupby("berth_id", sort=False)))
    days = (period_s[1] - period_s[0]) / 86_400
    rows = []
    for lane, berth in enumerate(port.berths):
        if berth.kind != "oil":
            continue
        looks = by_berth[berth.id]
        clear = looks[looks["state"] != "unobserved"]
        here = calls.select(calls.berth == lane)
        visits, seen = here.sum_by_draw(), here.select(here.seen).sum_by_draw()
        occupied = int((clear["state"] == "occupied").sum())
        # A look at an occupied berth finds the ship with the mean recall, so the true share is higher by that factor.
        found = 1 - clear["miss_probability"].mean() if len(clear) else np.nan
        occupancy = float(min(1.0, occupied / len(clear) / found)) if len(clear) else np.nan
        row: dict[str, object] = {"berth_id": berth.id, "n_looks": len(looks), "n_clear": len(clear)}
        row |= {"n_occupied": occupied, "occupancy": occupancy}
        row |= _quantiles("arrivals_per_day", 24 * histories.rate_per_h[lane])
        row |= _quantiles("stay_h", histories.stay_h[lane])
        row["p_seen"] = float(seen.sum() / visits.sum()) if visits.sum() else np.nan
        row |= summarise(visits, "visits")
        row["visits_little"] = occupancy * days * 24 / float(histories.stay_h[lane].mean())
        rows.append(row)
    return pd.DataFrame(rows, columns=THROUGHPUT_COLUMNS)


def _quantiles(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    return {f"{name}_p{round(100 * p):02d}": float(np.quantile(values, p)) for p in (0.05, 0.50, 0.95)}


def assumptions_table(
    cargo: CargoAssumptions, product: str, *, traffic: bool = True, pump_limit: bool = False
) -> pd.DataFrame:
    """``Estimate.assumptions``: the numbers that enter the barrels; all but the first stand in the cargo file.

    Args:
        cargo: the assumptions.
        product: key of its products.
        traffic: whether arrivals, stays and the detector enter (not for a plain list of visits).
        pump_limit: whether pumping bounds the barrels of visits seen.
    """
    chosen, recall = cargo.products[product], cargo.detector.recall
    # The greatest assumption, and one that no file can change: half as many loadings are half as many barrels.
    loaded = "that they loaded, and did not discharge or lie idle, is assumed: no picture shows it"
    rows = [
        ("visits of tankers that are loadings", 1.0, np.nan, np.nan, "share", "assumed", loaded),
        _row(f"barrels per tonne, {chosen.name}", chosen.barrels_per_tonne, "bbl/t"),
        _row("cargo, share of deadweight when full", cargo.capacity.cargo_share_of_dwt, "share"),
        _row("tank volume per tonne of deadweight", cargo.capacity.tank_volume_m3_per_dwt_t, "m3/t"),
        _row("tank filling limit", cargo.capacity.tank_filling_limit, "share"),
        _row("deadweight of all ships, against the regression", cargo.deadweight.fleet_bias_ln, "ln of a factor"),
        _row("deadweight, error common to the fleet", cargo.deadweight.fleet_bias_sd_ln, "sd of ln"),
        _row("laden fraction, mean", cargo.laden.mean, "share"),
        _row("laden fraction, between ports", cargo.laden.port_sd, "sd"),
        _row("laden fraction, between calls", cargo.laden.call_sd, "sd"),
        _row("hulls come back: concentration of the fleet", cargo.traffic.fleet_concentration, ""),
    ]
    if traffic:
        px = f"{recall.length_px[0]:g} to {recall.length_px[-1]:g} pixels"
        middle, known = float(np.median(recall.recall)), (recall.status, recall.source)
        rows += [
            _row("stay at the berth", cargo.traffic.stay_h, "h"),
            _row("stay, error of its typical value", cargo.traffic.stay_sd_ln, "sd of ln"),
            _row("turnaround, until the berth takes the next ship", cargo.traffic.turnaround_h, "h"),
            _row("round trip of a hull, at least", cargo.traffic.round_trip_h, "h"),
            _row("arrivals at a free berth, before any picture", cargo.traffic.arrivals_per_day, "1/day"),
            _row("arrivals, shape of their gamma distribution", cargo.traffic.arrivals_shape, ""),
            _row("tankers among ships at an oil berth", cargo.traffic.tanker_share_at_oil_berth, "share"),
            _row("share of tankers, worth so many identified ships", cargo.traffic.tanker_share_worth_ships, "ships"),
            (f"recall of ships of {px}", middle, recall.recall[0], recall.recall[-1], "share", *known),
            ("recall, error common to all looks", recall.scale_sd, np.nan, np.nan, "sd of a factor", *known),
            _row("false alarms per look", cargo.detector.false_alarms_per_look, "probability"),
        ]
    if pump_limit:
        rows += [
            _row("pumping rate, bounding barrels of visits seen", cargo.pumping.rate_m3_per_h, "m3/h"),
            _row("hours at the berth without pumping", cargo.pumping.other_h, "h"),
        ]
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "unit", "status", "source"])


def _row(name: str, number: Number | Offset | Triangular, unit: str) -> tuple[str, float, float, float, str, str, str]:
    if isinstance(number, Triangular):
        return name, number.mode, number.low, number.high, unit, number.status, number.source
    return name, number.value, np.nan, np.nan, unit, number.status, number.source
