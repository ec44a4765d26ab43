"""Crops of single ships: the box drawn lies on the ship in the picture, at any scale and at the scene's border."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from berthwatch.imagery.radiometry import Stretch
from berthwatch.imagery.scene import open_scene
from berthwatch.reporting.evaluation_crops import cut_crop


def upright(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


@pytest.mark.parametrize("box", [(100, 80, 160, 92), (0, 0, 40, 12), (250, 190, 300, 200), (20, 20, 290, 60)])
def test_the_subject_is_drawn_where_the_ship_is(write_raster, box):
    left, top, right, bottom = box
    pixels = np.full((3, 200, 300), 30, np.uint8)
    pixels[:, top:bottom, left:right] = 230
    scene = open_scene(write_raster(pixels))

    crop = cut_crop(scene, Stretch.identity(), upright(*box), [], caption="a ship")

    ((role, points),) = crop.outlines
    corners = np.array([[float(value) for value in point.split(",")] for point in points.split()])
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(crop.image.partition(",")[2]))).convert("L"))
    rows, columns = np.nonzero(picture > 130)
    assert role == "subject"
    assert picture.shape == (crop.height, crop.width)
    assert max(picture.shape) == 240
    np.testing.assert_allclose(corners.min(axis=0), [columns.min(), rows.min()], atol=1.5)
    np.testing.assert_allclose(corners.max(axis=0), [columns.max() + 1, rows.max() + 1], atol=1.5)


def test_only_boxes_in_the_picture_are_drawn(write_raster):
    scene = open_scene(write_raster(np.full((3, 200, 300), 30, np.uint8)))
    near, far = upright(110, 100, 150, 110), upright(10, 10, 20, 15)

    crop = cut_crop(
        scene, Stretch.identity(), upright(100, 80, 160, 92), [("label", near), ("label", far)], caption="a ship"
    )

    assert [role for role, _ in crop.outlines] == ["label", "subject"]


def test_a_box_beyond_the_scene_has_no_picture(write_raster):
    scene = open_scene(write_raster(np.full((3, 200, 300), 30, np.uint8)))

    assert cut_crop(scene, Stretch.identity(), upright(500, 500, 540, 510), [], caption="nowhere") is None
