"""The sun's place, and the times of scenes that it speaks against."""

from datetime import UTC, datetime

import numpy as np
import pytest

from berthwatch.imagery.acquired_at import DAY_ALONE
from berthwatch.imagery.scene import open_scene
from berthwatch.imagery.sun import HOUR_UNKNOWN, SUN_DOWN, sun_elevation_deg

# Reda and Andreas, "Solar position algorithm for solar radiation applications", NREL/TP-560-34302, table A5.1:
# elevation without refraction 39.872 degrees. The others follow from the tilt of the axis.
KNOWN = {
    "NREL's example, Golden": (datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), -105.1786, 39.742476, 39.872),
    "noon of an equinox": (datetime(2024, 3, 20, 12, 7, 30, tzinfo=UTC), 0.0, 0.0, 90.0),
    "midsummer, the Arctic Circle": (datetime(2024, 6, 20, 12, 2, tzinfo=UTC), 0.0, 66.56, 90 - 66.56 + 23.44),
    "midsummer's midnight there": (datetime(2024, 6, 20, 0, 2, tzinfo=UTC), 0.0, 66.56, 0.0),
    "its midnight": (datetime(2024, 3, 20, 12, 7, 30, tzinfo=UTC), 180.0, 0.0, -90.0),
}


@pytest.mark.parametrize(("at", "lon", "lat", "elevation_deg"), KNOWN.values(), ids=KNOWN)
def test_the_suns_elevation(at, lon, lat, elevation_deg):
    assert sun_elevation_deg(at, lon, lat) == pytest.approx(elevation_deg, abs=0.2)


@pytest.fixture
def picture(write_raster):
    return write_raster(np.full((3, 40, 40), 30, np.uint8), lonlat=(133.05, 42.74))


@pytest.mark.parametrize(
    ("hour", "minute", "doubts"),
    [
        (2, 6, []),  # local noon
        (21, 10, []),  # local dawn, the sun 2 degrees below
        (12, 6, [SUN_DOWN]),
        (16, 0, [SUN_DOWN]),
        (0, 0, [HOUR_UNKNOWN]),
    ],
)
def test_night_and_midnight_are_doubted(picture, hour, minute, doubts):
    scene = open_scene(picture, acquired_at=datetime(2024, 3, 7, hour, minute, tzinfo=UTC))

    assert scene.time_doubt == "; ".join(doubts)
    assert scene.time_source == "given by the user"


def test_both_doubts_join_what_the_file_gives_cause_for(write_raster, caplog):
    picture = write_raster(
        np.full((3, 40, 40), 30, np.uint8), lonlat=(0.0, 50.0), tags={"TIFFTAG_DATETIME": "2024:03:07 00:00:00"}
    )

    doubt = open_scene(picture).time_doubt

    assert doubt.startswith("may be when the file was made")
    assert doubt.endswith(f"; {HOUR_UNKNOWN}; {SUN_DOWN}")
    assert SUN_DOWN in caplog.text


def test_a_day_alone_says_nothing_of_the_sun(write_raster):
    name = "LC08_L1TP_112030_20240307_20240316_02_T1.tif"

    doubt = open_scene(write_raster(np.full((3, 40, 40), 30, np.uint8), name=name)).time_doubt

    assert DAY_ALONE in doubt
    assert SUN_DOWN not in doubt
