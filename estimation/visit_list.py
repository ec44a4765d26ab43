"""Barrels from a plain list of visits, for analysts who counted ships themselves and have no pictures to hand.

A CSV with one visit a line. `date` (YYYY-MM-DD, or a time with its zone), and the ship's size: `dwt_t`, if it is
known, or `length_m`, with `length_sd_m`, `beam_m` and `beam_sd_m` where they are known. `ship` (name or IMO number)
tells which visits are by one hull; `berth_id` is free; `tanker_probability` is 1 if left out.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions
from ..configs.port import DEFAULT_SHIP_LENGTH_M
from ..errors import BerthwatchError
from .calls import Calls
from .cargo import barrels_loaded, draw_cargo, loadings_table, scenario_barrels, with_known_deadweight
from .fleet import Measured, sample_fleet
from .ledger import Ledger, build_ledger
from .looks import deadweight_reading, epoch_seconds
from .reconstruct import fleet_prior
from .tables import assumptions_table, size_class_table, totals_table

DEFAULT_LENGTH_SD_M = 5.0  # careful measurement on pictures of 3 m or finer, domain facts §5

# Column -> (lowest, highest) that is believed.
_NUMBERS: dict[str, tuple[float, float]] = {
    "dwt_t": (50, 600_000),
    "length_m": (15, 500),
    "length_sd_m": (0, 100),
    "beam_m": (3, 80),
    "beam_sd_m": (0, 30),
    "tanker_probability": (0, 1),
}
_TEXTS = ("date", "visit_id", "berth_id", "ship")


@dataclass(frozen=True)
class VisitListEstimate:
    """Barrels of listed visits. Tables have the columns of the same names in ``Estimate``; all visits are "seen".

    Attributes:
        visits: ``visit_id``, ``berth_id``, ``last_seen``, ``ship``, sizes, ``dwt_t_p05`` .. ``dwt_t_p95``.
    """

    product: str
    period: tuple[datetime, datetime]
    visits: pd.DataFrame
    loadings: pd.DataFrame
    totals: pd.DataFrame
    by_size_class: pd.DataFrame
    ledger: Ledger
    assumptions: pd.DataFrame


def read_visit_list(path: str | Path) -> pd.DataFrame:
    """Read and check a CSV of visits.

    Returns:
        One row a visit in order of date: ``visit_id``, ``berth_id``, ``last_seen`` (UTC), ``ship`` (str or None),
        ``dwt_t``, ``length_m``, ``length_sd_m``, ``beam_m``, ``beam_sd_m``, ``tanker_probability`` (float64).

    Raises:
        BerthwatchError: names file, line, column and value, and what to do.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise BerthwatchError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from error
    _check_columns(path, list(table.columns))
    if table.empty:
        raise BerthwatchError(f"{path}: lists no visit; write one a line below the column names")
    n = len(table)
    text = {name: table[name].str.strip() if name in table else pd.Series([""] * n) for name in _TEXTS}
    numbers = {name: _numbers(path, table, name) for name in _NUMBERS}
    sized = ~np.isnan(numbers["dwt_t"]) | ~np.isnan(numbers["length_m"])
    _refuse(path, ~sized, lambda i: "dwt_t and length_m are both empty; give one of them")
    numbers["length_sd_m"] = np.where(np.isnan(numbers["length_sd_m"]), DEFAULT_LENGTH_SD_M, numbers["length_sd_m"])
    no_sd = ~np.isnan(numbers["beam_m"]) & np.isnan(numbers["beam_sd_m"])
    _refuse(path, no_sd, lambda i: "beam_m without beam_sd_m; give its standard deviation, metres, or leave beam_m out")
    numbers["tanker_probability"] = np.nan_to_num(numbers["tanker_probability"], nan=1.0)
    visits = pd.DataFrame(
        {
            "visit_id": [v or f"line-{i + 2}" for i, v in enumerate(text["visit_id"])],
            "berth_id": [v or "list" for v in text["berth_id"]],
            "last_seen": _times(path, text["date"]),
            "ship": pd.Series([v or None for v in text["ship"]], dtype="object"),
            **numbers,
        }
    )
    twice = visits["visit_id"].duplicated().to_numpy()
    _refuse(path, twice, lambda i: f"visit_id '{visits['visit_id'][i]}' comes twice; a visit counts once")
    same = visits["ship"].notna() & visits.duplicated(["ship", "last_seen", "berth_id"])
    _refuse(
        path, same.to_numpy(), lambda i: f"ship '{visits['ship'][i]}' is listed twice on that date; remove one line"
    )
    return visits.sort_values("last_seen", kind="stable", ignore_index=True)


def _check_columns(path: str | Path, columns: list[str]) -> None:
    known = [*_TEXTS, *_NUMBERS]
    for name in columns:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known columns: {', '.join(known)}"
            raise BerthwatchError(f"{path}: column '{name}' is unknown; {hint}")
        if columns.count(name) > 1:
            raise BerthwatchError(f"{path}: column '{name}' comes twice; keep one")
    if "date" not in columns:
        raise BerthwatchError(f"{path}: has no column 'date'; the first line names the columns, such as date,length_m")


def _refuse(path: str | Path, bad: NDArray[np.bool_], why: Callable[[int], str]) -> None:
    """Raise for the first bad line; the names are on line 1, the first visit on line 2."""
    if bad.any():
        i = int(np.argmax(bad))
        raise BerthwatchError(f"{path}: line {i + 2}: {why(i)}")


def _numbers(path: str | Path, table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in table:
        return np.full(len(table), np.nan)
    text = table[name].str.strip()
    values = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    _refuse(path, (text != "").to_numpy() & np.isnan(values), lambda i: f"{name} is '{text[i]}', not a number")
    low, high = _NUMBERS[name]
    outside = (values < low) | (values > high)
    _refuse(path, outside, lambda i: f"{name} must be within {low:g} and {high:g}, got {text[i]}")
    return values


def _times(path: str | Path, text: pd.Series) -> pd.Series:
    """UTC times; a day alone is taken at noon."""
    times: list[datetime] = []
    for i, value in enumerate(text):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            raise BerthwatchError(
                f"{path}: line {i + 2}: date is '{value}'; write YYYY-MM-DD, or a time with its zone"
            ) from None
        if len(value) == len("2024-03-07"):
            time = time.replace(tzinfo=UTC) + timedelta(hours=12)
        elif time.tzinfo is None:
            raise BerthwatchError(
                f"{path}: line {i + 2}: date '{value}' has no time zone; write {value}Z if it is UTC, or the day alone"
            )
        times.append(time)
    return pd.Series(pd.to_datetime(times, utc=True)).dt.as_unit("ns")


def estimate_visit_list(
    visits: pd.DataFrame,
    cargo: CargoAssumptions,
    *,
    product: str | None = None,
    cap: str | None = None,
    reported: pd.DataFrame | None = None,
    ship_length_m: tuple[float, float] = DEFAULT_SHIP_LENGTH_M,
    draws: int = 2000,
    seed: int = 0,
) -> VisitListEstimate:
    """Barrels of listed visits: those alone, nothing for visits that nobody saw.

    Args:
        visits: as ``read_visit_list`` gives them.
        cargo: the assumptions.
        product: key of ``cargo.products``; the default product for None.
        cap: key of ``cargo.caps``, None for none.
        reported: columns ``date`` (aware) and ``barrels`` that states notified.
        ship_length_m: usual lengths of the ships, 5 % and 95 % points.
        draws, seed: number of draws and random seed.

    Raises:
        BerthwatchError: unknown product or cap.
    """
    product = product or cargo.default_product
    limit = cargo.cap(cap)
    rng = np.random.default_rng([seed, 1])
    calls, visits = _listed_calls(visits, cargo, ship_length_m, draws, rng)
    rng = np.random.default_rng([seed, 2])
    common = draw_cargo(cargo, product, draws, rng)
    calls = with_known_deadweight(calls, visits, common)
    barrels = barrels_loaded(calls, common, cargo, rng)
    scenarios = scenario_barrels(calls, common, cargo)
    period = (visits["last_seen"].iloc[0].to_pydatetime(), visits["last_seen"].iloc[-1].to_pydatetime())
    return VisitListEstimate(
        product=product,
        period=period,
        visits=visits,
        loadings=loadings_table(visits, calls, barrels, common, cargo),
        totals=totals_table(calls, barrels, scenarios),
        by_size_class=size_class_table(calls, barrels),
        ledger=build_ledger(
            calls,
            barrels,
            scenarios,
            period,
            cap_name=cap,
            cap_bbl_per_year=limit.barrels_per_year if limit else None,
            cap_from_year=limit.from_year if limit else 0,
            reported=reported,
        ),
        assumptions=assumptions_table(cargo, product),
    )


def _listed_calls(
    visits: pd.DataFrame,
    cargo: CargoAssumptions,
    ship_length_m: tuple[float, float],
    draws: int,
    rng: np.random.Generator,
) -> tuple[Calls, pd.DataFrame]:
    """Every visit in every draw; and the visits with what the estimator's tables need."""
    n = len(visits)
    x, error_sd, scatter_sd = _readings(visits)
    # Lines that name one ship measure one hull: they are fused first.
    _, hull = np.unique([s or f"\0{i}" for i, s in enumerate(visits["ship"])], return_inverse=True)
    weight = error_sd**-2.0
    total = np.bincount(hull, weight)
    measured = Measured(
        present=np.ones((1, len(total)), bool),
        x=(np.bincount(hull, weight * x) / total)[None],
        error_sd=np.asarray(total**-0.5, np.float64)[None],
        scatter_sd=(np.bincount(hull, weight * scatter_sd) / total)[None],
        real=np.ones((1, len(total)), bool),
    )
    prior = fleet_prior([ship_length_m], cargo.traffic.fleet_concentration.value)
    fleet = sample_fleet(measured, prior, draws=draws, rng=rng)
    ln_dwt = fleet.seen_ln_dwt[0][:, hull]
    tanker = rng.random((draws, n)) < visits["tanker_probability"].to_numpy()
    known = visits["dwt_t"].notna().to_numpy()
    visits = visits.assign(
        counts=True, identified_as=visits["ship"].fillna("known").where(visits["dwt_t"].notna(), None)
    )
    for name, p in (("dwt_t_p05", 0.05), ("dwt_t_p50", 0.50), ("dwt_t_p95", 0.95)):
        visits[name] = np.where(known, visits["dwt_t"], np.exp(np.quantile(ln_dwt, p, axis=0)))
    calls = Calls(
        draws=draws,
        draw=np.repeat(np.arange(draws), n),
        at_s=np.tile(epoch_seconds(visits["last_seen"]), draws),
        berth=np.zeros(draws * n, np.int64),
        visit=np.tile(np.arange(n), draws),
        ln_dwt=ln_dwt.ravel(),
        tanker=tanker.ravel(),
    )
    return calls, visits


def _readings(visits: pd.DataFrame) -> tuple[NDArray[np.float64], ...]:
    """ln DWT of each line, the sd of its measurement, and its scatter; a known deadweight is exact."""
    known = visits["dwt_t"].notna().to_numpy()
    length = np.where(known, 100.0, visits["length_m"])
    x, error_sd, scatter_sd = deadweight_reading(
        length, visits["length_sd_m"].to_numpy(), visits["beam_m"].to_numpy(), visits["beam_sd_m"].to_numpy()
    )
    return (
        np.where(known, np.log(visits["dwt_t"].fillna(1.0)), x),
        np.where(known, 1e-3, error_sd),
        np.where(known, 1e-3, scatter_sd),
    )
