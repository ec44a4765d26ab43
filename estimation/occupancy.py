"""Which berth was occupied, and by which ship, in each scene.

A ship is at the berth when she lies as a moored ship lies: her axis parallel to the quay line, within the strip of
water that the berth polygon marks, and alongside it for at least half of the shorter of the two. A ship that merely
has her centre near (passing, swinging at anchor, a tug crossing) is not. A berth that cloud, haze, the scene's edge
or missing pixels hide is *unobserved*, never vacant; nor is it occupied by a ship found where they hide her.

A ship lies at one berth. One that lies across two neighbouring berths is alongside where more of her is, and blocks
the other: no ship can lie there, but neither does the empty place tell how often ships come, so that look at the
other berth is *unobserved*.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from ..configs.cargo import Recall
from ..configs.port import Berth, Port
from ..errors import BerthwatchError
from .passes import looks_of_one_pass

if TYPE_CHECKING:
    from ..inference.store import SceneRecord

_GEOD = Geod(ellps="WGS84")

HEADING_TOLERANCE_DEG = 20.0  # a 70 m hull at 10 m pixels: 1 px across at either end turns it by 8 degrees
MIN_OVERLAP = 0.5  # of ship or berth along the quay, whichever is shorter
POSITION_SLACK_M = 10.0  # geolocation of PlanetScope and Sentinel-2 scenes
RAFTED_GAP_M = 15.0  # between sides, fenders and a pixel or two
NEARBY_M = 500.0
MIN_OBSERVED_FRACTION = 0.7  # of the berth, for "no ship" to mean anything
MIN_HULL_IN_VIEW = 0.5  # of a ship found at a berth of which less shows

# An item beside a scene leaves its name, and so its place in a store, as it is.
HOW_TO_DATE = (
    "give --acquired-at, such as --acquired-at 2024-03-07T02:06:51Z; for many scenes put a file beside each, port.json "
    'beside port.tif: {"properties": {"datetime": "2024-03-07T02:06:51Z"}}'
)


@dataclass(frozen=True)
class BerthFrame:
    """Local coordinates of a berth in metres: u along the quay line, v across it, origin at the polygon's middle.

    Attributes:
        lon, lat: origin, degrees.
        east_m, north_m: metres a degree of longitude and of latitude there.
        heading_deg: of the u axis, clockwise from true north.
        length_m, width_m: extent of the berth polygon along u and v.
    """

    lon: float
    lat: float
    east_m: float
    north_m: float
    heading_deg: float
    length_m: float
    width_m: float

    @classmethod
    def of(cls, berth: Berth) -> BerthFrame:
        """The frame of a berth."""
        lon, lat = berth.geometry.centroid.coords[0]
        # At 42.75 N 0.01 degrees of longitude are 819 m: within the 500 m that count, this plane is right to 0.1 m.
        _, _, east_m = _GEOD.inv(lon - 0.005, lat, lon + 0.005, lat)
        _, _, north_m = _GEOD.inv(lon, lat - 0.005, lon, lat + 0.005)
        raw = cls(lon, lat, east_m * 100, north_m * 100, berth.heading_deg, 0.0, 0.0)
        uv = raw.to_uv(np.asarray(berth.geometry.exterior.coords))
        low, high = uv.min(axis=0), uv.max(axis=0)
        # Origin to the middle of the extents: the centroid of a crooked polygon lies elsewhere.
        middle = raw.to_lonlat((low + high)[None] / 2)[0]
        length_m, width_m = high - low
        return cls(
            float(middle[0]),
            float(middle[1]),
            raw.east_m,
            raw.north_m,
            berth.heading_deg,
            float(length_m),
            float(width_m),
        )

    def to_uv(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) lon, lat degrees -> (n, 2) u, v metres."""
        x, y = ((np.asarray(lonlat, np.float64) - (self.lon, self.lat)) * (self.east_m, self.north_m)).T
        sin, cos = np.sin(np.radians(self.heading_deg)), np.cos(np.radians(self.heading_deg))
        return np.column_stack([x * sin + y * cos, x * cos - y * sin])

    def to_lonlat(self, uv: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) u, v metres -> (n, 2) lon, lat degrees."""
        u, v = np.asarray(uv, np.float64).T
        sin, cos = np.sin(np.radians(self.heading_deg)), np.cos(np.radians(self.heading_deg))
        return np.column_stack([u * sin + v * cos, u * cos - v * sin]) / (self.east_m, self.north_m) + (
            self.lon,
            self.lat,
        )


def observe_berths(
    port: Port, records: Sequence[SceneRecord], detections: gpd.GeoDataFrame, *, recall: Recall
) -> pd.DataFrame:
    """What each scene says of each berth; of a pass of a satellite that comes as several scenes, one (`passes`).

    Args:
        port: the berths.
        records: scenes, each with ``acquired_at`` and ``observed`` (EPSG:4326).
        detections: of those scenes, store columns, EPSG:4326.
        recall: the detector's, by length in pixels; gives ``miss_probability``.

    Returns:
        One row a berth and scene, by berth (order of the port file) then time; columns as
        ``Estimate.observations``.

    Raises:
        BerthwatchError: a scene has no time, or comes twice.
    """
    ordered = scenes_in_order_of_time(records)
    detections = detections[detections["scene_id"].isin([r.scene_id for r in ordered])]
    near = [_ships_near(BerthFrame.of(berth), detections, berth) for berth in port.berths]
    berth_of = _one_berth_each(near)
    parts = [
        _observe_berth(berth, ordered, ships.assign(here=there == i, elsewhere=there.notna() & (there != i)), recall)
        for i, (berth, ships) in enumerate(zip(port.berths, near, strict=True))
        for there in [ships["detection_id"].map(berth_of)]
    ]
    return pd.concat(parts, ignore_index=True)


def scenes_in_order_of_time(records: Sequence[SceneRecord]) -> list[SceneRecord]:
    """Scenes by time; raises BerthwatchError when one has no time, a time without zone, or comes twice."""
    ids: set[str] = set()
    for record in records:
        if record.acquired_at is None:
            raise BerthwatchError(
                f"scene {record.scene_id}: its time is unknown, and visits need one. Detect it again: {HOW_TO_DATE}"
            )
        if record.acquired_at.tzinfo is None:
            raise BerthwatchError(
                f"scene {record.scene_id}: its time {record.acquired_at} has no time zone; give it in UTC"
            )
        if record.scene_id in ids:
            raise BerthwatchError(f"scene {record.scene_id} comes twice; give each scene once")
        ids.add(record.scene_id)
    return sorted(records, key=lambda r: (r.acquired_at, r.scene_id))


def _one_berth_each(near: Sequence[pd.DataFrame]) -> pd.Series:
    """Number of the berth that each ship lying as a moored one lies at, by detection id.

    That is the berth with most of her alongside, less her distance from its axis. Within the error of positions the
    first in the port file: a ship that lies in the middle of two must not change places from look to look.

    Args:
        near: of each berth, the ships near it.
    """
    claims = pd.concat([ships[ships["in_strip"]].assign(berth=i) for i, ships in enumerate(near)], ignore_index=True)
    fit_m = claims["alongside_m"] - claims["v"].abs()
    best_m = fit_m.groupby(claims["detection_id"]).transform("max")
    chosen = claims[fit_m >= best_m - POSITION_SLACK_M].drop_duplicates("detection_id")
    return chosen.set_index("detection_id")["berth"]


def _observe_berth(berth: Berth, records: list[SceneRecord], ships: pd.DataFrame, recall: Recall) -> pd.DataFrame:
    by_scene: dict[str, list[Mapping[Hashable, Any]]] = {}
    for ship in ships.to_dict("records"):
        by_scene.setdefault(str(ship["scene_id"]), []).append(ship)
    roles = [_roles(by_scene.get(r.scene_id, ())) for r in records]
    fractions = _observed_fractions(berth, records)
    hulls = dict(zip(ships["detection_id"], ships["geometry"], strict=True))
    each = zip(roles, fractions, records, strict=True)
    states = np.array([_state(r, fraction, record, hulls) for r, fraction, record in each], dtype=object)
    at_s = np.array([r.acquired_at.timestamp() for r in records if r.acquired_at], np.float64)
    gsd_m = np.array([r.gsd_m for r in records], np.float64)
    ids = [r.scene_id for r in records]
    stands_for = looks_of_one_pass(at_s, states != "unobserved", fractions, gsd_m, ids)
    states[list(stands_for)] = "unobserved"
    # Her middle may lie anywhere along the berth: of one hidden by 29 %, an empty look misses those 29 % of ships too.
    # A ship that was found lay in view.
    in_view = np.where(states == "vacant", fractions, 1.0)
    miss = 1.0 - typical_recall(berth, gsd_m, recall) * in_view
    return pd.DataFrame(
        {
            "berth_id": pd.Series([berth.id] * len(records), dtype="str"),
            "scene_id": pd.Series(ids, dtype="str"),
            "acquired_at": pd.to_datetime(pd.Series([r.acquired_at for r in records]), utc=True).dt.as_unit("ns"),
            "state": pd.Series(states, dtype="str"),
            "observed_fraction": fractions,
            "detection_ids": pd.Series([r.alongside for r in roles], dtype="object"),
            "rafted_ids": pd.Series([r.rafted for r in roles], dtype="object"),
            "nearby_ids": pd.Series([r.nearby for r in roles], dtype="object"),
            "blocking_ids": pd.Series([r.blocking for r in roles], dtype="object"),
            "miss_probability": np.where(states == "unobserved", np.nan, miss),
            "same_pass_as": pd.Series([stands_for.get(i) for i in range(len(ids))], dtype="object"),
        }
    )


def _state(roles: _Roles, fraction: float, record: SceneRecord, hulls: Mapping[str, shapely.Polygon]) -> str:
    """What a scene says of a berth: who does what there, the berth's share in view, and the hulls of ships near it."""
    berth_in_view = fraction >= MIN_OBSERVED_FRACTION
    if not roles.alongside:
        return "vacant" if berth_in_view and not roles.blocking else "unobserved"
    # In a gap of the clouds she is seen. A mask that hides her says that those pixels tell nothing.
    hull = hulls[roles.alongside[0]]
    in_view = berth_in_view or shapely.intersection(hull, record.observed).area >= MIN_HULL_IN_VIEW * hull.area
    return "occupied" if in_view else "unobserved"


def typical_recall(berth: Berth, gsd_m: NDArray[np.float64], recall: Recall) -> NDArray[np.float64]:
    """Recall of the ships that use a berth: mean over their usual lengths (lognormal); float64, shape of gsd_m (n,)."""
    low, high = np.log(berth.ship_length_m)
    # Nine equally likely lengths: 1.645 is the 95 % point of the normal distribution.
    z = np.array([-1.593, -0.967, -0.589, -0.282, 0.0, 0.282, 0.589, 0.967, 1.593])
    lengths = np.exp((low + high) / 2 + z * (high - low) / 2 / 1.645)
    return recall.at(lengths[:, None], np.atleast_1d(gsd_m)).mean(axis=0)


def _observed_fractions(berth: Berth, records: list[SceneRecord]) -> NDArray[np.float64]:
    """Share of the berth polygon within each scene's observed area, 0 to 1."""
    observed = np.array([r.observed for r in records], dtype=object)
    return np.clip(shapely.area(shapely.intersection(observed, berth.geometry)) / berth.geometry.area, 0.0, 1.0)


def _ships_near(frame: BerthFrame, detections: gpd.GeoDataFrame, berth: Berth) -> pd.DataFrame:
    """Detections within NEARBY_M of the berth, in its frame.

    Columns: u, v, half_u, half_v (middle and half extents along and across, metres), alongside_m (length of berth
    that she takes), moored (lies as a moored ship lies, at the quay or outside another), in_strip (at the quay).
    """
    uv = frame.to_uv(np.column_stack([detections["lon"].to_numpy(), detections["lat"].to_numpy()]).reshape(-1, 2))
    # Not abs(u) against half the length alone: a 330 m ship's centre can lie 150 m beyond the end of a small berth.
    near = (np.abs(uv[:, 0]) < frame.length_m / 2 + NEARBY_M) & (np.abs(uv[:, 1]) < frame.width_m / 2 + NEARBY_M)
    columns = ["detection_id", "scene_id", "length_m", "beam_m", "heading_deg", "geometry"]
    ships = pd.DataFrame(detections.loc[near, columns])
    off_deg = np.abs((ships["heading_deg"].to_numpy() - frame.heading_deg + 90) % 180 - 90)
    cos, sin = np.cos(np.radians(off_deg)), np.sin(np.radians(off_deg))
    length, beam = ships["length_m"].to_numpy(), ships["beam_m"].to_numpy()
    u, v = uv[near].T
    half_u, half_v = (length * cos + beam * sin) / 2, (length * sin + beam * cos) / 2
    alongside_m = np.minimum(u + half_u, frame.length_m / 2) - np.maximum(u - half_u, -frame.length_m / 2)
    # A tug or launch at a tanker's berth is not a call.
    big_enough = length >= 0.5 * berth.ship_length_m[0]
    overlaps = alongside_m >= MIN_OVERLAP * np.minimum(2 * half_u, frame.length_m)
    moored = overlaps & (off_deg <= HEADING_TOLERANCE_DEG) & big_enough
    in_strip = moored & (np.abs(v) <= frame.width_m / 2 + POSITION_SLACK_M)
    return ships.assign(
        u=u, v=v, half_u=half_u, half_v=half_v, alongside_m=alongside_m, moored=moored, in_strip=in_strip
    )


@dataclass(frozen=True)
class _Roles:
    """Detection ids alongside (nearest the berth's axis first), rafted outside them, merely nearby, and in the way."""

    alongside: list[str]
    rafted: list[str]
    nearby: list[str]
    blocking: list[str]


def _roles(ships: Sequence[Mapping[Hashable, Any]]) -> _Roles:
    """What the ships near a berth in one scene do there: rows of `_ships_near`.

    ``here`` and ``elsewhere`` tell at which berth they lie. Plain rows, as a frame a scene and berth costs milliseconds
    and there are tens of thousands of them in some years of a busy port.
    """
    from_the_quay = sorted(range(len(ships)), key=lambda i: abs(ships[i]["v"]))
    alongside: list[int] = []
    for i in from_the_quay:
        # In line with those already alongside, not outside them.
        in_line = all(_gap(ships[i], ships[j], "u") > -0.25 * ships[i]["length_m"] for j in alongside)
        if ships[i]["in_strip"] and ships[i]["here"] and in_line:
            alongside.append(i)
    rafted: list[int] = []
    for i in from_the_quay:
        if not ships[i]["moored"] or ships[i]["elsewhere"] or i in alongside:
            continue
        touching = [j for j in (*alongside, *rafted) if _gap(ships[i], ships[j], "u") < 0]
        if any(_gap(ships[i], ships[j], "v") <= RAFTED_GAP_M for j in touching):
            rafted.append(i)
    nearby = [i for i in range(len(ships)) if i not in alongside and i not in rafted]
    blocking = [i for i, ship in enumerate(ships) if ship["in_strip"] and ship["elsewhere"]]
    alike = ([str(ships[i]["detection_id"]) for i in group] for group in (alongside, rafted, nearby, blocking))
    return _Roles(*alike)


def _gap(a: Mapping[Hashable, Any], b: Mapping[Hashable, Any], axis: str) -> float:
    """Metres between two ships' extents along an axis of the berth's frame; negative when they overlap."""
    return float(abs(a[axis] - b[axis]) - a[f"half_{axis}"] - b[f"half_{axis}"])
