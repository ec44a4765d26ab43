"""Training chips: exact boxes, honest lists, variety, and the same chip for the same seed."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.imagery.synthetic.chips import random_chip
from berthwatch.imagery.synthetic.ships import KINDS

seeds = st.integers(0, 2**31)
gsds = st.floats(0.5, 10.0)


@settings(max_examples=12, deadline=None)
@given(seeds, gsds, st.sampled_from([64, 128, 320]))
def test_boxes_have_the_metres_they_say(seed, gsd_m, size_px):
    chip = random_chip(np.random.default_rng(seed), gsd_m=gsd_m, size_px=size_px)

    n = len(chip.kinds)
    assert chip.rgb.shape == (size_px, size_px, 3)
    assert chip.rgb.dtype == np.uint8
    assert chip.corners.shape == (n, 4, 2)
    assert chip.lengths_m.shape == chip.beams_m.shape == chip.visible.shape == (n,)
    assert set(chip.kinds) <= set(KINDS)
    sides = np.linalg.norm(np.diff(chip.corners, axis=1), axis=2) * gsd_m
    np.testing.assert_allclose(sides[:, 0], chip.lengths_m)
    np.testing.assert_allclose(sides[:, 1], chip.beams_m)


@settings(max_examples=12, deadline=None)
@given(seeds, gsds)
def test_visible_is_the_part_of_the_box_inside_and_no_two_boxes_overlap(seed, gsd_m):
    chip = random_chip(np.random.default_rng(seed), gsd_m=gsd_m, size_px=160, least_visible=0.3, least_px=4)

    hulls = [shapely.Polygon(corners) for corners in chip.corners]
    for i, hull in enumerate(hulls):
        inside = hull.intersection(shapely.box(0, 0, 160, 160)).area / hull.area
        assert chip.visible[i] == pytest.approx(inside, abs=0.12)
        assert chip.visible[i] >= 0.3
        assert chip.lengths_m[i] / gsd_m >= 4
        assert all(hull.intersection(other).area < 1e-6 for other in hulls[i + 1 :])


@given(seeds)
@settings(max_examples=5, deadline=None)
def test_same_seed_same_chip(seed):
    first, again = (random_chip(np.random.default_rng(seed), gsd_m=3.0, size_px=96) for _ in range(2))
    np.testing.assert_array_equal(first.rgb, again.rgb)
    np.testing.assert_array_equal(first.corners, again.corners)
    assert first.kinds == again.kinds


def test_chips_are_varied():
    chips = [random_chip(np.random.default_rng([7, i]), gsd_m=3.0, size_px=128) for i in range(70)]

    kinds = [kind for chip in chips for kind in chip.kinds]
    empty = sum(not chip.kinds for chip in chips)
    means = np.array([np.median(chip.rgb.reshape(-1, 3), axis=0) for chip in chips])
    large = [k for chip in chips for k, length in zip(chip.kinds, chip.lengths_m, strict=True) if length > 60]
    assert 7 <= empty <= 50  # pictures with nothing in them are hard negatives
    assert len(set(kinds)) >= 8
    assert 0.2 < large.count("tanker") / len(large) < 0.7
    assert (means.std(0) > 15).all()
    assert means.mean(1).min() < 40 < 90 < means.mean(1).max()


def test_ships_stand_out_from_the_water_around_them():
    """Boxes lie on what was painted: inside, the picture differs more from its surroundings than outside."""
    stronger, total = 0, 0
    for i in range(25):
        chip = random_chip(np.random.default_rng([3, i]), gsd_m=2.0, size_px=200)
        grey = chip.rgb.astype(float).mean(2)
        col, row = np.meshgrid(np.arange(200) + 0.5, np.arange(200) + 0.5)
        for corners, visible in zip(chip.corners, chip.visible, strict=True):
            hull = shapely.Polygon(corners)
            if visible < 0.95 or hull.area < 80:
                continue
            inside = shapely.contains_xy(hull.buffer(-1), col, row)
            around = shapely.contains_xy(hull.buffer(6), col, row) & ~shapely.contains_xy(hull.buffer(1.5), col, row)
            total += 1
            stronger += abs(np.median(grey[inside]) - np.median(grey[around])) + grey[inside].std() > grey[around].std()
    assert total > 12
    assert stronger / total > 0.7
