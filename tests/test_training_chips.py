"""Chips: labels follow pixels through any cut, cut ships are treated fairly, pasted hulls lie where they say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

cv2 = pytest.importorskip("cv2", reason="training needs OpenCV, which comes with the 'train' extra")

from berthwatch.training.chips import IGNORED, label_lines, with_pasted_hulls, write_chips, write_dataset_file  # noqa: E402
from berthwatch.training.crops import Chip, cut_chip  # noqa: E402
from berthwatch.training.hulls import cut_hulls, open_water  # noqa: E402
from berthwatch.training.labels import MODEL_CLASSES, ShipLabels  # noqa: E402

SIZE = 160


def rectangle(cx: float, cy: float, length: float, beam: float, angle: float) -> np.ndarray:
    cos, sin = math.cos(angle), math.sin(angle)
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [length / 2, beam / 2]
    return box @ np.array([[cos, sin], [-sin, cos]]) + [cx, cy]


def picture_with_a_ship(corners: np.ndarray, size: int = 400) -> np.ndarray:
    """White hull on grey water, painted with 1/16-pixel corners in corner convention."""
    rgb = np.full((size, size, 3), 40, np.uint8)
    cv2.fillConvexPoly(rgb, np.round((corners - 0.5) * 16).astype(np.int32), (255, 255, 255), cv2.LINE_AA, 4)
    return rgb


def one_ship(corners: np.ndarray, kind: str = "tanker") -> ShipLabels:
    return ShipLabels(corners[None].astype(float), (kind,), np.zeros(1, bool))


@settings(max_examples=40, deadline=None)
@given(
    scale=st.floats(0.25, 1.6),
    turn=st.floats(0, 2 * math.pi),
    heading=st.floats(0, math.pi),
    mirror=st.booleans(),
    shift=st.tuples(st.floats(-15, 15), st.floats(-15, 15)),
)
def test_corners_follow_the_painted_hull(scale, turn, heading, mirror, shift):
    corners = rectangle(200, 190, 70, 24, heading)
    rgb = picture_with_a_ship(corners)

    chip = cut_chip(
        rgb, one_ship(corners), (200 + shift[0], 190 + shift[1]),
        scale=scale, angle_rad=turn, size=SIZE, mirror=mirror,
    )  # fmt: skip

    grey = chip.rgb[..., 0].astype(float)
    white = np.clip((grey - 40) / 215, 0, 1) * (grey > 0)
    rows, cols = np.mgrid[:SIZE, :SIZE] + 0.5
    centroid = np.array([(white * cols).sum(), (white * rows).sum()]) / white.sum()
    np.testing.assert_allclose(chip.labels.corners[0].mean(0), centroid, atol=0.35)
    assert white.sum() == pytest.approx(70 * 24 * scale**2, rel=0.12)
    np.testing.assert_allclose(chip.labels.sides[0], [70 * scale, 24 * scale], rtol=1e-6)


def test_a_cut_ship_is_refitted_when_most_of_it_shows_and_ignored_when_little_does():
    corners = rectangle(100, 100, 100, 20, 0.0)
    rgb = picture_with_a_ship(corners)

    # The chip's left edge is at x = centre - 80: 70 % and 30 % of the hull are inside.
    mostly = cut_chip(rgb, one_ship(corners), (160, 100), scale=1.0, size=SIZE)
    hardly = cut_chip(rgb, one_ship(corners), (200, 100), scale=1.0, size=SIZE)
    gone = cut_chip(rgb, one_ship(corners), (240, 100), scale=1.0, size=SIZE)

    np.testing.assert_allclose(mostly.labels.sides, [[70, 20]], atol=0.01)
    assert not mostly.labels.difficult[0]
    assert hardly.labels.difficult[0]
    assert len(gone.labels) == 0


def test_a_hull_cut_out_and_pasted_is_white_inside_its_box_and_water_outside():
    corners = rectangle(200, 200, 120, 24, 0.6)
    hulls = cut_hulls(picture_with_a_ship(corners), one_ship(corners))
    water = Chip(np.full((320, 320, 3), 40, np.uint8), ShipLabels(np.zeros((0, 4, 2)), (), np.zeros(0, bool)))

    chip = with_pasted_hulls(
        np.random.default_rng(3), water, hulls, np.ones(1), gsd_m=3.0, sensor_px=1.0, count=3,
    )  # fmt: skip

    assert hulls[0].length_px == pytest.approx(120, abs=1)
    assert len(chip.labels) >= 1
    for corner_set in chip.labels.corners:
        hull = np.zeros((320, 320), np.uint8)
        cv2.fillConvexPoly(hull, np.round(corner_set).astype(np.int32), 1)
        core = cv2.erode(hull, np.ones((3, 3), np.uint8)) > 0
        assert np.median(chip.rgb[core]) > 120
    everywhere = np.zeros((320, 320), np.uint8)
    for corner_set in chip.labels.corners:
        cv2.fillConvexPoly(everywhere, np.round(corner_set).astype(np.int32), 1)
    far = cv2.dilate(everywhere, np.ones((9, 9), np.uint8)) == 0
    assert chip.rgb[far].max() <= 41


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_the_box_of_a_pasted_hull_that_the_border_cuts_fits_what_shows(seed):
    hulls = cut_hulls(
        picture_with_a_ship(rectangle(200, 200, 120, 24, 0.6)), one_ship(rectangle(200, 200, 120, 24, 0.6))
    )
    water = Chip(np.full((160, 160, 3), 40, np.uint8), ShipLabels(np.zeros((0, 4, 2)), (), np.zeros(0, bool)))

    chip = with_pasted_hulls(
        np.random.default_rng(seed), water, hulls, np.ones(1), gsd_m=1.0, sensor_px=1.0, count=3,
    )  # fmt: skip

    bright = chip.rgb[..., 0] > 90
    inside = np.zeros((160, 160), np.uint8)
    for corners in chip.labels.corners:
        area = cv2.contourArea(corners.astype(np.float32))
        assert area == pytest.approx(np.prod(cv2.minAreaRect(corners.astype(np.float32))[1]), rel=0.02), "a rectangle"
        cv2.fillConvexPoly(inside, np.round(corners - 0.5).astype(np.int32), 1)
    outside = cv2.dilate(inside, np.ones((5, 5), np.uint8)) == 0
    # What is no label shows a fiftieth of a hull at most.
    assert (bright & outside).sum() <= 3 * 0.02 * 120 * 24


def test_water_is_neither_land_nor_ship_nor_nodata():
    rng = np.random.default_rng(0)
    rgb = np.full((120, 200, 3), 50, np.uint8)
    rgb[:, 120:] = rng.integers(60, 255, (120, 80, 3))
    rgb[:, :20] = 0

    water = open_water(rgb, one_ship(rectangle(70, 60, 30, 10, 0.3)))

    assert water[20:40, 40:100].all()
    assert not water[:, 130:].any()
    assert not water[:, :20].any()
    assert not water[60, 70]


def test_written_chips_are_what_ultralytics_reads(tmp_path):
    labels = ShipLabels(
        np.stack([rectangle(80, 80, 40, 8, 0.2), rectangle(30, 30, 12, 4, 1.0)]),
        ("bulk-carrier", "leisure"),
        np.array([False, True]),
    )
    chip = Chip(np.full((SIZE, SIZE, 3), 90, np.uint8), labels)

    written = write_chips(tmp_path, "train", [("a", chip)])
    dataset = write_dataset_file(tmp_path).read_text()

    assert written == 1
    lines = (tmp_path / "labels/train/a.txt").read_text().split("\n")
    assert lines[:2] == label_lines(labels, SIZE)
    assert [int(line.split()[0]) for line in lines[:2]] == [MODEL_CLASSES.index("cargo"), IGNORED]
    assert cv2.imread(str(tmp_path / "images/train/a.png")).shape == (SIZE, SIZE, 3)
    assert "ignored" in dataset
