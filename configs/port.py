"""Ports and their berths: where the estimator looks for ships alongside."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import shapely
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pyproj import Geod

from ..errors import BerthwatchError
from .yaml_file import load_yaml

PORTS = Path(__file__).parent / "ports"
_PICTURES = (".tif", ".tiff", ".vrt", ".jp2", ".zip", ".png", ".jpg", ".jpeg")
_GEOD = Geod(ellps="WGS84")
DEFAULT_SHIP_LENGTH_M = (50.0, 340.0)  # coastal tanker to VLCC: a port file that says nothing says this
_MAX_BERTH_M = 3000.0  # the longest quays measure some 2 km: a longer "berth" is a slip of the pen


def _lonlat(value: Any) -> Any:
    """Check one position (longitude, latitude) in degrees, and say so when the two look swapped."""
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        raise ValueError("a position is two numbers [longitude, latitude] in degrees")
    lon, lat = value
    if abs(lat) > 90 >= abs(lon) and abs(lat) <= 180:
        raise ValueError("latitude is beyond 90 degrees: longitude comes first, these look swapped")
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise ValueError("longitude must be within -180 to 180 and latitude within -90 to 90 degrees")
    return value


LonLat = Annotated[tuple[float, float], BeforeValidator(_lonlat)]


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Berth(BaseModel):
    """A place where one ship lies alongside.

    Attributes:
        id: short and unique in the port; appears in every table.
        name: as people call it.
        kind: what is handled there; only oil berths enter the barrels.
        polygon: (lon, lat) corners, EPSG:4326, of the water where the ship lies: along the quay for the length of
            the berth, from the quay outwards for the beam of the largest ship. The ring need not be closed.
        heading_deg: direction of the quay line, clockwise from true north; 200 and 20 mean the same.
        approximate: True when the position is not known to within a ship's beam; reports say so.
        source: where the position comes from.
        ship_length_m: lengths of the ships that use it, 5 % and 95 % points, metres: what is believed, before any
            picture, of ships that no picture shows.
        note: free text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    name: str
    kind: Annotated[Literal["oil", "bulk", "container", "other"], BeforeValidator(_lower)]
    polygon: tuple[LonLat, ...] = Field(min_length=3)
    heading_deg: float = Field(ge=0, lt=360)
    approximate: bool
    source: str = Field(min_length=1)
    ship_length_m: tuple[float, float] = DEFAULT_SHIP_LENGTH_M
    note: str | None = None

    @cached_property
    def geometry(self) -> shapely.Polygon:
        """The polygon, EPSG:4326 (lon, lat)."""
        return shapely.Polygon(self.polygon)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.geometry.is_valid or self.geometry.area == 0:
            reason = shapely.is_valid_reason(self.geometry)
            raise ValueError(
                f"berth '{self.id}': polygon crosses itself or has no area ({reason}); list its corners in turn"
            )
        low, high = self.ship_length_m
        if not 10 <= low < high <= 500:
            raise ValueError(
                f"berth '{self.id}': ship_length_m must be two lengths within 10 and 500 metres, low before high, "
                f"got {low:g}, {high:g}"
            )
        long_m, short_m, long_heading_deg = _long_side(self.geometry)
        if long_m > _MAX_BERTH_M:
            raise ValueError(
                f"berth '{self.id}': polygon is {long_m:.0f} m long; a berth is at most {_MAX_BERTH_M:.0f} m"
            )
        off_deg = abs((self.heading_deg - long_heading_deg + 90) % 180 - 90)
        if long_m > 2 * short_m and off_deg > 20:
            raise ValueError(
                f"berth '{self.id}': heading_deg is {self.heading_deg:g} but the polygon's long side runs "
                f"{long_heading_deg:.0f} degrees; correct the one that is wrong (or are longitude and latitude "
                "swapped?)"
            )
        return self


class Port(BaseModel):
    """A port as a user describes it in a YAML file.

    Attributes:
        id: short name; the name of a shipped file.
        name, country: for the report.
        aoi: (lon_min, lat_min, lon_max, lat_max), degrees, EPSG:4326: the part of a scene that is searched.
        source: where the description comes from.
        berths: at least one; they must not overlap and must lie in the AOI.
        cap: name of a cap in cargo.yaml that loadings at this port count against, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_-]*$")
    name: str
    country: str
    aoi: tuple[float, float, float, float]
    source: str = Field(min_length=1)
    berths: tuple[Berth, ...] = Field(min_length=1)
    cap: str | None = None

    @field_validator("aoi")
    @classmethod
    def _check_aoi(cls, aoi: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        lon_min, lat_min, lon_max, lat_max = aoi
        _lonlat((lon_min, lat_min))
        _lonlat((lon_max, lat_max))
        if lon_min >= lon_max or lat_min >= lat_max:
            raise ValueError("must be [lon_min, lat_min, lon_max, lat_max] with min below max")
        return aoi

    @model_validator(mode="after")
    def _check(self) -> Self:
        box = shapely.box(*self.aoi)
        for i, berth in enumerate(self.berths):
            if not box.contains(berth.geometry):
                raise ValueError(
                    f"berth '{berth.id}' lies outside the aoi {list(self.aoi)}; are longitude and latitude swapped?"
                )
            for other in self.berths[:i]:
                if other.id == berth.id:
                    raise ValueError(f"two berths are called '{berth.id}'; ids must differ")
                shared = other.geometry.intersection(berth.geometry).area
                if shared > 0.05 * min(other.geometry.area, berth.geometry.area):
                    raise ValueError(
                        f"berths '{other.id}' and '{berth.id}' overlap; a ship would count at both: redraw one"
                    )
        return self

    @property
    def oil_berths(self) -> tuple[Berth, ...]:
        """The berths whose visits enter the barrels."""
        return tuple(b for b in self.berths if b.kind == "oil")


def shipped_ports() -> list[str]:
    """Names of the ports that come with berthwatch."""
    return sorted(path.stem for path in PORTS.glob("*.yaml"))


def load_port(name_or_path: str | Path) -> Port:
    """Read a port by the name of a shipped file ("vostochny") or by the path of a YAML file.

    Raises:
        BerthwatchError: no such port, or the file does not fit; names file, field and value.
    """
    text = str(name_or_path)
    if text.lower() in shipped_ports():
        return load_yaml(PORTS / f"{text.lower()}.yaml", Port)
    path = Path(name_or_path)
    if path.is_dir() or path.suffix.lower() in _PICTURES:
        raise BerthwatchError(
            f"{text}: is {'a folder' if path.is_dir() else 'a picture'}, not a port's YAML; PORT comes first: the path "
            f"of a port YAML, or a shipped port ({', '.join(shipped_ports())})"
        )
    if not path.is_file():
        raise BerthwatchError(
            f"port '{text}': neither a file nor a shipped port ({', '.join(shipped_ports())}); "
            "give the path of a port YAML"
        )
    return load_yaml(path, Port)


def _long_side(polygon: shapely.Polygon) -> tuple[float, float, float]:
    """Long side (m), short side (m) and heading of the long side (deg, mod 180) of the smallest rectangle around it."""
    lon, lat = polygon.centroid.coords[0]
    # Local plane: at a berth's size the error of this scaling is below a millimetre in a metre.
    _, _, east_m = _GEOD.inv(lon - 0.005, lat, lon + 0.005, lat)
    _, _, north_m = _GEOD.inv(lon, lat - 0.005, lon, lat + 0.005)
    xy = (np.asarray(polygon.exterior.coords) - (lon, lat)) * (east_m * 100, north_m * 100)
    corners = shapely.get_coordinates(shapely.oriented_envelope(shapely.Polygon(xy)))
    sides = np.diff(corners[:3], axis=0)
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    dx, dy = sides[np.argmax(lengths)]
    return float(lengths.max()), float(lengths.min()), float(np.degrees(np.arctan2(dx, dy)) % 180)
