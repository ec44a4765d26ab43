"""What one run of the estimator found: every table that reports and exports draw on, in one frozen object.

Words used throughout, and never mixed:

* *observed*: seen in a picture (a ship alongside at a time, its measured length);
* *assessed*: follows from what was seen by a model with known scatter (DWT from length);
* *assumed*: no picture shows it (laden fraction, product, length of stay).

*Seen* visits are those that a picture showed; their barrels alone are a lower bound. *Unseen* visits fell between
the pictures, under cloud, or were missed by the detector; *total* is seen plus unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

if TYPE_CHECKING:
    from ..configs.cargo import CargoAssumptions
    from ..configs.port import Port
    from ..inference.store import SceneRecord
    from .ledger import Ledger


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
            ``detection_ids`` list[str], the ship alongside (one or none);
            ``rafted_ids`` list[str], ships made fast outside it; ``nearby_ids`` list[str], ships within 500 m that
            are neither (passing, manoeuvring, at anchor);
            ``miss_probability`` float, chance that a typical ship of this berth would go undetected in this look
            (NaN when unobserved).
        visits: one row a visit seen, ordered by first sighting; all berths, of which only oil berths enter the
            barrels (``counts`` says so). Columns:
            ``visit_id`` str "<berth_id>-0001", ``berth_id``; ``first_seen``, ``last_seen``;
            ``arrival_earliest`` (last clear look that did not show this ship; NaT if none), ``arrival_latest``
            (= first_seen), ``departure_earliest`` (= last_seen), ``departure_latest`` (next clear look that did not
            show it; NaT if none); ``n_sightings`` int;
            ``length_m``, ``length_sd_m``, ``beam_m``, ``beam_sd_m`` (fused over sightings, metres);
            ``tanker_probability`` float (detector's class scores fused, with the berth's kind as prior);
            ``size_class`` str (most probable), ``size_class_probabilities`` list[float] in the order of
            ``inference.size_class.SIZE_CLASSES``; ``dwt_t_p05``, ``dwt_t_p50``, ``dwt_t_p95`` tonnes;
            ``link_probability`` float, probability that its sightings are one visit (1.0 for one sighting);
            ``counts`` bool, whether it enters the barrels (oil berth);
            ``identified_as`` str or None (name or IMO when the user identified the ship);
            ``detection_ids`` list[str], in order of time.
        loadings: one row a visit with ``counts``: ``visit_id``, ``berth_id``, ``loaded_at`` (= last_seen),
            ``barrels_mean``, ``barrels_p05`` .. ``barrels_p95`` (over DWT, cargo fraction, laden fraction, product
            and the chance that it is no tanker), ``barrels_laden_33``, ``barrels_laden_50``, ``barrels_laden_90``
            (mean DWT at 33, 50, 90 % of deadweight, as the UN Panel counts).
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
        return self.totals.set_index("part").loc[part].to_dict()
