"""One visit, from the pictures that show it to its barrels, step by step: what was observed, assessed, assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..configs.cargo import CargoAssumptions
from ..errors import BerthwatchError
from ..inference.deadweight import dwt_distribution

if TYPE_CHECKING:
    from .estimate import Estimate
    from .visit_list import VisitListEstimate


@dataclass(frozen=True)
class Step:
    """A link of the chain.

    Attributes:
        name: what is reckoned.
        status: "observed", "assessed" or "assumed".
        text: the figures, in words.
        source: where they come from.
    """

    name: str
    status: str
    text: str
    source: str


def explain_visit(estimate: Estimate | VisitListEstimate, visit_id: str, cargo: CargoAssumptions) -> list[Step]:
    """The chain of one visit.

    Raises:
        BerthwatchError: no such visit among those that enter the barrels.
    """
    visits = estimate.visits[estimate.visits["counts"]].set_index("visit_id")
    if visit_id not in visits.index:
        known = ", ".join(visits.index[:20]) or "none"
        raise BerthwatchError(f"visit '{visit_id}' is not among the visits that enter the barrels: {known}")
    visit = visits.loc[[visit_id]].iloc[0]
    loading = estimate.loadings.set_index("visit_id").loc[[visit_id]].iloc[0]
    return [
        *_sightings(visit),
        *_ship(visit),
        *_cargo(visit, cargo, estimate.product),
        *_result(loading, estimate, cargo),
    ]


def _sightings(visit: pd.Series) -> list[Step]:
    if "detection_ids" not in visit.index:
        return [Step("Visit", "observed", f"listed for {visit['last_seen']:%Y-%m-%d}", "the list of visits")]
    ids = ", ".join(visit["detection_ids"])
    seen = f"{visit['n_sightings']} sighting(s), first {_at(visit['first_seen'])}, last {_at(visit['last_seen'])}"
    one, real = visit["link_probability"], visit["ship_probability"]
    linked = f"one ship with probability {one:.2f}; no false alarm with {real:.2f}"
    bounds = (
        f"came between {_at(visit['arrival_earliest'])} and {_at(visit['arrival_latest'])}, "
        f"left between {_at(visit['departure_earliest'])} and {_at(visit['departure_latest'])}"
    )
    return [
        Step("Sightings", "observed", seen, f"detections {ids}"),
        Step("One visit", "assessed", linked, "histories of the berth that fit all looks at it"),
        Step("Arrival and departure", "observed", bounds, "the clear looks before and after that did not show her"),
    ]


def _ship(visit: pd.Series) -> list[Step]:
    steps = []
    if not np.isnan(visit["length_m"]):
        size = f"length {visit['length_m']:.0f} ± {visit['length_sd_m']:.0f} m"
        if not np.isnan(visit["beam_m"]):
            size += f", beam {visit['beam_m']:.1f} ± {visit['beam_sd_m']:.1f} m"
        steps.append(
            Step("Size", "observed", size, "fused over the sightings" if "detection_ids" in visit else "the list")
        )
    if visit["identified_as"] is not None:
        text = f"{visit['dwt_t_p50']:,.0f} t, as of {visit['identified_as']}"
        steps.append(Step("Deadweight", "assessed", text, "the ship that the user identified"))
    else:
        sizes = [visit[c] for c in ("length_m", "length_sd_m", "beam_m", "beam_sd_m")]
        _, sd = dwt_distribution(*sizes)
        low, middle, high = (visit[f"dwt_t_{p}"] for p in ("p05", "p50", "p95"))
        text = f"{middle:,.0f} t (90 %: {low:,.0f} to {high:,.0f}; sd of ln {sd:.2f})"
        steps.append(
            Step("Deadweight", "assessed", text, "regression on 3,557 tankers, with its scatter and the errors of size")
        )
    p = f"probability {visit['tanker_probability']:.2f}"
    return [*steps, Step("A tanker", "assessed", p, "detector's classes and the kind of berth")]


def _cargo(visit: pd.Series, cargo: CargoAssumptions, product: str) -> list[Step]:
    chosen, capacity, laden = cargo.products[product], cargo.capacity, cargo.laden
    share, rate, volume = capacity.cargo_share_of_dwt, chosen.barrels_per_tonne, capacity.tank_volume_m3_per_dwt_t
    dwt_t = visit["dwt_t_p50"]
    by_weight = share.mode * dwt_t * rate.mode
    by_volume = capacity.tank_filling_limit.value * volume.mode * dwt_t * 6.2898
    binds = "weight" if by_weight <= by_volume else "volume"
    return [
        Step(
            "Full cargo by weight",
            share.status,
            f"{share.mode:g} x {dwt_t:,.0f} t = {share.mode * dwt_t:,.0f} t",
            share.source,
        ),
        Step(
            "Barrels per tonne",
            rate.status,
            f"{chosen.name}: {rate.mode:g} ({rate.low:g} to {rate.high:g}), so {by_weight:,.0f} barrels",
            rate.source,
        ),
        Step(
            "Full cargo by volume",
            volume.status,
            f"{capacity.tank_filling_limit.value:g} x {volume.mode:g} m3/t x {dwt_t:,.0f} t x 6.2898 = "
            f"{by_volume:,.0f} barrels; {binds} binds",
            volume.source,
        ),
        Step(
            "Laden fraction",
            laden.mean.status,
            f"{laden.mean.value:g}, between ports ± {laden.port_sd.value:g}, between calls ± {laden.call_sd.value:g}: "
            f"about {laden.mean.value * min(by_weight, by_volume):,.0f} barrels",
            laden.mean.source,
        ),
    ]


def _result(loading: pd.Series, estimate: Estimate | VisitListEstimate, cargo: CargoAssumptions) -> list[Step]:
    text = f"mean {loading['barrels_mean']:,.0f}, 90 %: {loading['barrels_p05']:,.0f} to {loading['barrels_p95']:,.0f}"
    scenarios = ", ".join(f"{loading[f'barrels_laden_{s}']:,.0f} at {s} %" for s in ("33", "50", "90"))
    steps = [
        Step("Barrels", "assumed", text, "all of the above, each drawn from its own spread"),
        Step("UN scenarios", "assumed", f"{scenarios} of deadweight", cargo.laden.scenarios["90"].source),
    ]
    cap = cargo.cap(estimate.ledger.cap_name)
    if cap is not None:
        share = loading["barrels_mean"] / cap.barrels_per_year
        steps.append(
            Step("Share of the cap", "assumed", f"{share:.1%} of {cap.barrels_per_year:,.0f} a year", cap.source)
        )
    return steps


def _at(time: pd.Timestamp) -> str:
    return "an unknown time" if pd.isna(time) else f"{time:%Y-%m-%d %H:%M} UTC"
