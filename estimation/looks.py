"""Berth observations as plain arrays on one axis of time: what the chain is filtered through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..configs.cargo import Traffic
from ..configs.port import Berth
from ..inference.deadweight import dwt_distribution
from .sightings import LengthPrior, Sightings, length_likelihoods

NO_LOOK, VACANT, SIGHTING = -1, 0, 1
EDGE_SD = 0.25  # share of her measured length by which a hull cut by the scene's edge may be longer

# The 5 % to 95 % range of ship lengths in a port file is 2 * 1.645 sd wide. It is worth ten ships measured, as is the
# share of tankers: their mean is unsure by a tenth of their variance. Of the range's variance, 10/11 is the ships'.
_RANGE_SDS = 3.29
_OF_THE_MEAN, _OF_THE_SHIPS = (1 / 11) ** 0.5, (10 / 11) ** 0.5


@dataclass(frozen=True)
class Looks:
    """Looks at B berths (lanes) that share one axis of time.

    Attributes:
        hour: (n,) int64, whole hours since the start of the period, not descending; steps no longer than the chain's
            ``max_step_h`` (times without a look are put in between).
        outcome: (n, B) int8, NO_LOOK, VACANT or SIGHTING.
        miss: (n, B) float64, probability that a ship alongside is missed in that look.
        ln_new: (n, B) float64, log likelihood of the sighting's measured length if it is the ship of another visit.
        ln_same: (n, B) float64, the same if it is the ship of the berth's sighting before.
        ln_false: (n, B) float64, the same if there is no ship.
    """

    hour: NDArray[np.int64]
    outcome: NDArray[np.int8]
    miss: NDArray[np.float64]
    ln_new: NDArray[np.float64]
    ln_same: NDArray[np.float64]
    ln_false: NDArray[np.float64]

    def of_lanes(self, lanes: slice) -> Looks:
        """The same looks at some of the lanes."""
        planes = {f.name: getattr(self, f.name)[:, lanes] for f in fields(self) if f.name != "hour"}
        return Looks(hour=self.hour, **planes)


def read_looks(
    observations: pd.DataFrame,
    detections: gpd.GeoDataFrame,
    berths: Sequence[Berth],
    *,
    period_s: tuple[float, float],
    max_step_h: int,
    traffic: Traffic,
) -> tuple[Looks, Sightings, NDArray[np.str_]]:
    """Looks and sightings of a table of observations; berth i is lane i.

    Looks at one berth that follow each other in less than one hour are no independent witnesses: in such a chain a
    sighting overrules empty looks, and of several empty ones that which misses least counts.

    Args:
        observations: columns as ``Estimate.observations``.
        detections: the store's columns.
        berths: the lanes.
        period_s: start and end, seconds since 1970 UTC.
        max_step_h: longest step of the time axis.
        traffic: how hulls come back.

    Returns:
        The looks; the sightings; and their (S,) detection ids.
    """
    lane_of = {berth.id: i for i, berth in enumerate(berths)}
    clear = observations[observations["state"] != "unobserved"]
    at_s = epoch_seconds(clear["acquired_at"])
    table = pd.DataFrame(
        {
            "lane": clear["berth_id"].map(lane_of).to_numpy(np.int64),
            "hour": np.rint((at_s - period_s[0]) / 3600).astype(np.int64),
            "at_s": at_s,
            "occupied": (clear["state"] == "occupied").to_numpy(),
            "miss": clear["miss_probability"].to_numpy(np.float64),
            "detection_id": [ids[0] if len(ids) else "" for ids in clear["detection_ids"]],
        }
    )
    table = _witnesses(table.sort_values(["lane", "at_s"], kind="stable", ignore_index=True))
    rank = table.groupby(["lane", "hour"]).cumcount().to_numpy().astype(np.int64)
    hours, row = time_axis(table["hour"].to_numpy(), rank, period_s, max_step_h)

    lane, occupied = table["lane"].to_numpy(), table["occupied"].to_numpy()
    seen = table[occupied]
    sightings = _sightings(seen, row[occupied], detections)
    outcome, miss = np.full((len(hours), len(berths)), NO_LOOK, np.int8), np.zeros((len(hours), len(berths)))
    outcome[row, lane], miss[row, lane] = occupied, table["miss"]
    prior = length_prior([b.ship_length_m for b in berths], traffic)
    looks = with_lengths(hours, outcome, miss, sightings, prior)
    return looks, sightings, seen["detection_id"].to_numpy(str)


def _witnesses(table: pd.DataFrame) -> pd.DataFrame:
    """The looks, by lane and time, less the empty ones that a neighbour in time makes worthless."""
    # At 10:25, 10:35 and 11:30 there is one chain: no two of its looks follow each other after an hour.
    starts = (table["lane"].diff() != 0) | (table["at_s"].diff() >= 3600)
    table = table.assign(chain=starts.cumsum())
    seen = table.groupby("chain")["occupied"].transform("any")
    best_empty = table[~seen].groupby("chain")["miss"].idxmin()
    return table[table["occupied"] | table.index.isin(best_empty)].reset_index(drop=True)


def with_lengths(
    hours: NDArray[np.int64],
    outcome: NDArray[np.int8],
    miss: NDArray[np.float64],
    sightings: Sightings,
    prior: LengthPrior,
) -> Looks:
    """Looks whose sightings' lengths have been judged; arrays as in ``Looks``."""
    likelihoods = length_likelihoods(sightings, prior)
    planes = [np.zeros(outcome.shape) for _ in likelihoods]
    for plane, values in zip(planes, likelihoods, strict=True):
        plane[sightings.look, sightings.lane] = values
    return Looks(hours, outcome, miss, *planes)


def length_prior(ship_length_m: Sequence[tuple[float, float]], traffic: Traffic) -> LengthPrior:
    """What is believed of ships from the usual lengths at each berth, 5 % and 95 % points in metres."""
    low, high = np.log(np.array(ship_length_m, np.float64)).T
    sd = (high - low) / _RANGE_SDS
    # Two calls are by one hull with probability 1 / (1 + alpha) in a Dirichlet process.
    returns = 1 / (1 + traffic.fleet_concentration.value)
    return LengthPrior((low + high) / 2, _OF_THE_MEAN * sd, _OF_THE_SHIPS * sd, returns, traffic.round_trip_h.value)


def epoch_seconds(times: pd.Series) -> NDArray[np.float64]:
    """Aware times as seconds since 1970-01-01 UTC, float64."""
    return times.dt.as_unit("us").astype("int64").to_numpy() / 1e6


def time_axis(
    hour: NDArray[np.int64], rank: NDArray[np.int64], period_s: tuple[float, float], max_step_h: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hours of the axis, with start, end and enough hours between; and the row of each look."""
    last = max(int(np.ceil((period_s[1] - period_s[0]) / 3600)), int(hour.max(initial=0)))
    keys = np.unique(np.concatenate([hour * 1000 + rank, [0, last * 1000]]))
    gaps = np.diff(keys // 1000)
    # A gap of 200 h with steps of at most 72 h is cut in three, at 66 and 133 h.
    cuts = [
        keys[i] // 1000 + gaps[i] * j // pieces
        for i in np.flatnonzero(gaps > max_step_h)
        for pieces in [-(-gaps[i] // max_step_h)]
        for j in range(1, pieces)
    ]
    keys = np.unique(np.concatenate([keys, np.array(cuts, np.int64) * 1000]))
    return keys // 1000, np.searchsorted(keys, hour * 1000 + rank)


def _sightings(seen: pd.DataFrame, row: NDArray[np.int64], detections: gpd.GeoDataFrame) -> Sightings:
    """Arrays of the ships seen, in the order of the table."""
    columns = ["length_m", "length_sd_m", "beam_m", "beam_sd_m", "tanker_probability", "touches_edge"]
    ships = pd.DataFrame(detections).set_index("detection_id").loc[seen["detection_id"], columns]
    length, length_sd, beam, beam_sd, tanker = (ships[c].to_numpy(np.float64) for c in columns[:5])
    cut_sd = np.where(ships["touches_edge"], EDGE_SD * length, 0.0)
    p = np.clip(tanker, 0.02, 0.98)
    return Sightings(
        lane=seen["lane"].to_numpy(np.int64),
        look=row,
        at_s=seen["at_s"].to_numpy(np.float64),
        tanker_log_odds=np.log(p / (1 - p)),
        **measured_sizes(length, np.maximum(length_sd, 0.1), beam, beam_sd, cut_sd),
    )


def measured_sizes(
    length_m: NDArray[np.float64],
    length_sd_m: NDArray[np.float64],
    beam_m: NDArray[np.float64],
    beam_sd_m: NDArray[np.float64],
    cut_sd_m: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """The fields of ``Sightings`` that say how large the ships are, from (S,) measured sizes in metres.

    Args:
        length_m, length_sd_m, beam_m, beam_sd_m: as measured.
        cut_sd_m: how much longer than measured a ship may be that the scene's edge cuts, sd; 0 for others.
    """
    # An error of 10 m is 11 % of a ship measured 10 m too short at 90 m and 9 % of one measured too long at 110 m:
    # who weighs by that believes the latter more, and finds 100 m + 1.5 * 10^2 / 100. It is taken off.
    relative = length_sd_m / length_m
    too_long = 1.5 * relative**2
    x, sd, scatter_sd = deadweight_reading(length_m, length_sd_m, beam_m, beam_sd_m)
    _, error_sd, _ = deadweight_reading(length_m, np.hypot(length_sd_m, cut_sd_m), beam_m, beam_sd_m)
    return {
        "ln_length": np.log(length_m) - too_long,
        "ln_length_sd": np.hypot(length_sd_m, cut_sd_m) / length_m,
        "x": x - too_long * sd / relative,
        "error_sd": error_sd,
        "scatter_sd": scatter_sd,
    }


def deadweight_reading(
    length_m: NDArray[np.float64],
    length_sd_m: NDArray[np.float64],
    beam_m: NDArray[np.float64],
    beam_sd_m: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """ln DWT read from a measured size, the sd of its measurement error, and the scatter of true ln DWT about it.

    The first is what two sightings of a hull differ by, the second what they share.
    """
    x, sd = dwt_distribution(length_m, length_sd_m, beam_m, beam_sd_m)
    _, scatter = dwt_distribution(length_m, np.zeros_like(length_m), beam_m, beam_sd_m)
    return x, np.sqrt(np.maximum(sd**2 - scatter**2, 1e-6)), scatter
