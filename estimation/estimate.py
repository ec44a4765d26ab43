"""What one run of the estimator found: every table that reports and exports draw on, in one frozen object.

Words used throughout, and never mixed:

* *observed*: seen in a picture (a ship alongside at a time, its measured length);
* *assessed*: follows from what was seen by a model with known scatter (DWT from length);
* *assumed*: no picture shows it (laden fraction, product, length of stay).

*Seen* visits are those that a picture showed; their barrels alone are a lower bound. *Unseen* visits fell between
the pictures, under cloud, or were missed by the detector; *total* is seen plus unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions
from ..configs.port import Port
from ..errors import BerthwatchError
from .calls import Calls, assemble_calls
from .cargo import barrels_loaded, draw_cargo, loadings_table, scenario_barrels, with_known_deadweight
from .caveats import reader_warnings
from .explain import zeros_explained
from .identified import deadweight_misfits, identify
from .ledger import Ledger, build_ledger, left_out
from .occupancy import observe_berths, scenes_in_order_of_time
from .reconstruct import reconstruct
from .tables import assumptions_table, size_class_table, throughput_table, totals_table
from .visits import visits_table

if TYPE_CHECKING:
    from ..inference.store import SceneRecord


@dataclass(frozen=True)
class Estimate:
    """Berth observations, visits, barrels and ledger of one port over one period.

    All times are pandas ``datetime64[ns, UTC]`` (columns) or aware ``datetime`` (fields); all barrels are US barrels
    of 42 gallons (1 m3 = 6.2898 bbl), float64. Quantile columns end in ``_p05 _p25 _p50 _p75 _p95``; the 50 %
    interval is p25 to p75, the 90 % interval p05 to p95. Missing is NaN, NaT or None, never a sentinel.

    Attributes:
        port: the port, its berths and their sources.
        cargo: every assumption used, each with its source.
        product: key of ``cargo.products`` that the barrels are of.
        seed, draws: the random seed and the number of posterior draws; same inputs and seed give the same tables.
        period: (start, end) that ``totals`` speak of; by default the first and the last scene's times.
        records: scenes in order of time (``SceneRecord``: scene_id, acquired_at, footprint, observed, gsd_m, ...).
        detections: all detections in the scenes, as stored (EPSG:4326), columns as in the store.
        observations: one row a berth and scene, ordered by berth then time. Columns:
            ``berth_id`` str, ``scene_id`` str, ``acquired_at``; ``state`` "occupied" | "vacant" | "unobserved";
            ``observed_fraction`` float 0 to 1, share of the berth polygon that the scene shows unobscured;
            ``detection_ids`` list[str], the ship alongside (one or none; when "unobserved", one that counts for
            nothing: found where cloud or a mask hides her, or in a scene that another of its pass stands for);
            ``rafted_ids`` list[str], ships made fast outside it; ``nearby_ids`` list[str], ships within 500 m that
            are neither (passing, manoeuvring, at anchor); ``blocking_ids`` list[str], those of them that lie at a
            neighbouring berth and across this one: without a ship of its own the berth is then "unobserved";
            ``miss_probability`` float, chance that a typical ship of this berth would go undetected in this look:
            1 - recall, and of a vacant berth hidden in part 1 - recall * observed_fraction (NaN when unobserved);
            ``same_pass_as`` str or None, the scene of the same pass of a satellite, ten minutes away at most, that
            shows as much of the berth or more: that look counts, and this one is "unobserved" for it.
        visits: one row a visit seen, ordered by first sighting; all berths, of which only oil berths enter the
            barrels (``counts`` says so). Columns:
            ``visit_id`` str, berth and UTC minute of the first sighting, "oil-1-20240314T0128"; ``berth_id``;
            ``first_seen``, ``last_seen``;
            ``arrival_earliest`` (last clear look that did not show this ship; NaT if none), ``arrival_latest``
            (= first_seen), ``departure_earliest`` (= last_seen), ``departure_latest`` (next clear look that did not
            show it; NaT if none); ``n_sightings`` int;
            ``length_m``, ``length_sd_m``, ``beam_m``, ``beam_sd_m`` (fused over sightings, metres);
            ``tanker_probability`` float (detector's class scores fused, with the berth's kind as prior);
            ``size_class`` str (most probable), ``size_class_probabilities`` list[float] in the order of
            ``inference.size_class.SIZE_CLASSES``; ``dwt_t_p05``, ``dwt_t_p50``, ``dwt_t_p95`` tonnes;
            ``link_probability`` float, probability that its sightings are one visit (1.0 for one sighting);
            ``there_before_probability``, ``there_after_probability`` float, that its first sighting shows the ship of
            the sighting before, and the berth's next sighting still shows its ship: then ``arrival_earliest``, and
            ``departure_latest``, bound nothing;
            ``ship_probability`` float, probability that a ship was there at all and not a false alarm;
            ``counts`` bool, whether it enters the barrels (oil berth);
            ``identified_as`` str or None (name or IMO when the user identified the ship);
            ``detection_ids`` list[str], in order of time.
        loadings: one row a visit with ``counts``: ``visit_id``, ``berth_id``, ``loaded_at`` (= last_seen),
            ``barrels_mean``, ``barrels_p05`` .. ``barrels_p95`` (over DWT, cargo fraction, laden fraction, product
            and the chance that it is no tanker), ``barrels_laden_33``, ``barrels_laden_50``, ``barrels_laden_90``
            (mean DWT at 33, 50, 90 % of deadweight, as the UN Panel counts), ``nobody_probability``,
            ``earlier_call_probability``, ``no_tanker_probability``, ``no_time_probability`` (shares of draws in which
            it adds 0 barrels, by the reason; see ``loadings_table``).
        totals: whole period, index-free, one row each of ``part`` "seen", "unseen", "total":
            ``part``; ``visits_mean``, ``visits_p05`` .. ``visits_p95``; ``barrels_mean``, ``barrels_p05`` ..
            ``barrels_p95``; ``barrels_laden_33``, ``barrels_laden_50``, ``barrels_laden_90`` (posterior means).
        by_size_class: one row a ``part`` ("seen", "unseen", "total") and ``size_class`` (those with visits):
            ``visits_mean``, ``barrels_mean``, ``barrels_p05``, ``barrels_p50``, ``barrels_p95``.
        throughput: one row an oil berth: ``berth_id``, ``n_looks`` int (scenes of it), ``n_clear`` int,
            ``n_occupied`` int, ``occupancy`` (share of clear looks with a ship, corrected for misses),
            ``arrivals_per_day_p05``, ``_p50``, ``_p95`` (posterior: rate at which the free berth is taken),
            ``stay_h_p05``, ``_p50``, ``_p95`` (posterior: mean stay, hours),
            ``p_seen`` (chance that a visit in the period was seen by at least one look),
            ``visits_mean``, ``visits_p05`` .. ``visits_p95`` (seen and unseen),
            ``visits_little`` (cross-check by Little's law: occupancy x period / mean stay).
        ledger: cumulative barrels by date against the cap, and the calendar years; see ``Ledger``.
        assumptions: one row a number that matters: ``name``, ``value``, ``low``, ``high`` (floats or NaN), ``unit``,
            ``status`` "observed" | "assessed" | "assumed", ``source`` str.
        warnings: sentences a reader must see (approximate berth, few looks, stay longer than the model expects, ...).
    """

    port: Port
    cargo: CargoAssumptions
    product: str
    seed: int
    draws: int
    period: tuple[datetime, datetime]
    records: tuple[SceneRecord, ...]
    detections: gpd.GeoDataFrame
    observations: pd.DataFrame
    visits: pd.DataFrame
    loadings: pd.DataFrame
    totals: pd.DataFrame
    by_size_class: pd.DataFrame
    throughput: pd.DataFrame
    ledger: Ledger
    assumptions: pd.DataFrame
    warnings: tuple[str, ...] = ()

    def total(self, part: str = "total") -> Mapping[str, float]:
        """The row of ``totals`` for ``part`` ("seen", "unseen" or "total") as a mapping."""
        (row,) = self.totals[self.totals["part"] == part].drop(columns="part").to_dict("records")
        return {str(name): float(value) for name, value in row.items()}


def estimate(
    port: Port,
    records: Sequence[SceneRecord],
    detections: gpd.GeoDataFrame,
    cargo: CargoAssumptions,
    *,
    product: str | None = None,
    period: tuple[datetime | None, datetime | None] = (None, None),
    reported: pd.DataFrame | None = None,
    identified: pd.DataFrame | None = None,
    pump_limit: bool = False,
    draws: int | None = None,
    seed: int = 0,
) -> Estimate:
    """From detections to barrels. Deterministic: the same arguments give the same tables.

    Args:
        port: the port.
        records, detections: as ``read_store`` gives them; every scene needs a time.
        cargo: the assumptions.
        product: key of ``cargo.products``; the default product for None.
        period: (start, end), aware; None for the first or the last scene's time. Scenes outside are left out.
        reported: columns ``date`` (aware) and ``barrels`` that states notified; see ``Ledger``.
        identified: ships that the user knows: columns ``visit_id``, ``name`` (name or IMO number), ``dwt_t``; this
            deadweight replaces the one from the measured size.
        pump_limit: bound a seen visit's barrels by what can be pumped between the looks that bound its stay.
        draws: number of posterior draws; None takes 2,000, fewer for more than 5,000 observations.
        seed: of the random numbers.

    Raises:
        BerthwatchError: no scene (in the period), a scene without time or given twice, unknown product, cap or visit.
    """
    product = product or cargo.default_product
    cargo.product(product)
    cap = cargo.cap(port.cap)
    records, detections, period = _within(port, records, detections, period)
    observations = observe_berths(port, records, detections, recall=cargo.detector.recall)
    draws = draws or enough_draws(len(observations))
    rng = np.random.default_rng([seed, 1])
    period_s = (period[0].timestamp(), period[1].timestamp())
    found = reconstruct(port.berths, observations, detections, cargo, period_s, draws, rng)
    traffic = cargo.traffic
    tanker_share = traffic.tanker_share_at_oil_berth.value
    visits, row = visits_table(found, observations, detections, port.berths, tanker_share)
    visits = visits if identified is None else identify(visits, identified, period)
    calls = assemble_calls(
        found.histories,
        found.sightings,
        found.visit,
        found.fleet,
        tanker_share=tanker_share,
        tanker_share_weight=traffic.tanker_share_worth_ships.value,
        start_s=period_s[0],
        rng=rng,
    )
    calls = _at_oil_berths(calls, port, found.sightings.lane, found.visit, row)

    rng = np.random.default_rng([seed, 2])
    common = draw_cargo(cargo, product, draws, rng)
    calls = with_known_deadweight(calls, visits, common)
    barrels = barrels_loaded(calls, common, cargo, rng, visits=visits if pump_limit else None)
    scenarios = scenario_barrels(calls, common, cargo)
    loadings = loadings_table(visits, calls, barrels, common, cargo)
    return Estimate(
        port=port,
        cargo=cargo,
        product=product,
        seed=seed,
        draws=draws,
        period=period,
        records=records,
        detections=detections,
        observations=observations,
        visits=visits,
        loadings=loadings,
        totals=totals_table(calls, barrels, scenarios),
        by_size_class=size_class_table(calls, barrels),
        throughput=throughput_table(port, observations, calls, found.histories, period_s),
        ledger=build_ledger(
            calls,
            barrels,
            scenarios,
            period,
            cap_name=port.cap,
            cap_bbl_per_year=cap.barrels_per_year if cap else None,
            cap_from_year=cap.from_year if cap else 0,
            reported=reported,
        ),
        assumptions=assumptions_table(cargo, product, pump_limit=pump_limit),
        warnings=(
            *reader_warnings(port, period, observations, visits, cargo, pump_limit=pump_limit),
            *zeros_explained(loadings),
            *deadweight_misfits(visits, cargo),
            *left_out(reported, period),
        ),
    )


def enough_draws(observations: int) -> int:
    """How many draws so many rows of the table of observations get.

    Time and memory grow with observations times draws: 10 million take some seconds and a gigabyte.

    100,000 observations get 100 draws. The ends of a 90 % interval are then sure to a fifth of its sd.
    """
    return int(np.clip(10_000_000 // max(observations, 1), 100, 2000))


def _at_oil_berths(
    calls: Calls, port: Port, lane: NDArray[np.int64], visit: NDArray[np.int64], row: NDArray[np.int64]
) -> Calls:
    """Calls at oil berths, with visits numbered as the rows of the visits table.

    Args:
        calls: at all berths; visits numbered within their berth.
        port: the berths.
        lane, visit, row: (S,) of each sighting, its berth, number of its visit there, and row of the visits table.
    """
    row_of = np.full((len(port.berths), int(visit.max(initial=0)) + 1), -1)
    row_of[lane, visit] = row
    rows = np.where(calls.seen, row_of[calls.berth, np.maximum(calls.visit, 0)], -1)
    is_oil = np.array([berth.kind == "oil" for berth in port.berths])
    return replace(calls, visit=rows).select(is_oil[calls.berth])


def _within(
    port: Port,
    records: Sequence[SceneRecord],
    detections: gpd.GeoDataFrame,
    wanted: tuple[datetime | None, datetime | None],
) -> tuple[tuple[SceneRecord, ...], gpd.GeoDataFrame, tuple[datetime, datetime]]:
    """Scenes of the port and the period in order of time, their detections, and the period.

    A scene of another place is no look, and must not stretch the period: years that nobody watched are all assumption.
    """
    if not records:
        raise BerthwatchError("no scenes to estimate from; detect some first")
    ordered = scenes_in_order_of_time(records)
    area = shapely.box(*port.aoi)
    ordered = [record for record in ordered if record.footprint.intersects(area)] or ordered
    times = [r.acquired_at for r in ordered if r.acquired_at is not None]
    start, end = wanted[0] or times[0], wanted[1] or times[-1]
    told = f"period {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
    if start.tzinfo is None or end.tzinfo is None:
        raise BerthwatchError(f"{told}: give its times with their time zone, such as UTC")
    inside = [r for r in ordered if r.acquired_at is not None and start <= r.acquired_at <= end]
    if start > end or not inside:
        why = "give the earlier first" if start > end and all(wanted) else "no scene lies within it"
        raise BerthwatchError(
            f"{told}: {why}; the scenes are from {times[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M} UTC"
        )
    ids = {r.scene_id for r in inside}
    return tuple(inside), detections[detections["scene_id"].isin(ids)].reset_index(drop=True), (start, end)
