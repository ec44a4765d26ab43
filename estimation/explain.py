"""One visit, from the pictures that show it to its barrels, step by step: what was observed, assessed, assumed.

The chain is one of means over the draws, so that it can be worked out again by hand: tanker calls x full cargo x share
of it loaded = barrels. What goes in with a spread is told with it; the intervals at the end hold all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..configs.cargo import BARRELS_PER_M3, CargoAssumptions, Triangular
from ..errors import BerthwatchError
from ..inference.deadweight import dwt_distribution

if TYPE_CHECKING:
    from .estimate import Estimate
    from .visit_list import VisitListEstimate


ZERO_FROM = 0.05  # the 5 % point is 0 barrels where so many draws add none
TOLD_FROM = 0.0005  # what reads 0.0 % is left out

# Columns of ``loadings`` that part the draws in which a visit adds 0 barrels.
_NO_BARRELS = {
    "nobody_probability": "nobody there",
    "earlier_call_probability": "the same call as an earlier sighting, counted there",
    "no_tanker_probability": "a ship that is no tanker",
    "no_time_probability": "too short a stay to load",
}


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


def explain_visit(
    estimate: Estimate | VisitListEstimate, visit_id: str, cargo: CargoAssumptions, *, pump_limit: bool = False
) -> list[Step]:
    """The chain of one visit.

    Args:
        estimate: made with ``cargo`` and ``pump_limit``.
        visit_id: one of its visits.
        cargo, pump_limit: as given to the estimate.

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
        *_sightings(visit, loading),
        *_ship(visit, loading),
        *_full_cargo(visit, loading, cargo, estimate.product),
        *_loaded(visit, loading, cargo, pump_limit),
        *_result(loading, estimate, cargo),
    ]


def _sightings(visit: pd.Series, loading: pd.Series) -> list[Step]:
    if "detection_ids" not in visit.index:
        return [Step("Visit", "observed", f"listed for {_at(visit['last_seen'])}; counts as one call", visit["source"])]
    n, ids = visit["n_sightings"], ", ".join(visit["detection_ids"])
    first, last = _at(visit["first_seen"]), _at(visit["last_seen"])
    seen = f"one sighting, {first}" if n == 1 else f"{n} sightings, first {first}, last {last}"
    real, calls = visit["ship_probability"], loading["calls_mean"]
    linked = f"a ship was there with probability {real:.2f}"
    earlier = loading["earlier_call_probability"]
    if earlier >= TOLD_FROM:
        linked += f", with {100 * earlier:.1f} % on the same call as an earlier sighting (counted there)"
    if n > 1:
        linked += f", one and the same with {visit['link_probability']:.2f} (else several, of which each counts)"
    return [
        Step("Sightings", "observed", seen, f"detections {ids}"),
        Step(
            "Calls", "assessed", f"{linked}: {calls:.3f} calls on average", "histories of the berth that fit all looks"
        ),
        _stay(visit),
    ]


def _stay(visit: pd.Series) -> Step:
    """The looks that bound her stay, and how probably they do not: she may be the ship of the sighting before or after.

    Her bounds are observed only where no sighting on either side may show her.
    """
    name = "Arrival and departure"
    came = f"came between {_at(visit['arrival_earliest'])} and {_at(visit['arrival_latest'])}"
    left = f"left between {_at(visit['departure_earliest'])} and {_at(visit['departure_latest'])}"
    before, after = visit["there_before_probability"], visit["there_after_probability"]
    if max(before, after) < TOLD_FROM:
        return Step(name, "observed", f"{came}, {left}", "the clear looks before and after that did not show her")
    if before >= TOLD_FROM:
        came += f" (or earlier: with {100 * before:.1f} % she is the ship of the sighting before, and had stayed)"
    if after >= TOLD_FROM:
        left += f" (or later: with {100 * after:.1f} % the next sighting shows her still there)"
    source = "the clear looks before and after; whether they show her: histories of the berth that fit all looks"
    return Step(name, "assessed", f"{came}, {left}", source)


def _ship(visit: pd.Series, loading: pd.Series) -> list[Step]:
    listed = "detection_ids" not in visit.index
    steps = []
    has_beam = not np.isnan(visit["beam_m"])
    if not np.isnan(visit["length_m"]):
        size = f"length {visit['length_m']:.0f} ± {visit['length_sd_m']:.0f} m"
        if has_beam:
            size += f", beam {visit['beam_m']:.1f} ± {visit['beam_sd_m']:.1f} m"
        steps.append(
            Step("Size", "observed", size, visit["source"] if listed else "hull boxes, fused over the sightings")
        )
    if visit["identified_as"] is not None:
        text = f"{visit['dwt_t_p50']:,.0f} t, as of {visit['identified_as']}"
        steps.append(Step("Deadweight", "assessed", text, visit["source"] if listed else "identified by the user"))
    else:
        ln_dwt, sd = dwt_distribution(*(visit[c] for c in ("length_m", "length_sd_m", "beam_m", "beam_sd_m")))
        alone = f"{np.exp(ln_dwt):,.0f} t by her size alone (sd of ln {sd:.2f})"
        text = f"{alone}; {loading['dwt_t_mean']:,.0f} t on average over the draws, which know the port's other ships"
        read = "length and beam" if has_beam else "length"
        steps.append(
            Step("Deadweight", "assessed", text, f"regression of deadweight on {read}, 3,557 tankers, and its scatter")
        )
    is_tanker = f"probability {visit['tanker_probability']:.2f}: {loading['tanker_calls_mean']:.3f} calls by a tanker"
    told_by = visit["source"] if listed else "the detector's classes and the kind of berth"
    return [*steps, Step("A tanker", "assessed", is_tanker, told_by)]


def _full_cargo(visit: pd.Series, loading: pd.Series, cargo: CargoAssumptions, product: str) -> list[Step]:
    chosen, capacity = cargo.products[product], cargo.capacity
    share, rate, volume = capacity.cargo_share_of_dwt, chosen.barrels_per_tonne, capacity.tank_volume_m3_per_dwt_t
    filling, dwt_t = capacity.tank_filling_limit, loading["dwt_t_mean"]
    by_weight = share.mean * dwt_t * rate.mean
    by_volume = filling.value * volume.mean * dwt_t * BARRELS_PER_M3
    return [
        Step("Barrels per tonne", rate.status, f"{chosen.name}: {_spread(rate)}", rate.source),
        Step(
            "Full by weight",
            share.status,
            f"{_spread(share)} of deadweight: {share.mean:.3f} x {dwt_t:,.0f} t x {rate.mean:.3f} = "
            f"{by_weight:,.0f} barrels",
            share.source,
        ),
        Step(
            "Full by volume",
            volume.status,
            f"{_spread(volume)} m3 of tank a tonne of deadweight, filled to {filling.value:g}: {filling.value:g} x "
            f"{volume.mean:.3f} x {dwt_t:,.0f} t x {BARRELS_PER_M3} = {by_volume:,.0f} barrels",
            f"{volume.source}; {filling.source}",
        ),
        Step(
            "Full cargo",
            "assessed",
            f"the lesser of both in each draw: {loading['full_cargo_bbl_mean']:,.0f} barrels on average",
            "the steps above",
        ),
    ]


def _loaded(visit: pd.Series, loading: pd.Series, cargo: CargoAssumptions, pump_limit: bool) -> list[Step]:
    laden = cargo.laden
    text = f"{laden.mean.value:g} of a full cargo, between ports ± {laden.port_sd.value:g}, between calls ± "
    steps = [Step("Laden fraction", laden.mean.status, f"{text}{laden.call_sd.value:g}", laden.mean.source)]
    if pump_limit:
        rate, other = cargo.pumping.rate_m3_per_h, cargo.pumping.other_h
        longest = visit["departure_latest"] - visit["arrival_earliest"]
        bound = "no look bounds her stay, so this bounds nothing"
        if not pd.isna(longest):
            hours = longest.total_seconds() / 3600
            most = max(hours - other.mean, 0.0) * rate.mean * BARRELS_PER_M3
            bound = (
                f"at most ({hours:.0f} h - {other.mean:.1f} h) x {rate.mean:.0f} m3/h x {BARRELS_PER_M3} = "
                f"{most:,.0f} barrels on average"
            )
        steps.append(Step("Pumping", rate.status, bound, f"{rate.source}; {other.source}"))
    return steps


def _result(loading: pd.Series, estimate: Estimate | VisitListEstimate, cargo: CargoAssumptions) -> list[Step]:
    mean, tankers, full = (loading[c] for c in ("barrels_mean", "tanker_calls_mean", "full_cargo_bbl_mean"))
    spread = f"90 %: {loading['barrels_p05']:,.0f} to {loading['barrels_p95']:,.0f}{_why_zero(loading)}"
    product = "no tanker, no barrels"
    if tankers > 0:
        product = f"{tankers:.3f} calls by a tanker x {full:,.0f} barrels x {mean / (tankers * full):.3f} loaded"
    scenarios = ", ".join(f"{loading[f'barrels_laden_{s}']:,.0f} at {s} %" for s in ("33", "50", "90"))
    sources = "; ".join(scenario.source for scenario in cargo.laden.scenarios.values())
    steps = [
        Step("Barrels", "assumed", f"{product} = {mean:,.0f}, the mean; {spread}", "all of the above, in every draw"),
        Step("UN scenarios", "assumed", f"{scenarios} of deadweight, times the calls by a tanker", sources),
    ]
    cap = cargo.cap(estimate.ledger.cap_name)
    if cap is not None:
        text = f"{mean:,.0f} / {cap.barrels_per_year:,.0f} = {mean / cap.barrels_per_year:.1%} of a year's cap"
        steps.append(Step("Share of the cap", "assumed", text, cap.source))
    return steps


def _why_zero(loading: pd.Series) -> str:
    """Why the interval begins at 0 although a ship was seen, in brackets; empty where it does not."""
    none = sum(loading[column] for column in _NO_BARRELS)
    if loading["barrels_p05"] > 0 or none < ZERO_FROM:
        return ""
    parts = [
        f"{100 * loading[column]:.1f} % {words}"
        for column, words in _NO_BARRELS.items()
        if loading[column] >= TOLD_FROM
    ]
    return f" (0, because with {100 * none:.1f} % this visit adds none: {'; '.join(parts)})"


def zeros_explained(loadings: pd.DataFrame) -> tuple[str, ...]:
    """A warning of the visits whose 90 % interval begins at 0 barrels, with the reason; none where there are none."""
    zero = loadings.loc[loadings["barrels_p05"] == 0, list(_NO_BARRELS)]
    zero = zero[zero.sum(axis=1) >= ZERO_FROM]
    if zero.empty:
        return ()
    none = zero.sum(axis=1)
    low, high = f"{100 * none.min():.0f}", f"{100 * none.max():.0f}"
    visits = "interval of 1 visit begins" if len(zero) == 1 else f"intervals of {len(zero)} visits begin"
    adds = "it adds" if len(zero) == 1 else "they add"
    reasons = "; ".join(words for column, words in _NO_BARRELS.items() if zero[column].max() >= TOLD_FROM)
    return (
        f"The 90 % {visits} at 0 barrels, because with {low if low == high else f'{low} to {high}'} % {adds} none "
        f"({reasons}); `berthwatch barrels` tells more with `--explain {loadings.loc[zero.index[0], 'visit_id']}`.",
    )


def _spread(number: Triangular) -> str:
    """'7.9 (7.2 to 8.5, mean 7.867)'."""
    return f"{number.mode:g} ({number.low:g} to {number.high:g}, mean {number.mean:.3f})"


def _at(time: pd.Timestamp) -> str:
    return "an unknown time" if pd.isna(time) else f"{time:%Y-%m-%d %H:%M} UTC"
