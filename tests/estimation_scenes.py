"""Scene records and detections at the shipped Vostochny berth, made by hand for the estimation tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import geopandas as gpd
import numpy as np
import shapely

from berthwatch.configs.port import Port, load_port
from berthwatch.estimation.occupancy import BerthFrame
from berthwatch.inference.deadweight import dwt_distribution, dwt_quantile
from berthwatch.inference.detections import COLUMNS, detections_frame, empty_detections
from berthwatch.inference.size_class import SIZE_CLASS_NAMES, size_class_probabilities
from berthwatch.inference.store import SceneRecord

PORT: Port = load_port("vostochny")
BERTH = PORT.berths[0]
FRAME = BerthFrame.of(BERTH)
START = datetime(2024, 3, 7, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Ship:
    """A ship to be detected: position in the berth's frame (metres along and across), heading off the quay line."""

    length_m: float = 90.0
    u: float = 0.0
    v: float = 0.0
    off_deg: float = 0.0
    tanker: float = 0.9
    length_sd_m: float = 4.0
    touches_edge: bool = False


def at_day(day: float) -> datetime:
    return START + timedelta(days=day)


def record(
    scene_id: str, day: float | None, *, observed: shapely.Geometry | None = None, gsd_m: float = 3.0
) -> SceneRecord:
    area = shapely.MultiPolygon([shapely.box(*PORT.aoi)]) if observed is None else observed
    return SceneRecord(
        scene_id=scene_id, acquired_at=None if day is None else at_day(day), gsd_m=gsd_m, working_gsd_m=gsd_m,
        footprint=shapely.box(*PORT.aoi), observed=area, source=f"{scene_id}.tif", model_id="test", backend="none",
        settings={}, fingerprint=scene_id,
    )  # fmt: skip


CLOUDED = shapely.MultiPolygon()


def detections(scene_ships: dict[str, tuple[float, list[Ship]]]) -> gpd.GeoDataFrame:
    """Detections of scenes: scene_id -> (day, ships)."""
    rows: dict[str, list[object]] = {name: [] for name in COLUMNS}
    for scene_id, (day, ships) in scene_ships.items():
        for i, ship in enumerate(ships):
            _append(rows, scene_id, day, i, ship)
    return detections_frame(rows) if rows["lon"] else empty_detections()


def _append(rows: dict[str, list[object]], scene_id: str, day: float, number: int, ship: Ship) -> None:
    heading = np.radians(ship.off_deg)
    beam = 0.117 * ship.length_m**1.066
    along, across = np.array([np.cos(heading), np.sin(heading)]), np.array([-np.sin(heading), np.cos(heading)])
    signs = [(1, 1), (1, -1), (-1, -1), (-1, 1)]
    uv = np.array([(ship.u, ship.v) + a * along * ship.length_m / 2 + b * across * beam / 2 for a, b in signs])
    lon, lat = FRAME.to_lonlat(np.array([[ship.u, ship.v]]))[0]
    ln_mean, ln_sd = dwt_distribution(ship.length_m, ship.length_sd_m, beam, 1.5)
    classes = size_class_probabilities(ship.length_m, ship.length_sd_m, beam, 1.5)[0]
    values = {
        "detection_id": f"{scene_id}-{number}", "scene_id": scene_id, "acquired_at": at_day(day), "lon": lon,
        "lat": lat,
        "length_m": ship.length_m, "length_sd_m": ship.length_sd_m, "beam_m": beam, "beam_sd_m": 1.5,
        "heading_deg": (BERTH.heading_deg + ship.off_deg) % 180, "vessel_class": "tanker", "class_score": ship.tanker,
        "score": 0.9, "ship_probability": 0.9, "tanker_probability": ship.tanker,
        "size_class": SIZE_CLASS_NAMES[int(np.argmax(classes))],
        "size_class_probabilities": classes.tolist(), "dwt_t_p05": float(dwt_quantile(ln_mean, ln_sd, 0.05)),
        "dwt_t_p50": float(dwt_quantile(ln_mean, ln_sd, 0.5)), "dwt_t_p95": float(dwt_quantile(ln_mean, ln_sd, 0.95)),
        "gsd_m": 3.0, "model_id": "test", "touches_edge": ship.touches_edge,
        "geometry": shapely.Polygon(FRAME.to_lonlat(uv)),
    }  # fmt: skip
    for name, value in values.items():
        rows[name].append(value)


def watched(looks: dict[float, list[Ship] | None]) -> tuple[list[SceneRecord], gpd.GeoDataFrame]:
    """Records and detections of looks: day -> ships seen; None means the look was under cloud."""
    records = [record(f"s{day:g}", day, observed=CLOUDED if ships is None else None) for day, ships in looks.items()]
    return records, detections({f"s{day:g}": (day, ships) for day, ships in looks.items() if ships})
