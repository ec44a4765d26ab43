"""Proof by simulation: how often the estimator's intervals hold the truth, over thousands of simulated port-years.

No pixels: calls and looks are drawn (`port_calls.py`), the estimator runs on the looks as it does on real ones, and
its posterior is set against the truth.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions
from ..configs.port import Berth
from ..errors import BerthwatchError
from .calls import Calls, assemble_calls
from .cargo import barrels_loaded, draw_cargo
from .chain import BerthChain
from .fleet import sample_fleet
from .histories import Histories, sample_histories
from .looks import length_prior, with_lengths
from .occupancy import typical_recall
from .port_calls import TrueCalls, Watched, look_at, simulate_calls
from .reconstruct import fleet_prior
from .sightings import fuse, link

_BATCH = 64  # port-years that are estimated together
_HOURS = 365 * 24


@dataclass(frozen=True)
class Scenario:
    """What is simulated.

    Attributes:
        port_years: number of one-year periods at one berth each.
        revisit_days: days between looks, 0.1 to 60.
        cloud: share of looks under cloud, 0 to below 1.
        length_sd_m: error of measured lengths, metres.
        gsd_m: metres a pixel, which sets the recall.
        stay_factor: true typical stay over the assumed one.
        hull_recall_sd: sd of a hull's own recall about that of ships of her length; the estimator knows of none.
        calls_per_year: None draws each port-year's rate from the prior.
        draws: histories a port-year.
        seed: random seed.
    """

    port_years: int = 2000
    revisit_days: float = 1.0
    cloud: float = 0.3
    length_sd_m: float = 5.0
    gsd_m: float = 3.0
    stay_factor: float = 1.0
    hull_recall_sd: float = 0.0
    calls_per_year: float | None = None
    draws: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {
            "port_years": (1, 10_000_000), "revisit_days": (0.1, 60.0), "cloud": (0.0, 0.99),
            "length_sd_m": (0.1, 100.0), "gsd_m": (0.1, 100.0), "stay_factor": (0.1, 10.0),
            "hull_recall_sd": (0.0, 0.4), "draws": (20, 100_000), "seed": (0, 2**63),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise BerthwatchError(f"{name} must be within {low:g} and {high:g}, got {getattr(self, name)}")
        if self.calls_per_year is not None and not 0 < self.calls_per_year <= 300:
            raise BerthwatchError(f"calls_per_year must be above 0 and at most 300, got {self.calls_per_year}")


@dataclass(frozen=True)
class Calibration:
    """How a posterior did against the truth.

    Attributes:
        coverage_50, coverage_90: share of port-years whose 50 % and 90 % intervals hold the truth.
        bias: mean over port-years of posterior mean minus truth, over the mean truth.
        width_90: mean width of the 90 % interval over the mean truth.
    """

    coverage_50: float
    coverage_90: float
    bias: float
    width_90: float


@dataclass(frozen=True)
class SimulationResult:
    """What a simulation found.

    Attributes:
        scenario: what was simulated.
        barrels: of all calls, seen and unseen.
        calls: their number.
        seen_barrels: of the seen part alone, against the calls that some look showed.
        naive_bias: of counting the visits seen only, for comparison.
        mean_calls: true calls a port-year.
        share_seen: of them, seen by at least one look.
        visits_right: share of calls seen whose sightings make up exactly one visit: none lost, none foreign.
        run_time_s: seconds that the simulation took.
    """

    scenario: Scenario
    barrels: Calibration
    calls: Calibration
    seen_barrels: Calibration
    naive_bias: float
    mean_calls: float
    share_seen: float
    visits_right: float
    run_time_s: float

    def to_json(self) -> dict[str, object]:
        """The result as JSON values; the barrels' ``coverage_50``, ``coverage_90`` and ``bias`` stand at the top."""
        nested = asdict(self)
        top = {name: nested["barrels"][name] for name in ("coverage_50", "coverage_90", "bias", "width_90")}
        return top | nested


@dataclass(frozen=True)
class _Batch:
    """Posterior draws (P, D) and truth (P,) of a batch, and counts of visits."""

    barrels: NDArray[np.float64]
    calls: NDArray[np.float64]
    seen_barrels: NDArray[np.float64]
    true_barrels: NDArray[np.float64]
    true_calls: NDArray[np.float64]
    true_seen_barrels: NDArray[np.float64]
    true_seen_calls: NDArray[np.float64]
    visits_right: int
    visits_seen: int


def simulate_port_calls(
    scenario: Scenario,
    cargo: CargoAssumptions,
    berth: Berth,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> SimulationResult:
    """Simulate port-years and set the estimator's posterior against the truth. Deterministic for a seed.

    Args:
        scenario: what is simulated.
        cargo: what the estimator believes, and what the truth is drawn from.
        berth: gives the usual lengths of ships.
        progress: called with (port-years done, all).
    """
    started = time.perf_counter()
    chain = BerthChain.of(cargo.traffic)
    batches = []
    for i, first in enumerate(range(0, scenario.port_years, _BATCH)):
        count = min(_BATCH, scenario.port_years - first)
        rng = np.random.default_rng([scenario.seed, i])
        batches.append(_run_batch(scenario, cargo, berth, chain, count, rng))
        if progress:
            progress(first + count, scenario.port_years)
    together = {f: np.concatenate([getattr(b, f) for b in batches]) for f in list(_Batch.__annotations__)[:7]}
    seen = sum(b.visits_seen for b in batches)
    return SimulationResult(
        scenario=scenario,
        barrels=_calibration(together["barrels"], together["true_barrels"]),
        calls=_calibration(together["calls"], together["true_calls"]),
        seen_barrels=_calibration(together["seen_barrels"], together["true_seen_barrels"]),
        naive_bias=float(together["true_seen_calls"].sum() / together["true_calls"].sum() - 1),
        mean_calls=float(together["true_calls"].mean()),
        share_seen=float(together["true_seen_calls"].sum() / together["true_calls"].sum()),
        visits_right=sum(b.visits_right for b in batches) / seen if seen else 1.0,
        run_time_s=time.perf_counter() - started,
    )


def _calibration(draws: NDArray[np.float64], truth: NDArray[np.float64]) -> Calibration:
    # Of D draws and the truth, all alike, each is the smallest with probability 1 / (D + 1): the quantiles of Weibull.
    low, lower, upper, high = np.quantile(draws, (0.05, 0.25, 0.75, 0.95), axis=1, method="weibull")
    return Calibration(
        coverage_50=float(((lower <= truth) & (truth <= upper)).mean()),
        coverage_90=float(((low <= truth) & (truth <= high)).mean()),
        bias=float((draws.mean(axis=1) - truth).mean() / truth.mean()),
        width_90=float((high - low).mean() / truth.mean()),
    )


def _run_batch(
    scenario: Scenario,
    cargo: CargoAssumptions,
    berth: Berth,
    chain: BerthChain,
    count: int,
    rng: np.random.Generator,
) -> _Batch:
    truth = simulate_calls(
        cargo,
        berth,
        berths=count,
        hours=_HOURS,
        rng=rng,
        stay_factor=scenario.stay_factor,
        calls_per_year=scenario.calls_per_year,
    )
    watched = look_at(
        truth,
        cargo,
        berth,
        hours=_HOURS,
        revisit_days=scenario.revisit_days,
        cloud=scenario.cloud,
        gsd_m=scenario.gsd_m,
        length_sd_m=scenario.length_sd_m,
        max_step_h=chain.max_step_h,
        rng=rng,
        hull_recall_sd=scenario.hull_recall_sd,
    )
    calls, visit = _estimate_calls(scenario, cargo, berth, chain, count, watched, rng)
    right, seen_ids = _visits_right(watched, visit)
    true_barrels = _true_barrels(truth, cargo, rng)
    seen = np.zeros(truth.inside.shape, bool)
    real = watched.call >= 0
    seen[watched.sightings.lane[real], watched.call[real]] = True

    common = draw_cargo(cargo, None, calls.draws, rng)
    barrels = barrels_loaded(calls, common, cargo, rng)
    shape = (count, scenario.draws)
    return _Batch(
        barrels=calls.sum_by_draw(barrels).reshape(shape),
        calls=calls.sum_by_draw().reshape(shape),
        seen_barrels=calls.sum_by_draw(barrels * calls.seen).reshape(shape),
        true_barrels=true_barrels.sum(axis=1),
        true_calls=truth.inside.sum(axis=1).astype(np.float64),
        true_seen_barrels=(true_barrels * seen).sum(axis=1),
        true_seen_calls=seen.sum(axis=1).astype(np.float64),
        visits_right=right,
        visits_seen=seen_ids,
    )


def _estimate_calls(
    scenario: Scenario,
    cargo: CargoAssumptions,
    berth: Berth,
    chain: BerthChain,
    count: int,
    watched: Watched,
    rng: np.random.Generator,
) -> tuple[Calls, NDArray[np.int64]]:
    """The estimator on the looks; every port-year has draws of its own, numbered through. And each sighting's visit."""
    traffic, ship_length_m = cargo.traffic, [berth.ship_length_m] * count
    miss = 1 - float(typical_recall(berth, np.array([scenario.gsd_m]), cargo.detector.recall)[0])
    lengths = length_prior(ship_length_m, traffic)
    looks = with_lengths(
        watched.hour, watched.outcome, np.full(watched.outcome.shape, miss), watched.sightings, lengths
    )
    histories: Histories = sample_histories(
        chain,
        looks,
        false_alarm=cargo.detector.false_alarms_per_look.value,
        draws=scenario.draws,
        rng=rng,
        recall_scale_sd=cargo.detector.recall.scale_sd,
        common_recall=False,
    )
    visit, _, real = link(watched.sightings, histories)
    measured = fuse(watched.sightings, visit, real, count)
    prior = fleet_prior(ship_length_m, traffic)
    fleet = sample_fleet(measured, prior, draws=scenario.draws, rng=rng)
    calls = assemble_calls(
        histories,
        watched.sightings,
        visit,
        fleet,
        tanker_share=traffic.tanker_share_at_oil_berth.value,
        tanker_share_weight=traffic.tanker_share_worth_ships.value,
        start_s=0.0,
        rng=rng,
    )
    return calls.numbered_through(count), visit


def _true_barrels(truth: TrueCalls, cargo: CargoAssumptions, rng: np.random.Generator) -> NDArray[np.float64]:
    """(P, V) barrels of each call inside the period, with a product, laden fraction, ... of each port-year's own."""
    port_year, call = np.nonzero(truth.inside)
    calls = Calls(
        draws=len(truth.inside),
        draw=port_year,
        at_s=np.zeros(len(call)),
        berth=np.zeros(len(call), np.int64),
        visit=call,
        ln_dwt=truth.ln_dwt[port_year, call],
        tanker=truth.tanker[port_year, call],
    )
    common = draw_cargo(cargo, None, calls.draws, rng)
    barrels = np.zeros(truth.inside.shape)
    barrels[port_year, call] = barrels_loaded(calls, common, cargo, rng)
    return barrels


def _visits_right(watched: Watched, visit: NDArray[np.int64]) -> tuple[int, int]:
    """Calls seen whose sightings are exactly those of one visit; and calls seen."""
    lane = watched.sightings.lane.tolist()
    built: dict[tuple[int, int], list[int]] = {}
    true: dict[tuple[int, int], list[int]] = {}
    for i, (berth, number, call) in enumerate(zip(lane, visit.tolist(), watched.call.tolist(), strict=True)):
        built.setdefault((berth, number), []).append(i)
        if call >= 0:
            true.setdefault((berth, call), []).append(i)
    whole = {tuple(sightings) for sightings in built.values()}
    return sum(tuple(sightings) in whole for sightings in true.values()), len(true)
