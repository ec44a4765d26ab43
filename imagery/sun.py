"""Where the sun stood when a scene was taken: an optical picture of the dark has a wrong time."""

from datetime import UTC, datetime, time
from math import asin, atan2, cos, degrees, radians, sin

from .acquired_at import DAY_ALONE

HOUR_UNKNOWN = "is midnight to the second, as where the hour is unknown"
SUN_DOWN = "the sun was down there"

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
# Civil twilight ends there; what is brighter may be a picture of a summer's night in the north.
_DARK_BELOW_DEG = -6.0


def sun_elevation_deg(at: datetime, lon: float, lat: float) -> float:
    """Elevation of the sun's centre above the horizon, degrees, refraction left out.

    Low-precision formulas of The Astronomical Almanac, section C ("Low precision formulas for the Sun"): 0.01 degrees
    from 1950 to 2050. `at` is aware, `lon` and `lat` are degrees, WGS84.
    """
    days = (at - _J2000).total_seconds() / 86400
    anomaly = radians(357.528 + 0.9856003 * days)
    ecliptic_lon = radians(280.460 + 0.9856474 * days + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
    obliquity = radians(23.439 - 0.0000004 * days)
    declination = asin(sin(obliquity) * sin(ecliptic_lon))
    right_ascension = atan2(cos(obliquity) * sin(ecliptic_lon), cos(ecliptic_lon))
    sidereal_deg = 15 * (18.697374558 + 24.06570982441908 * days)  # Greenwich
    hour_angle = radians(sidereal_deg + lon) - right_ascension
    up = sin(radians(lat)) * sin(declination) + cos(radians(lat)) * cos(declination) * cos(hour_angle)
    return degrees(asin(max(-1.0, min(1.0, up))))


def doubts_of_hour(at: datetime, lon: float, lat: float, doubt: str = "") -> str:
    """`doubt` about an optical scene's time, with what the hour itself gives cause for; "" where nothing does."""
    doubts = [doubt] if doubt else []
    if at.astimezone(UTC).time() == time(0):
        doubts.append(HOUR_UNKNOWN)
    if DAY_ALONE not in doubt and sun_elevation_deg(at, lon, lat) < _DARK_BELOW_DEG:
        doubts.append(SUN_DOWN)
    return "; ".join(doubts)
