"""Visits seen: sightings of one hull at one berth, joined, with her fused size and the times that bound her stay."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from ..configs.cargo import CargoAssumptions
from ..configs.port import Berth, Port
from ..inference.deadweight import dwt_distribution, dwt_quantile
from ..inference.size_class import most_likely_size_class, size_class_probabilities
from .looks import EDGE_SD, epoch_seconds
from .reconstruct import Reconstruction, reconstruct
from .sightings import fused_variance

_TIMES = ("first_seen", "last_seen", "arrival_earliest", "arrival_latest", "departure_earliest", "departure_latest")
_SIZES = ("length_m", "length_sd_m", "beam_m", "beam_sd_m")


def build_visits(
    observations: pd.DataFrame,
    detections: gpd.GeoDataFrame,
    *,
    port: Port,
    cargo: CargoAssumptions,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Join the sightings of each berth into visits, by the histories that fit all looks at it.

    Args:
        observations: columns as ``Estimate.observations``; they set the period.
        detections: the store's columns.
        port: the berths.
        cargo: assumed traffic and false alarms.
        draws, seed: number of histories and random seed.

    Returns:
        One row a visit, by first sighting then berth; columns as ``Estimate.visits``.
    """
    at_s = epoch_seconds(observations["acquired_at"])
    found = reconstruct(
        port.berths, observations, detections, cargo, (at_s.min(), at_s.max()), draws, np.random.default_rng([seed, 1])
    )
    return visits_table(found, observations, detections, port.berths, cargo.traffic.tanker_share_at_oil_berth.value)[0]


def visits_table(
    found: Reconstruction,
    observations: pd.DataFrame,
    detections: gpd.GeoDataFrame,
    berths: Sequence[Berth],
    tanker_share: float,
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """The visits, and the row of each sighting's visit, (S,) int64."""
    ids = found.detection_ids
    of_sighting = pd.DataFrame(detections).set_index("detection_id").loc[ids.tolist()].reset_index()
    lane, number = found.sightings.lane, found.visit
    order = pd.DataFrame({"lane": lane, "number": number, "at_s": found.sightings.at_s})
    first = order.groupby(["lane", "number"], sort=False)["at_s"].transform("min").to_numpy()
    # Rows by first sighting, then berth in the order of the port file.
    key = np.rec.fromarrays([first, lane, number])
    _, first_of, row = np.unique(key, return_index=True, return_inverse=True)
    row, n = row.astype(np.int64), len(first_of)
    berth_ids = np.array([b.id for b in berths])
    is_oil = np.array([b.kind == "oil" for b in berths])
    lane_of_row = lane[first_of]
    prior = np.where(is_oil[lane_of_row], tanker_share, 0.5)
    log_odds = np.bincount(row, found.sightings.tanker_log_odds, n) / np.maximum(np.bincount(row, minlength=n), 1)
    visits = pd.DataFrame(
        {
            "visit_id": _ids(berth_ids[lane_of_row], found.sightings.at_s[first_of]),
            "berth_id": pd.Series(berth_ids[lane_of_row], dtype="str"),
            **_times(found, row, lane_of_row, observations, berths),
            "n_sightings": np.bincount(row, minlength=n).astype(np.int64),
            **_fused_sizes(of_sighting, row, n),
            "tanker_probability": expit(log_odds + np.log(prior / (1 - prior))),
            **dict.fromkeys(("size_class", "size_class_probabilities", "dwt_t_p05", "dwt_t_p50", "dwt_t_p95")),
            "link_probability": _link_probability(found, row, n),
            "there_before_probability": found.same[first_of],
            "there_after_probability": pd.Series(found.same[first_of]).groupby(lane_of_row).shift(-1, fill_value=0.0),
            "ship_probability": _at_least_one(found, row, n),
            "counts": is_oil[lane_of_row],
            "identified_as": pd.Series([None] * n, dtype="object"),
            "detection_ids": pd.Series(_grouped(ids, row, n), dtype="object"),
        }
    )
    return _with_classes(visits), row


def _ids(berth_ids: NDArray[np.str_], first_s: NDArray[np.float64]) -> pd.Series:
    """Berth and UTC minute of each visit's first sighting, "oil-1-20240314T0128": the id of no other ship, ever.

    A running number would name another ship as soon as the period or the pictures change. No two looks that count at a
    berth are of one minute (`passes`).
    """
    return pd.Series(berth_ids, dtype="str") + _utc(first_s).dt.strftime("-%Y%m%dT%H%M").astype("str")


def _times(
    found: Reconstruction,
    row: NDArray[np.int64],
    lane_of_row: NDArray[np.int64],
    observations: pd.DataFrame,
    berths: Sequence[Berth],
) -> dict[str, pd.Series]:
    """First and last sighting, and the clear looks before and after that did not show the ship."""
    n = len(lane_of_row)
    at_s = found.sightings.at_s
    first_s, last_s = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(first_s, row, at_s)
    np.maximum.at(last_s, row, at_s)
    before, after = np.full(n, np.nan), np.full(n, np.nan)
    clear = observations[observations["state"] != "unobserved"]
    clear_s, clear_berth = epoch_seconds(clear["acquired_at"]), clear["berth_id"].to_numpy()
    for lane, berth in enumerate(berths):
        looks = np.sort(clear_s[clear_berth == berth.id])
        mine = np.flatnonzero(lane_of_row == lane)
        i = np.searchsorted(looks, first_s[mine], side="left") - 1
        before[mine[i >= 0]] = looks[i[i >= 0]]
        j = np.searchsorted(looks, last_s[mine], side="right")
        after[mine[j < len(looks)]] = looks[j[j < len(looks)]]
    values = dict(zip(_TIMES, (first_s, last_s, before, first_s, last_s, after), strict=True))
    return {name: _utc(v) for name, v in values.items()}


def _utc(seconds: NDArray[np.float64]) -> pd.Series:
    micro = pd.Series(np.where(np.isnan(seconds), 0, np.rint(seconds * 1e6)).astype("int64"))
    return pd.to_datetime(micro, unit="us", utc=True).dt.as_unit("ns").mask(np.isnan(seconds))


def _fused_sizes(of_sighting: pd.DataFrame, row: NDArray[np.int64], n: int) -> dict[str, NDArray[np.float64]]:
    """Length and beam of each visit's ship over her sightings, weighted by their precision.

    Their errors are alike in part (``ALIKE``). A hull that the scene's edge cuts counts only when no sighting shows her
    whole.
    """
    cut = of_sighting["touches_edge"].to_numpy(bool)
    whole_in_visit = np.bincount(row, ~cut, n) > 0
    used = ~(cut & whole_in_visit[row])
    sizes: dict[str, NDArray[np.float64]] = {}
    for name in ("length", "beam"):
        value = of_sighting[f"{name}_m"].to_numpy(np.float64)
        sd = np.maximum(of_sighting[f"{name}_sd_m"].to_numpy(np.float64), 1e-3)
        sd = np.where(cut, np.hypot(sd, EDGE_SD * value), sd)
        weight = used * sd**-2.0
        total, count = np.bincount(row, weight, n), np.bincount(row, used, n)
        sizes[f"{name}_m"] = np.bincount(row, weight * value, n) / np.maximum(total, 1e-12)
        sizes[f"{name}_sd_m"] = np.sqrt(fused_variance(np.maximum(total, 1e-12), count))
    return sizes


def _link_probability(found: Reconstruction, row: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Probability that each sighting after the first shows the ship of the one before: product over the visit."""
    inner = np.zeros(len(row), bool)
    inner[1:] = (found.sightings.lane[1:] == found.sightings.lane[:-1]) & (found.visit[1:] == found.visit[:-1])
    ln_p = np.log(np.maximum(np.where(inner, found.same, 1.0), 1e-6))
    return np.exp(np.bincount(row, ln_p, n))


def _at_least_one(found: Reconstruction, row: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Share of histories in which at least one sighting of the visit shows a ship."""
    real = found.histories.real[found.sightings.look, found.sightings.lane]
    shown = np.zeros((n, real.shape[1]), bool)
    np.logical_or.at(shown, row, real)
    return shown.mean(axis=1)


def _grouped(ids: NDArray[np.str_], row: NDArray[np.int64], n: int) -> list[list[str]]:
    groups: list[list[str]] = [[] for _ in range(n)]
    for detection_id, i in zip(ids.tolist(), row.tolist(), strict=True):
        groups[i].append(detection_id)
    return groups


def _with_classes(visits: pd.DataFrame) -> pd.DataFrame:
    """Size class and deadweight filled in from the fused size; right dtypes also when there is no visit."""
    sizes = [visits[c].to_numpy(np.float64) for c in _SIZES]
    ln_mean, ln_sd, probabilities = np.empty(0), np.empty(0), np.empty((0, 1))
    if len(visits):
        ln_mean, ln_sd = dwt_distribution(*sizes)
        probabilities = size_class_probabilities(*sizes)
    for name, p in (("dwt_t_p05", 0.05), ("dwt_t_p50", 0.50), ("dwt_t_p95", 0.95)):
        visits[name] = dwt_quantile(ln_mean, ln_sd, p)
    visits["size_class"] = pd.Series(most_likely_size_class(probabilities), dtype="str", index=visits.index)
    visits["size_class_probabilities"] = pd.Series(probabilities.tolist(), dtype="object", index=visits.index)
    return visits
