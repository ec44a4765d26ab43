"""From looks to what happened: histories of each berth, the visits they make of the sightings, and the hulls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..configs.cargo import CargoAssumptions, Traffic
from ..configs.port import Berth
from ..inference.deadweight import dwt_distribution
from .chain import BerthChain
from .fleet import Fleet, FleetPrior, sample_fleet
from .histories import Histories, sample_histories
from .looks import Looks, length_prior, read_looks
from .sightings import Sightings, fuse, link


@dataclass(frozen=True)
class Reconstruction:
    """Histories of B berths (lanes), and what they make of the S sightings.

    Attributes:
        looks, sightings, histories, fleet: see there.
        detection_ids: (S,) str.
        visit: (S,) int64, number of each sighting's visit within its lane.
        same: (S,) share of histories in which the sighting shows the ship of the one before.
    """

    looks: Looks
    sightings: Sightings
    histories: Histories
    fleet: Fleet
    detection_ids: NDArray[np.str_]
    visit: NDArray[np.int64]
    same: NDArray[np.float64]


def reconstruct(
    berths: Sequence[Berth],
    observations: pd.DataFrame,
    detections: gpd.GeoDataFrame,
    cargo: CargoAssumptions,
    period_s: tuple[float, float],
    draws: int,
    rng: np.random.Generator,
) -> Reconstruction:
    """Draw what may have happened at the berths in a period.

    Args:
        berths: berth i is lane i.
        observations: columns as ``Estimate.observations``.
        detections: the store's columns.
        cargo: assumed traffic, fleet and false alarms.
        period_s: start and end, seconds since 1970 UTC.
        draws: number of histories a berth.
        rng: source of randomness.
    """
    chain = BerthChain.of(cargo.traffic)
    looks, sightings, detection_ids = read_looks(
        observations,
        detections,
        berths,
        period_s=period_s,
        max_step_h=chain.max_step_h,
        traffic=cargo.traffic,
    )
    histories = sample_histories(
        chain,
        looks,
        false_alarm=cargo.detector.false_alarms_per_look.value,
        draws=draws,
        rng=rng,
        recall_scale_sd=cargo.detector.recall.scale_sd,
    )
    visit, same, real = link(sightings, histories)
    measured = fuse(sightings, visit, real, len(berths))
    prior = fleet_prior([b.ship_length_m for b in berths], cargo.traffic)
    fleet = sample_fleet(measured, prior, draws=draws, rng=rng)
    return Reconstruction(looks, sightings, histories, fleet, detection_ids, visit, same)


def fleet_prior(ship_length_m: Sequence[tuple[float, float]], traffic: Traffic) -> FleetPrior:
    """What is believed of ships, as ln DWT, from the usual lengths at each berth (5 % and 95 % points in metres)."""
    lengths = length_prior(ship_length_m, traffic)
    # The regression is nearly a power law over a port's range: its slope there turns sd of ln length into sd of ln DWT.
    low, high = np.array(ship_length_m, np.float64).T
    (low_x, _), (high_x, _) = dwt_distribution(low, np.zeros_like(low)), dwt_distribution(high, np.zeros_like(high))
    slope = (high_x - low_x) / np.log(high / low)
    middle = np.exp(lengths.centre)
    centre, scatter = dwt_distribution(middle, np.zeros_like(middle))
    return FleetPrior(
        centre=centre,
        centre_sd=slope * lengths.centre_sd,
        spread_sd=slope * lengths.spread_sd,
        scatter_sd=scatter,
        concentration=traffic.fleet_concentration.value,
    )
