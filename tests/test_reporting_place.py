"""The picture of the place: the scene that shows most of the berths, and no black one where another can be had."""

import re

import numpy as np
import pytest
from reporting_cases import HARBOUR, build, make_port, offset
from test_reporting_report import MADE

from berthwatch.imagery.scene import Scene, open_scene
from berthwatch.reporting.report import render_report

CORNER = offset(HARBOUR, -1350, 1350)


@pytest.fixture
def pictures(write_raster) -> tuple[Scene, Scene]:
    """A harbour by day and one nearly black."""
    day = np.random.default_rng(0).integers(40, 200, (3, 900, 900), dtype=np.uint8)
    dark = (day // 8).astype(np.uint8)
    dark[:, :30, :30] = 255  # lights, so that it is not taken for underexposed and brightened
    return tuple(
        open_scene(write_raster(pixels, gsd_m=3.0, lonlat=CORNER, name=name))
        for name, pixels in (("day.tif", day), ("dark.tif", dark))
    )


def shown(estimate, scenes) -> str:
    page = render_report(estimate, scenes=scenes, generated_at=MADE)
    (scene_id,) = re.findall(r"Scene (\S+), pixels of", page)
    return scene_id


def test_of_pictures_alike_the_latest_is_shown_that_is_not_hidden(pictures):
    day, _ = pictures
    estimate = build(calls=(), n_scenes=4, days=9, cloudy=(3,), off_swath=())
    ids = [record.scene_id for record in estimate.records]

    assert shown(estimate, dict.fromkeys(ids, day)) == ids[2]


def test_a_black_picture_is_shown_only_where_there_is_no_other(pictures):
    day, dark = pictures
    estimate = build(calls=(), n_scenes=3, days=6, cloudy=(), off_swath=())
    ids = [record.scene_id for record in estimate.records]

    assert shown(estimate, {ids[0]: day, ids[1]: dark, ids[2]: dark}) == ids[0]
    assert shown(estimate, {ids[2]: dark}) == ids[2]


def test_the_key_below_the_place_names_every_numbered_berth():
    estimate = build(port=make_port(5, 3))

    page = render_report(estimate, scenes={}, generated_at=MADE)

    for number in range(1, 6):
        assert re.search(rf'class="over label number"[^>]*>{number}<', page)
        assert f'<span class="number">{number}</span>Oil berth {number} (oil berth, position approximate)' in page
    assert '<span class="number">6</span>' not in page
