"""From 100,000 looks at berths to the ledger: `python -m benchmarks.ledger` prints how long each step takes.

Two hundred berths of the shipped port are looked at every day for 500 days; calls and looks are simulated.
Wanted: 5 s together on two idle cores.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.port import load_port
from berthwatch.estimation.calls import assemble_calls
from berthwatch.estimation.cargo import barrels_loaded, draw_cargo, loadings_table, scenario_barrels
from berthwatch.estimation.chain import BerthChain
from berthwatch.estimation.estimate import enough_draws
from berthwatch.estimation.ledger import build_ledger
from berthwatch.estimation.port_calls import look_at, simulate_calls
from berthwatch.estimation.reconstruct import reconstruct
from berthwatch.estimation.tables import size_class_table, totals_table
from berthwatch.estimation.visits import visits_table

BERTHS, DAYS = 200, 500
START = datetime(2024, 1, 1, tzinfo=UTC)
CARGO = load_cargo()
(BERTH,) = load_port("vostochny").oil_berths


def observations() -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Simulated looks and the ships they show, in the tables that the estimator reads."""
    rng = np.random.default_rng(0)
    truth = simulate_calls(CARGO, BERTH, berths=BERTHS, hours=DAYS * 24, rng=rng, calls_per_year=60)
    watched = look_at(
        truth, CARGO, BERTH, hours=DAYS * 24, revisit_days=1, cloud=0.3, gsd_m=3, length_sd_m=5,
        max_step_h=BerthChain.of(CARGO.traffic).max_step_h, rng=rng,
    )  # fmt: skip
    seen = watched.sightings
    ids = np.array([f"ship-{i}" for i in range(len(seen.lane))], object)
    of_look = np.full(watched.outcome.shape, "", object)
    of_look[seen.look, seen.lane] = ids
    rows = np.flatnonzero(np.isin(watched.hour % 24, watched.hour[1] % 24))
    states = np.array(["unobserved", "vacant", "occupied"], object)[watched.outcome[rows].T.ravel() + 1]
    at_s = np.tile(watched.hour[rows] * 3600 + int(START.timestamp()), BERTHS)
    table = pd.DataFrame(
        {
            "berth_id": np.repeat([f"oil-{i}" for i in range(BERTHS)], len(rows)),
            "acquired_at": pd.to_datetime(at_s, unit="s", utc=True),
            "state": states,
            "detection_ids": [[i] if i else [] for i in of_look[rows].T.ravel()],
            "miss_probability": 0.3,
        }
    )
    ships = {"detection_id": ids, "length_m": np.exp(seen.ln_length), "length_sd_m": 5.0, "beam_m": np.nan}
    ships |= {"beam_sd_m": np.nan, "tanker_probability": 0.9, "touches_edge": False}
    return table, gpd.GeoDataFrame(ships)


def main() -> None:
    """Time each step from the table of looks to the ledger."""
    looks, ships = observations()
    berths = [BERTH.model_copy(update={"id": f"oil-{i}"}) for i in range(BERTHS)]
    period = (START, START + timedelta(days=DAYS))
    period_s = (period[0].timestamp(), period[1].timestamp())
    draws, rng = enough_draws(len(looks)), np.random.default_rng(1)
    steps = [("", time.perf_counter(), time.process_time())]

    def done(step: str) -> None:
        steps.append((step, time.perf_counter(), time.process_time()))

    found = reconstruct(berths, looks, ships, CARGO, period_s, draws, rng)
    done("histories, visits, hulls")
    visits, _ = visits_table(found, looks, ships, berths, 0.9)
    calls = assemble_calls(
        found.histories, found.sightings, found.visit, found.fleet,
        tanker_share=0.9, tanker_share_weight=10.0, start_s=period_s[0], rng=rng,
    )  # fmt: skip
    done("calls")
    common = draw_cargo(CARGO, None, draws, rng)
    barrels, scenarios = barrels_loaded(calls, common, CARGO, rng), scenario_barrels(calls, common, CARGO)
    loadings_table(visits, calls, barrels, common, CARGO)
    totals_table(calls, barrels, scenarios)
    size_class_table(calls, barrels)
    done("barrels and tables")
    build_ledger(calls, barrels, scenarios, period, cap_name="un_dprk_refined", cap_bbl_per_year=500_000.0)
    done("ledger")
    sys.stdout.write(f"{len(looks):,} observations, {len(ships):,} sightings, {draws} draws, {os.cpu_count()} cores\n")
    for (_, wall, cpu), (step, wall_after, cpu_after) in [*pairwise(steps), (steps[0], ("together", *steps[-1][1:]))]:
        sys.stdout.write(f"{step:28}{wall_after - wall:6.2f} s, {cpu_after - cpu:6.2f} s of processor time\n")


if __name__ == "__main__":
    main()
