"""Where the sun stands."""

from datetime import UTC, datetime

import numpy as np

from .canvas import Light


def sun_position(when: datetime, lon: float, lat: float) -> tuple[float, float]:
    """(azimuth, elevation) of the sun in degrees, azimuth clockwise from north.

    when: timezone-aware. lon, lat: degrees WGS84. Low-precision formulas of the Astronomical Almanac, good to
    about 0.1 degrees between 1950 and 2050; refraction is left out.
    """
    days = (when - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86_400
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = np.radians(357.528 + 0.9856003 * days)
    ecliptic = np.radians(mean_longitude + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 0.0000004 * days)
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    sidereal = np.radians((280.46061837 + 360.98564736629 * days + lon) % 360)
    hour_angle, latitude = sidereal - right_ascension, np.radians(lat)
    elevation = np.arcsin(
        np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    )
    azimuth = np.arctan2(
        -np.cos(declination) * np.sin(hour_angle),
        np.sin(declination) * np.cos(latitude) - np.cos(declination) * np.sin(latitude) * np.cos(hour_angle),
    )
    return float(np.degrees(azimuth) % 360), float(np.degrees(elevation))


def sunlight(when: datetime, lon: float, lat: float, *, darkness: float = 0.6) -> Light:
    """Light for a scene taken then and there; a sun below 10 degrees is lifted to 10, where shadows end in haze."""
    azimuth, elevation = sun_position(when, lon, lat)
    return Light(azimuth, max(elevation, 10.0), darkness)
