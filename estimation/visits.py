"""Sightings of one hull at one berth, joined into visits."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import norm

from ..configs.cargo import Traffic
from ..configs.port import Berth, Port
from ..inference.deadweight import dwt_distribution, dwt_quantile
from ..inference.size_class import most_likely_size_class, size_class_probabilities

_EDGE_SD = 0.25  # share of her measured length by which a hull cut by the scene's edge may be longer


def build_visits(
    observations: pd.DataFrame, detections: gpd.GeoDataFrame, *, port: Port, traffic: Traffic
) -> pd.DataFrame:
    """Join the sightings of each berth into visits.

    Two sightings in a row belong to one visit when that is likelier than a second ship in the gap: it depends on how
    well the lengths agree, on the gap against the stays that are usual, and on clear looks between that showed the
    berth free.

    Args:
        observations: columns as ``Estimate.observations``.
        detections: the store's columns.
        port: the berths.
        traffic: assumed stays and arrivals.

    Returns:
        One row a visit, by first sighting then berth; columns as ``Estimate.visits``.
    """
    ships = detections.set_index("detection_id")
    by_berth = dict(list(observations.groupby("berth_id", sort=False)))
    parts = [_visits_at(b, by_berth[b.id], ships, traffic) for b in port.berths if b.id in by_berth]
    visits = pd.concat(parts, ignore_index=True)
    return visits.sort_values(["first_seen", "berth_id"], kind="stable", ignore_index=True)


def _visits_at(berth: Berth, looks: pd.DataFrame, ships: pd.DataFrame, traffic: Traffic) -> pd.DataFrame:
    """Visits of one berth, in order of time."""
    clear = looks[looks["state"] != "unobserved"].sort_values("acquired_at", kind="stable").reset_index(drop=True)
    sightings = clear[clear["state"] == "occupied"]
    detection_ids = [ids[0] for ids in sightings["detection_ids"]]
    seen = ships.loc[detection_ids].assign(at=sightings["acquired_at"].to_numpy(), look=sightings.index)
    link = [_same_visit_probability(a, b, clear, berth, traffic) for (_, a), (_, b) in pairwise(seen.iterrows())]
    number = np.cumsum([0, *(p < 0.5 for p in link)])[: len(seen)]
    groups = [seen.index[number == i] for i in range(number[-1] + 1)] if len(seen) else []

    tanker_prior = traffic.tanker_share_at_oil_berth.value if berth.kind == "oil" else 0.5
    rows = []
    for i, ids in enumerate(groups):
        of_visit = seen.loc[ids]
        inside = [link[j] for j in range(len(link)) if number[j] == number[j + 1] == i]
        before = clear["acquired_at"][: of_visit["look"].iloc[0]]
        after = clear["acquired_at"][of_visit["look"].iloc[-1] + 1 :]
        rows.append(
            {
                "visit_id": f"{berth.id}-{i + 1:04d}",
                "berth_id": berth.id,
                "first_seen": of_visit["at"].iloc[0],
                "last_seen": of_visit["at"].iloc[-1],
                "arrival_earliest": before.iloc[-1] if len(before) else pd.NaT,
                "arrival_latest": of_visit["at"].iloc[0],
                "departure_earliest": of_visit["at"].iloc[-1],
                "departure_latest": after.iloc[0] if len(after) else pd.NaT,
                "n_sightings": len(of_visit),
                **_fused_size(of_visit),
                "tanker_probability": _tanker_probability(of_visit["tanker_probability"].to_numpy(), tanker_prior),
                "link_probability": float(np.prod(inside)) if inside else 1.0,
                "counts": berth.kind == "oil",
                "identified_as": None,
                "detection_ids": list(ids),
            }
        )
    return _with_sizes(rows)


def _same_visit_probability(a: pd.Series, b: pd.Series, clear: pd.DataFrame, berth: Berth, traffic: Traffic) -> float:
    """Probability that two sightings in a row are of one visit."""
    gap_h = (b["at"] - a["at"]).total_seconds() / 3600
    between = clear.loc[a["look"] + 1 : b["look"] - 1, "miss_probability"]
    stays_on = _residual_survival(gap_h, traffic)
    a_new_ship = (1 - stays_on) * -np.expm1(-traffic.arrivals_per_day.value * gap_h / 24 / 2)

    low, high = np.log(berth.ship_length_m)
    fleet_sd = (high - low) / 2 / 1.645
    off = np.log(b["length_m"] / a["length_m"])
    error_sd = np.hypot(a["length_sd_m"] / a["length_m"], b["length_sd_m"] / b["length_m"]) + 1e-9
    same = stays_on * norm.pdf(off, scale=error_sd) * between.prod()
    other = a_new_ship * norm.pdf(off, scale=np.hypot(error_sd, np.sqrt(2) * fleet_sd))
    return float(same / (same + other)) if same + other > 0 else 0.0


def _residual_survival(gap_h: float, traffic: Traffic) -> float:
    """Chance that a ship seen at some time of her stay is still there gap_h later: E[(stay - gap)+] / E[stay]."""
    stay = traffic.stay_h
    mu, sigma = np.log(stay.mode), np.log(stay.high / stay.low) / 2 / 1.645
    if gap_h <= 0:
        return 1.0
    d = (mu - np.log(gap_h)) / sigma
    mean_h = np.exp(mu + sigma**2 / 2)
    return float(ndtr(d + sigma) - gap_h * ndtr(d) / mean_h)


def _fused_size(sightings: pd.DataFrame) -> dict[str, float]:
    """Length and beam over sightings, weighted by their precision.

    Errors of one detector on one hull are alike in part: the fused sd never falls below half of the best single one.
    A hull that the scene's edge cuts only counts when no sighting shows her whole.
    """
    whole = sightings[~sightings["touches_edge"]]
    size = {}
    for name in ("length", "beam"):
        rows = whole if len(whole) else sightings
        values, sds = rows[f"{name}_m"].to_numpy(), np.maximum(rows[f"{name}_sd_m"].to_numpy(), 1e-6)
        if not len(whole):
            sds = np.hypot(sds, _EDGE_SD * values)
        weights = sds**-2.0
        size[f"{name}_m"] = float(np.sum(weights * values) / np.sum(weights))
        size[f"{name}_sd_m"] = float(max(np.sum(weights) ** -0.5, sds.min() / 2))
    return size


def _tanker_probability(probabilities: np.ndarray, prior: float) -> float:
    """Detector's probabilities (which start from even odds) and the berth's prior, in log odds.

    Sightings of one hull by one model err alike, so they are averaged, not multiplied.
    """
    p = np.clip(probabilities, 0.02, 0.98)
    log_odds = np.mean(np.log(p / (1 - p))) + np.log(prior / (1 - prior))
    return float(1 / (1 + np.exp(-log_odds)))


_COLUMNS = (
    "visit_id", "berth_id", "first_seen", "last_seen", "arrival_earliest", "arrival_latest", "departure_earliest",
    "departure_latest", "n_sightings", "length_m", "length_sd_m", "beam_m", "beam_sd_m", "tanker_probability",
    "size_class", "size_class_probabilities", "dwt_t_p05", "dwt_t_p50", "dwt_t_p95", "link_probability", "counts",
    "identified_as", "detection_ids",
)  # fmt: skip
_TIMES = ("first_seen", "last_seen", "arrival_earliest", "arrival_latest", "departure_earliest", "departure_latest")


def _with_sizes(rows: list[dict[str, object]]) -> pd.DataFrame:
    """The visits table with size class and deadweight added, right dtypes also when it is empty."""
    visits = pd.DataFrame(rows, columns=[c for c in _COLUMNS if not c.startswith(("size_class", "dwt_t"))])
    for name in _TIMES:
        visits[name] = pd.to_datetime(visits[name], utc=True).dt.as_unit("ns")
    floats = ("length_m", "length_sd_m", "beam_m", "beam_sd_m", "tanker_probability", "link_probability")
    kinds = dict.fromkeys(floats, "float64") | {"n_sightings": "int64", "counts": "bool", "identified_as": "object"}
    visits = visits.astype(kinds | {"visit_id": "str", "berth_id": "str"})
    sizes = [visits[c].to_numpy() for c in ("length_m", "length_sd_m", "beam_m", "beam_sd_m")]
    if len(visits):
        ln_mean, ln_sd = dwt_distribution(*sizes)
        probabilities = size_class_probabilities(*sizes)
    else:
        ln_mean, ln_sd, probabilities = np.empty(0), np.empty(0), np.empty((0, 1))
    for name, p in (("dwt_t_p05", 0.05), ("dwt_t_p50", 0.50), ("dwt_t_p95", 0.95)):
        visits[name] = dwt_quantile(ln_mean, ln_sd, p)
    visits["size_class"] = pd.Series(most_likely_size_class(probabilities), dtype="str", index=visits.index)
    visits["size_class_probabilities"] = pd.Series(list(probabilities.tolist()), dtype="object", index=visits.index)
    return visits[list(_COLUMNS)]
