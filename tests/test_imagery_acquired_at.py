"""When a scene was taken: what the user may write, and what product names, items and tags tell."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.acquired_at import (
    DAY_ALONE,
    FILE_MADE,
    FILE_NAME,
    Dated,
    parse_time,
    time_from_name,
    time_from_properties,
    time_from_tags,
)
from berthwatch.imagery.scene import open_scene


@pytest.mark.parametrize(
    "text",
    ["2024-03-07T02:06:51Z", "2024-03-07T11:06:51+09:00", "20240307T020651Z", " 2024-03-06 21:06:51-05:00 "],
)
def test_a_time_with_its_zone_is_read_as_utc(text):
    assert parse_time(text) == datetime(2024, 3, 7, 2, 6, 51, tzinfo=UTC)
    assert parse_time(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["2024-03-07T02:06:51", "2024-03-07"])
def test_a_time_without_zone_is_refused_and_told_how_to_give_one(text):
    with pytest.raises(BerthwatchError, match=r"no time zone; write 2024-03-07T0.:..:..Z if it is UTC"):
        parse_time(text)


@pytest.mark.parametrize("text", ["", "yesterday", "07/03/2024", "2024-02-30T00:00Z"])
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(BerthwatchError, match=r"not understood; write it like 2024-03-07T02:06:51Z"):
        parse_time(text)


@given(
    st.datetimes(datetime(1999, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001 (the zone comes below)
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_every_instant_survives_being_written_and_read(naive, zone):
    instant = naive.replace(tzinfo=zone)

    assert parse_time(instant.isoformat()) == instant


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S2A_MSIL2A_20240307T020651_N0510_R103_T52TGP_20240307T061414.SAFE", (2024, 3, 7, 2, 6, 51)),
        ("S2C_MSIL1C_20251231T235959_N0511_R103_T52TGP_20260101T010203", (2025, 12, 31, 23, 59, 59)),
        ("T52TGP_20240307T020651_TCI_10m.jp2", (2024, 3, 7, 2, 6, 51)),
        ("20240307_015312_45_2489_3B_AnalyticMS_SR.tif", (2024, 3, 7, 1, 53, 12)),
        ("20160707_170143_0e19_3B_Visual.tif", (2016, 7, 7, 17, 1, 43)),
        ("20240307_023015_ssc6_u0001_pansharpened.tif", (2024, 3, 7, 2, 30, 15)),
        ("s103_20170410T082517Z_analytic.tif", (2017, 4, 10, 8, 25, 17)),
        ("24MAR07021503-S2AS_R1C1-050123456010_01_P001.TIF", (2024, 3, 7, 2, 15, 3)),
        ("WV02_20240307021503_10300100D6740900.tif", (2024, 3, 7, 2, 15, 3)),
        ("DIM_PNEO3_202403070215037_PMS-FS_ORT", (2024, 3, 7, 2, 15, 3)),
        ("IMG_PHR1A_PMS_202403070215037_ORT.JP2", (2024, 3, 7, 2, 15, 3)),
        ("demo-20240307T013000Z.tif", (2024, 3, 7, 1, 30, 0)),
        ("LC08_L1TP_112030_20240307_20240316_02_T1_B4.TIF", (2024, 3, 7, 12, 0, 0)),
    ],
)
def test_product_names_tell_the_time(name, expected):
    dated = time_from_name(name)

    assert dated is not None
    assert dated.at == datetime(*expected, tzinfo=UTC)
    assert dated.told_by == f"file name {name}"


@pytest.mark.parametrize("name", ["port.tif", "scene_20240307.tif", "123456789_20241399T999999.tif", "IMG_2024.jpg"])
def test_other_names_tell_nothing(name):
    assert time_from_name(name) is None


def test_an_items_interval_stands_for_its_middle():
    properties = {"datetime": None, "start_datetime": "2024-03-07T02:00:00Z", "end_datetime": "2024-03-07T02:00:10Z"}

    dated = time_from_properties(properties, "STAC item")

    assert dated == Dated(datetime(2024, 3, 7, 2, 0, 5, tzinfo=UTC), "STAC item, the middle of its interval")


def test_the_tiff_tag_is_utc_and_doubted_and_bad_tags_are_passed_over():
    dated = time_from_tags({"TIFFTAG_DATETIME": "2023:08:17 01:02:03"})

    assert dated == Dated(datetime(2023, 8, 17, 1, 2, 3, tzinfo=UTC), "tag TIFFTAG_DATETIME", FILE_MADE)
    assert time_from_tags({"TIFFTAG_DATETIME": "0000:00:00 00:00:00", "acquired": "soon"}) is None


NOON = datetime(2024, 3, 7, 12, tzinfo=UTC)


@pytest.mark.parametrize("day", ["2024-03-07", "20240307", " 2024-03-07 "])
def test_a_date_alone_is_noon_wherever_it_stands_and_doubted(day):
    by_tag = Dated(NOON, "tag ACQUISITIONDATETIME", DAY_ALONE)

    assert time_from_tags({"ACQUISITIONDATETIME": day}) == by_tag
    assert time_from_properties({"datetime": day}, "STAC item") == Dated(NOON, "STAC item", DAY_ALONE)


def test_a_day_in_a_name_is_noon_and_doubted():
    name = "LC08_L1TP_112030_20240307_20240316_02_T1_B4.TIF"

    assert time_from_name(name) == Dated(NOON, f"file name {name}", DAY_ALONE)


def test_midnight_that_is_written_out_is_midnight():
    midnight = datetime(2024, 3, 7, tzinfo=UTC)

    assert time_from_properties({"datetime": "2024-03-07T00:00:00Z"}, "STAC item") == Dated(midnight, "STAC item")


PIXELS = np.full((3, 8, 8), 50, np.uint8)
TAG = {"TIFFTAG_DATETIME": "2020:01:01 02:00:00"}
PLANET = "20240307_015312_45_2489_3B_Visual.tif"
LANDSAT = "LC08_L1TP_112030_20240307_20240316_02_T1_B4.tif"


def test_a_scene_says_what_told_its_time_and_what_speaks_against_it(write_raster):
    by_tag, by_name = (open_scene(write_raster(PIXELS, name=name, tags=TAG)) for name in ("port.tif", PLANET))
    by_day = open_scene(write_raster(PIXELS, name=LANDSAT))

    assert (by_tag.time_source, by_tag.time_doubt) == ("tag TIFFTAG_DATETIME", FILE_MADE)
    assert (by_name.time_source, by_name.time_doubt) == (f"file name {PLANET}", FILE_NAME)
    assert (by_day.time_source, by_day.time_doubt) == (f"file name {LANDSAT}", f"{DAY_ALONE}; {FILE_NAME}")


@pytest.mark.parametrize("name", ["port.tif", LANDSAT])
def test_a_doubtful_time_is_warned_of_unless_the_user_gives_it(write_raster, caplog, name):
    path = write_raster(PIXELS, name=name, tags=TAG)

    scene = open_scene(path, acquired_at=datetime(2024, 3, 7, 2, tzinfo=UTC))
    assert (scene.time_source, scene.time_doubt) == ("given by the user", "")
    assert not caplog.text
    open_scene(path)

    assert f"{path}: its time 20" in caplog.text
    assert "Give --acquired-at if you know better" in caplog.text


def test_a_product_name_is_told_of_in_the_report_not_in_the_log(write_raster, caplog):
    open_scene(write_raster(PIXELS, name=PLANET, tags=TAG))

    assert not caplog.text


def test_a_time_in_the_future_is_refused_from_the_user_and_not_believed_of_a_file(write_raster, caplog):
    path = write_raster(PIXELS, tags={"TIFFTAG_DATETIME": "2204:03:07 02:00:00"})

    with pytest.raises(BerthwatchError, match=r"2204-03-07T02:00:00\+00:00 lies in the future .* correct the year"):
        open_scene(path, acquired_at=datetime(2204, 3, 7, 2, tzinfo=UTC))
    scene = open_scene(path)

    assert (scene.acquired_at, scene.time_source) == (None, "")
    assert "lies in the future" in caplog.text
    assert "it is not used" in caplog.text


class TestWhatASceneTakesItsTimeFrom:
    tag: ClassVar = {"TIFFTAG_DATETIME": "2020:01:01 00:00:00"}
    name = "20240307_015312_45_2489_3B_Visual.tif"

    @pytest.fixture
    def pixels(self):
        return np.full((3, 8, 8), 50, np.uint8)

    def test_the_tag_when_nothing_else_tells(self, write_raster, pixels):
        scene = open_scene(write_raster(pixels, tags=self.tag))
        assert scene.acquired_at == datetime(2020, 1, 1, tzinfo=UTC)

    def test_the_product_name_before_the_tag_which_may_be_the_time_of_processing(self, write_raster, pixels):
        scene = open_scene(write_raster(pixels, name=self.name, tags=self.tag))
        assert scene.acquired_at == datetime(2024, 3, 7, 1, 53, 12, tzinfo=UTC)

    def test_the_item_beside_it_before_the_name(self, write_raster, pixels):
        path = write_raster(pixels, name=self.name)
        item = {"properties": {"acquired": "2024-03-07T01:53:12.345Z"}}
        path.with_name("20240307_015312_45_2489_metadata.json").write_text(json.dumps(item))
        assert open_scene(path).acquired_at == datetime(2024, 3, 7, 1, 53, 12, 345000, tzinfo=UTC)

    def test_the_users_word_before_all(self, write_raster, pixels):
        time = datetime(2024, 5, 1, 9, tzinfo=timezone(timedelta(hours=9)))
        scene = open_scene(write_raster(pixels, name=self.name, tags=self.tag), acquired_at=time)
        assert scene.acquired_at == datetime(2024, 5, 1, 0, tzinfo=UTC)

    def test_nothing_when_nothing_tells(self, write_raster, pixels):
        assert open_scene(write_raster(pixels)).acquired_at is None

    def test_the_users_word_without_zone_is_refused(self, write_raster, pixels):
        with pytest.raises(BerthwatchError, match="no time zone"):
            open_scene(write_raster(pixels), acquired_at=datetime(2024, 5, 1))  # noqa: DTZ001


@pytest.mark.parametrize("key", ["ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "ACQUIRED_AT"])
def test_a_tag_that_names_the_acquisition_goes_before_the_time_of_the_file(key):
    tags = {key: "2024-03-07T02:06:51.25Z", "TIFFTAG_DATETIME": "2026:01:01 00:00:00"}

    assert time_from_tags(tags) == Dated(datetime(2024, 3, 7, 2, 6, 51, 250_000, tzinfo=UTC), f"tag {key}")
