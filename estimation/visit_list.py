"""Barrels from a plain list of visits, for analysts who counted ships themselves and have no pictures to hand.

A CSV with one visit a line. `date` (YYYY-MM-DD, or a time with its zone), and the ship's size: `dwt_t`, if it is
known, or `length_m`, with `length_sd_m`, `beam_m` and `beam_sd_m` where they are known. `ship` (name or IMO number)
tells which visits are by one hull; `berth_id` is free; `tanker_probability` is 1 if left out; `source` says where the
line comes from, `note` whatever it likes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions
from ..configs.csv_file import CsvTable, read_csv
from ..configs.port import DEFAULT_SHIP_LENGTH_M
from .calls import Calls
from .cargo import barrels_loaded, draw_cargo, loadings_table, scenario_barrels, with_known_deadweight
from .fleet import Measured, sample_fleet
from .identified import DWT_RANGE_T, check_imo_number, deadweight_misfits
from .ledger import Ledger, build_ledger, left_out
from .looks import deadweight_reading, epoch_seconds
from .reconstruct import fleet_prior
from .tables import assumptions_table, size_class_table, totals_table

DEFAULT_LENGTH_SD_M = 5.0  # careful measurement on pictures of 3 m or finer, domain facts §5

# Column -> (lowest, highest) that is believed, and what it counts.
_NUMBERS: dict[str, tuple[float, float, str]] = {
    "dwt_t": (*DWT_RANGE_T, "tonnes"),
    "length_m": (15, 500, "metres"),
    "length_sd_m": (0, 100, "metres"),
    "beam_m": (3, 80, "metres"),
    "beam_sd_m": (0, 30, "metres"),
    "tanker_probability": (0, 1, "(a probability)"),
}
_TEXTS = ("visit_id", "berth_id", "ship")


@dataclass(frozen=True)
class VisitListEstimate:
    """Barrels of listed visits. Tables have the columns of the same names in ``Estimate``; all visits are "seen".

    Attributes:
        visits: ``visit_id``, ``berth_id``, ``last_seen``, ``ship``, ``source``, sizes, ``dwt_t_p05`` .. ``dwt_t_p95``.
        warnings: sentences a reader must see.
    """

    product: str
    period: tuple[datetime, datetime]
    visits: pd.DataFrame
    loadings: pd.DataFrame
    totals: pd.DataFrame
    by_size_class: pd.DataFrame
    ledger: Ledger
    assumptions: pd.DataFrame
    warnings: tuple[str, ...]


def read_visit_list(path: str | Path) -> pd.DataFrame:
    """Read and check a CSV of visits.

    Returns:
        One row a visit in order of date: ``visit_id``, ``berth_id``, ``last_seen`` (UTC), ``ship`` (str or None),
        ``source`` (the line's own, or file and line), ``dwt_t``, ``length_m``, ``length_sd_m``, ``beam_m``,
        ``beam_sd_m``, ``tanker_probability`` (float64).

    Raises:
        BerthwatchError: names file, line, column and value, and what to do.
    """
    table = read_csv(path, required=("date",), optional=(*_TEXTS, *_NUMBERS))
    if not len(table):
        raise table.empty("visit")
    numbers = {name: table.numbers(name, *limits) for name, limits in _NUMBERS.items()}
    _check_sizes(table, numbers)
    numbers["length_sd_m"] = np.where(np.isnan(numbers["length_sd_m"]), DEFAULT_LENGTH_SD_M, numbers["length_sd_m"])
    numbers["tanker_probability"] = np.nan_to_num(numbers["tanker_probability"], nan=1.0)
    lines = table.lines
    visits = pd.DataFrame(
        {
            "visit_id": [v or f"line-{line}" for v, line in zip(table.text("visit_id"), lines, strict=True)],
            "berth_id": [v or "list" for v in table.text("berth_id")],
            "last_seen": table.times("date"),
            "ship": pd.Series([v or None for v in table.text("ship")], dtype="object"),
            "source": [
                v or f"{table.path.name}, line {line}" for v, line in zip(table.text("source"), lines, strict=True)
            ],
            **numbers,
        }
    )
    _check_ships(table, visits)
    return visits.sort_values("last_seen", kind="stable", ignore_index=True)


def _check_sizes(table: CsvTable, numbers: dict[str, NDArray[np.float64]]) -> None:
    sized = ~np.isnan(numbers["dwt_t"]) | ~np.isnan(numbers["length_m"])
    no_sd = ~np.isnan(numbers["beam_m"]) & np.isnan(numbers["beam_sd_m"])
    for row in range(len(table)):
        if not sized[row]:
            raise table.fault(row, "dwt_t and length_m are both empty; give one of them")
        if no_sd[row]:
            raise table.fault(row, "beam_m without beam_sd_m; give its standard deviation, metres, or leave beam_m out")


def _check_ships(table: CsvTable, visits: pd.DataFrame) -> None:
    """No visit and no ship twice, IMO numbers that check, one deadweight a ship."""
    twice = visits["visit_id"].duplicated()
    again = visits["ship"].notna() & visits.duplicated(["ship", "last_seen", "berth_id"])
    known: dict[str, float] = {}
    for row, visit in enumerate(visits.to_dict("records")):
        ship, dwt_t = visit["ship"], visit["dwt_t"]
        if twice[row]:
            raise table.fault(row, f"visit_id '{visit['visit_id']}' comes twice; a visit counts once")
        if again[row]:
            raise table.fault(row, f"ship '{ship}' is listed twice on that date; remove one line")
        if ship is None:
            continue
        check_imo_number(table, row, "ship", ship)
        if not np.isnan(dwt_t) and known.setdefault(ship, dwt_t) != dwt_t:
            raise table.fault(
                row, f"dwt_t of ship '{ship}' is {dwt_t:,g} here and {known[ship]:,g} before; give one deadweight"
            )


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
    product = cargo.default_product if product is None else product
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
        assumptions=assumptions_table(cargo, product, traffic=False),
        warnings=(*left_out(reported, period), *deadweight_misfits(visits, cargo)),
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
    prior = fleet_prior([ship_length_m], cargo.traffic)
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
