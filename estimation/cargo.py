"""From deadweight to barrels loaded: what is assessed (capacity) and what is assumed (product, laden fraction).

    full cargo  = min(share of DWT * DWT * barrels per tonne,  0.98 * tank volume * 6.2898)      [barrels]
    loaded      = laden fraction * full cargo

Product, shares and the port's mean laden fraction are the same for all calls of a draw: not knowing them is an error
that many calls do not average out. The laden fraction also scatters from call to call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..configs.cargo import BARRELS_PER_M3, CargoAssumptions
from .calls import QUANTILE_NAMES, QUANTILES, Calls

SCENARIOS: tuple[str, ...] = ("33", "50", "90")


@dataclass(frozen=True)
class CargoDraws:
    """What is unknown about all cargoes together, one value a draw; float64 (draws,).

    Attributes:
        barrels_per_tonne: of the product.
        cargo_share_of_dwt: cargo of a full ship, share of deadweight in tonnes.
        tank_barrels_per_dwt_t: barrels that the filled tanks hold, a tonne of deadweight.
        laden_mean: the port's mean laden fraction.
        fleet_bias_ln: error of ln(DWT) common to all ships.
    """

    barrels_per_tonne: NDArray[np.float64]
    cargo_share_of_dwt: NDArray[np.float64]
    tank_barrels_per_dwt_t: NDArray[np.float64]
    laden_mean: NDArray[np.float64]
    fleet_bias_ln: NDArray[np.float64]


def draw_cargo(cargo: CargoAssumptions, product: str | None, draws: int, rng: np.random.Generator) -> CargoDraws:
    """Draw the common unknowns.

    Raises:
        BerthwatchError: the product is unknown.
    """
    capacity, laden = cargo.capacity, cargo.laden
    a, b = beta_shape(laden.mean.value, laden.port_sd.value)
    volume = capacity.tank_volume_m3_per_dwt_t.quantile(rng.random(draws))
    return CargoDraws(
        barrels_per_tonne=cargo.product(product).barrels_per_tonne.quantile(rng.random(draws)),
        cargo_share_of_dwt=capacity.cargo_share_of_dwt.quantile(rng.random(draws)),
        tank_barrels_per_dwt_t=capacity.tank_filling_limit.value * volume * BARRELS_PER_M3,
        laden_mean=rng.beta(a, b, draws) if laden.port_sd.value > 0 else np.full(draws, laden.mean.value),
        fleet_bias_ln=rng.normal(cargo.deadweight.fleet_bias_ln.value, cargo.deadweight.fleet_bias_sd_ln.value, draws),
    )


def barrels_loaded(
    calls: Calls,
    common: CargoDraws,
    cargo: CargoAssumptions,
    rng: np.random.Generator,
    *,
    visits: pd.DataFrame | None = None,
) -> NDArray[np.float64]:
    """Barrels of each call, float64 (m,); 0 for a ship that is no tanker.

    A larger ship never loads fewer: the random numbers do not depend on the deadweight.

    Args:
        calls: m of them.
        common: what they share.
        cargo: the assumptions.
        rng: source of randomness.
        visits: when given, a seen call loads no more than can be pumped between the looks that bound its stay.
    """
    fraction = _laden_fractions(common.laden_mean[calls.draw], cargo, rng)
    barrels = calls.tanker * fraction * full_cargo(calls, common)
    return barrels if visits is None else np.minimum(barrels, _pumpable(calls, visits, cargo, rng))


def _pumpable(
    calls: Calls, visits: pd.DataFrame, cargo: CargoAssumptions, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(m,) barrels that can be pumped in the longest stay that the looks allow; infinite where nothing bounds it."""
    rate = cargo.pumping.rate_m3_per_h.quantile(rng.random(calls.draws))
    other_h = cargo.pumping.other_h.quantile(rng.random(calls.draws))
    longest = (visits["departure_latest"] - visits["arrival_earliest"]).dt.total_seconds().to_numpy() / 3600
    longest = np.append(np.where(np.isnan(longest), np.inf, longest), np.inf)  # the last is that of unseen calls
    pumping_h = np.maximum(longest[calls.visit] - other_h[calls.draw], 0.0)
    return pumping_h * rate[calls.draw] * BARRELS_PER_M3


def with_known_deadweight(calls: Calls, visits: pd.DataFrame, common: CargoDraws) -> Calls:
    """Calls of ships that the user identified get her deadweight, which no error of the regression touches."""
    known = visits["identified_as"].notna().to_numpy()
    if not known.any():
        return calls
    ln_known = np.log(visits["dwt_t_p50"].to_numpy(np.float64))
    mine = calls.seen & np.append(known, False)[calls.visit]
    exact = ln_known[np.maximum(calls.visit, 0)] - common.fleet_bias_ln[calls.draw]
    return replace(calls, ln_dwt=np.where(mine, exact, calls.ln_dwt))


def full_cargo(calls: Calls, common: CargoDraws) -> NDArray[np.float64]:
    """Barrels that each call's ship holds when full, by weight or by volume, whichever binds; float64 (m,)."""
    d = calls.draw
    by_weight = common.cargo_share_of_dwt[d] * common.barrels_per_tonne[d]
    return _dwt_t(calls, common) * np.minimum(by_weight, common.tank_barrels_per_dwt_t[d])


def scenario_barrels(calls: Calls, common: CargoDraws, cargo: CargoAssumptions) -> dict[str, NDArray[np.float64]]:
    """Barrels of each call at 33, 50, 90 % of deadweight: the UN Panel's way of counting; float64 (m,) each."""
    listed = calls.tanker * _dwt_t(calls, common) * common.barrels_per_tonne[calls.draw]
    return {name: cargo.laden.scenarios[name].value * listed for name in SCENARIOS}


def loadings_table(
    visits: pd.DataFrame,
    calls: Calls,
    barrels: NDArray[np.float64],
    common: CargoDraws,
    cargo: CargoAssumptions,
) -> pd.DataFrame:
    """``Estimate.loadings`` from the calls of all draws: what each visit with ``counts`` loaded.

    Four columns part the draws in which the visit adds 0 barrels, and add up to their share: ``nobody_probability``
    (its sightings show no ship), ``earlier_call_probability`` (they show one, all on a call that an earlier visit's
    sighting began and that is counted there), ``no_tanker_probability`` (on a call of its own, by a ship that is no
    tanker), ``no_time_probability`` (a tanker's, too short to load in the time that bounds it).

    Four more columns are the links of ``barrels_mean``: ``calls_mean`` (calls that the visit's sightings make, on
    average: below 1 where they may be a false alarm, above 1 where they may show several ships), ``tanker_calls_mean``
    (of those by tankers), and of these ``dwt_t_mean`` (tonnes) and ``full_cargo_bbl_mean`` (NaN if none is a tanker).
    """
    counted = visits["counts"].to_numpy(bool)
    in_draws = calls.seen
    seen = calls.select(in_draws)

    def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return _by_visit(seen, values, len(visits))[:, counted]

    per_visit = sums(barrels[in_draws])
    quantiles = np.quantile(per_visit, QUANTILES, axis=0)
    tanker = seen.tanker.astype(np.float64)
    calls_per_draw, tankers_per_draw = sums(np.ones(len(seen))), sums(tanker)
    tanker_calls = tankers_per_draw.mean(axis=0)
    some = np.where(tanker_calls > 0, tanker_calls, np.nan)
    of_visit = visits[counted].reset_index(drop=True)
    no_call, no_tanker = calls_per_draw == 0, tankers_per_draw == 0
    nobody = 1 - of_visit.get("ship_probability", pd.Series(1.0, of_visit.index)).to_numpy()  # listed: surely there
    return pd.DataFrame(
        {
            "visit_id": of_visit["visit_id"],
            "berth_id": of_visit["berth_id"],
            "loaded_at": of_visit["last_seen"],
            "barrels_mean": per_visit.mean(axis=0),
            **{f"barrels_{name}": q for name, q in zip(QUANTILE_NAMES, quantiles, strict=True)},
            **{
                f"barrels_laden_{name}": sums(laden).mean(axis=0)
                for name, laden in scenario_barrels(seen, common, cargo).items()
            },
            "nobody_probability": nobody,
            "earlier_call_probability": np.maximum(no_call.mean(axis=0) - nobody, 0.0),
            "no_tanker_probability": (no_tanker & ~no_call).mean(axis=0),
            "no_time_probability": (~no_tanker & (per_visit == 0)).mean(axis=0),
            "calls_mean": calls_per_draw.mean(axis=0),
            "tanker_calls_mean": tanker_calls,
            "dwt_t_mean": sums(tanker * _dwt_t(seen, common)).mean(axis=0) / some,
            "full_cargo_bbl_mean": sums(tanker * full_cargo(seen, common)).mean(axis=0) / some,
        }
    )


def _by_visit(calls: Calls, values: NDArray[np.float64], n_visits: int) -> NDArray[np.float64]:
    """(draws, n_visits) sums; a visit that does not exist in a draw counts as nothing."""
    flat = np.bincount(calls.draw * n_visits + calls.visit, values, minlength=calls.draws * n_visits)
    return np.asarray(flat, np.float64).reshape(calls.draws, n_visits)


def _dwt_t(calls: Calls, common: CargoDraws) -> NDArray[np.float64]:
    return np.exp(calls.ln_dwt + common.fleet_bias_ln[calls.draw])


def _laden_fractions(
    mean: NDArray[np.float64], cargo: CargoAssumptions, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Laden fraction of each call about its port's mean, beta distributed; shape of mean."""
    if cargo.laden.call_sd.value == 0 or len(mean) == 0:
        return mean
    # mean 0.80, sd 0.12: a + b = 0.8 * 0.2 / 0.0144 - 1 = 10.1; the sum stays as the mean moves, so that a port whose
    # ships always leave full scatters little.
    a, b = beta_shape(cargo.laden.mean.value, cargo.laden.call_sd.value)
    mean = np.clip(mean, 1e-3, 1 - 1e-3)
    return rng.beta((a + b) * mean, (a + b) * (1 - mean))


def beta_shape(mean: float, sd: float) -> tuple[float, float]:
    """Parameters a, b of the beta distribution with this mean and sd; sd 0 gives a very narrow one."""
    total = mean * (1 - mean) / max(sd, 1e-6) ** 2 - 1
    return mean * total, (1 - mean) * total
