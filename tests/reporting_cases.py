"""Estimates to report on: scenes of invented port calls, put through the real estimator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Geod

from berthwatch.configs.cargo import load_cargo
from berthwatch.configs.port import Berth, Port
from berthwatch.estimation.estimate import Estimate, estimate
from berthwatch.inference.deadweight import dwt_distribution
from berthwatch.inference.detections import COLUMNS, detections_frame, empty_detections
from berthwatch.inference.size_class import most_likely_size_class, size_class_probabilities
from berthwatch.inference.store import SceneRecord

GEOD = Geod(ellps="WGS84")
START = datetime(2024, 3, 7, 2, 14, tzinfo=UTC)
HARBOUR = (133.0560, 42.7440)
MODEL_ID = "berthwatch-n-0123abcd"


def offset(lonlat: tuple[float, float], east_m: float, north_m: float) -> tuple[float, float]:
    azimuth, distance = np.degrees(np.arctan2(east_m, north_m)), np.hypot(east_m, north_m)
    lon, lat, _ = GEOD.fwd(*lonlat, azimuth, distance)
    return lon, lat


def box(centre: tuple[float, float], length_m: float, beam_m: float, heading_deg: float) -> shapely.Polygon:
    """A ship or berth as an oriented rectangle, EPSG:4326."""
    t = np.radians(heading_deg)
    along, across = np.array([np.sin(t), np.cos(t)]), np.array([np.cos(t), -np.sin(t)])
    corners = [(1, 1), (1, -1), (-1, -1), (-1, 1)]
    return shapely.Polygon([offset(centre, *(a * length_m / 2 * along + b * beam_m / 2 * across)) for a, b in corners])


@dataclass(frozen=True)
class Call:
    """A true port call, in days after START."""

    berth: int
    arrival: float
    departure: float
    length_m: float
    beam_m: float


SIX_CALLS = (
    Call(0, 0.0, 1.3, 93.0, 15.2),
    Call(0, 5.1, 6.8, 78.0, 12.4),
    Call(0, 11.9, 13.4, 106.0, 17.1),
    Call(0, 19.6, 23.5, 88.0, 14.0),
    Call(0, 29.4, 31.2, 97.0, 15.5),
    Call(0, 38.8, 40.1, 71.0, 11.6),
)


def make_port(n_oil: int = 1, n_other: int = 1, cap: str | None = "un_dprk_refined") -> Port:
    berths = []
    for i in range(n_oil + n_other):
        oil = i < n_oil
        centre = offset(HARBOUR, 60 + 320 * (i % 6), -420 * (i // 6))
        berths.append(
            Berth(
                id=f"{'oil' if oil else 'bulk'}-{i + 1}",
                name=f"Oil berth {i + 1}" if oil else f"Coal pier {i + 1}",
                kind="oil" if oil else "bulk",
                polygon=box(centre, 180, 45, 28).exterior.coords[:-1],
                heading_deg=28.0,
                approximate=oil,
                ship_length_m=(58, 125),
                source="drawn by eye near the World Port Index point 42.75 N 133.08 E",
            )
        )
    return Port(
        id="vostochny",
        name="Vostochny",
        country="Russia",
        aoi=(132.96, 42.70, 133.10, 42.785),
        source="NGA World Port Index 60725",
        berths=berths,
        cap=cap,
    )


def make_record(number: int, acquired_at: datetime | None, observed: shapely.MultiPolygon | None = None) -> SceneRecord:
    footprint = box(HARBOUR, 3600, 4200, 2)
    return SceneRecord(
        scene_id=f"{acquired_at:%Y%m%d_%H%M%S}_PS_{number:02d}" if acquired_at else f"undated_{number:02d}",
        acquired_at=acquired_at,
        gsd_m=3.0,
        working_gsd_m=3.0,
        footprint=footprint,
        observed=shapely.MultiPolygon([footprint]) if observed is None else observed,
        source=f"/home/someone/secret project/scene_{number:02d}.tif",
        model_id=MODEL_ID,
        backend="ONNX Runtime 1.32, CPU, 2 threads",
        settings={"overlap_m": 400.0, "score_threshold": 0.25, "batch_size": 8, "weights_sha256": "ab" * 32},
        fingerprint=f"{number:02x}" * 32,
    )


def detection_row(record: SceneRecord, number: int, centre, length, beam, heading, rng, kind: str = "tanker") -> dict:
    length_m, beam_m = length + rng.normal(0, 3), max(6.0, beam + rng.normal(0, 1.2))
    ln_mean, ln_sd = (float(np.squeeze(a)) for a in dwt_distribution(length_m, 3.5, beam_m, 1.5))
    probabilities = size_class_probabilities(length_m, 3.5, beam_m, 1.5)
    tanker = rng.uniform(0.82, 0.97) if kind == "tanker" else rng.uniform(0.03, 0.2)
    dwt = np.exp(ln_mean + ln_sd * np.array([-1.645, 0, 1.645]))
    return dict(zip(COLUMNS, [
        f"{record.scene_id}-{number:04d}", record.scene_id, record.acquired_at, *centre,
        length_m, 3.5, beam_m, 1.5, heading % 180, kind, tanker if kind == "tanker" else 1 - tanker,
        rng.uniform(0.5, 0.93), 0.95, tanker, most_likely_size_class(probabilities)[0], list(probabilities[0]),
        *dwt, 3.0, record.model_id, False, box(centre, length_m, beam_m, heading),
    ], strict=True))  # fmt: skip


def build(
    *,
    calls: tuple[Call, ...] = SIX_CALLS,
    n_scenes: int = 16,
    days: float = 42.0,
    cloudy: tuple[int, ...] = (3, 9),
    off_swath: tuple[int, ...] = (12,),
    port: Port | None = None,
    seed: int = 7,
) -> Estimate:
    """What the estimator makes of scenes that show these calls, one scene every days / (n_scenes - 1)."""
    port = port or make_port()
    records, detections = make_scenes(port, calls, n_scenes, days, cloudy, off_swath, seed)
    return estimate(port, records, detections, load_cargo(), draws=400, seed=seed)


def make_scenes(
    port: Port,
    calls: tuple[Call, ...],
    n_scenes: int,
    days: float,
    cloudy: tuple[int, ...],
    off_swath: tuple[int, ...],
    seed: int,
) -> tuple[list[SceneRecord], gpd.GeoDataFrame]:
    """Records, and detections of every ship alongside in a clear scene; every third has a bulk carrier at anchor."""
    rng = np.random.default_rng(seed)
    records, rows = [], []
    for n in range(n_scenes):
        day = n * days / max(1, n_scenes - 1)
        if n in cloudy:
            observed = shapely.MultiPolygon([box(offset(HARBOUR, -1200, 0), 3000, 1500, 2)])
        elif n in off_swath:
            observed = shapely.MultiPolygon([box(offset(HARBOUR, 0, 1500), 500, 3000, 2)])
        else:
            observed = None
        record = make_record(n + 1, START + timedelta(days=day), observed)
        records.append(record)
        if observed is not None:
            continue
        ships = [
            (port.berths[c.berth].geometry.centroid.coords[0], c.length_m, c.beam_m, port.berths[c.berth].heading_deg)
            for c in calls
            if c.arrival <= day + 1e-9 <= c.departure
        ]
        rows += [detection_row(record, i, *ship, rng) for i, ship in enumerate(ships)]
        if n % 3 == 0:
            anchored = offset(HARBOUR, -900, 700)
            rows.append(detection_row(record, len(ships), anchored, 189, 30, 110, rng, "cargo"))
    if not rows:
        return records, empty_detections()
    return records, detections_frame({name: [row[name] for row in rows] for name in COLUMNS})
