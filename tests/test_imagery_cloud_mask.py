"""What a cloud mask's values mean is told by the file's own name, never by a folder it lies in."""

import numpy as np
import pytest

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.cells import Cells
from berthwatch.imagery.cloud_mask import read_cloud_mask
from berthwatch.imagery.scene import open_scene

WIDTH = 60


def cells(width: int = WIDTH) -> Cells:
    """One cell a pixel, one row of them."""
    nothing = np.zeros((1, width), np.uint8)
    valid = np.ones((1, width), bool)
    return Cells(valid, nothing, nothing, nothing, ~valid, ~valid, scale_x=1.0, scale_y=1.0, cell_m=3.0)


@pytest.mark.parametrize("folder", ["udm2", "scl", "qa_pixel", "port udm2 scl", "LC08_QA_PIXEL"])
def test_a_folders_name_says_nothing(write_raster, folder):
    """Nonzero is obscured, though 32 means nothing of the sort in SCL, UDM2 and QA_PIXEL."""
    values = np.zeros((1, 1, WIDTH), np.uint8)
    values[0, 0, 20:40] = 32
    picture = write_raster(np.full((3, 1, WIDTH), 50, np.uint8))
    mask = write_raster(values, name=f"{folder}/clouds.tif")

    obscured = read_cloud_mask(open_scene(picture, cloud_mask=mask), cells())

    assert obscured.tolist() == [[20 <= i < 40 for i in range(WIDTH)]]


def test_the_files_own_name_does(write_raster):
    values = np.array([4, 6, 8, 9, 10, 3], np.uint8).repeat(10)[None, None]
    picture = write_raster(np.full((3, 1, WIDTH), 50, np.uint8))
    mask = write_raster(values, name="udm2/T52TGP_20240307T020651_SCL_20m.tif")

    obscured = read_cloud_mask(open_scene(picture, cloud_mask=mask), cells())

    assert obscured[0, 5::10].tolist() == [False, False, True, True, True, False]


def test_no_data_is_obscured_though_the_mask_declares_it(write_raster):
    values = np.array([0, 6, 4], np.uint8).repeat(20)[None, None]
    picture = write_raster(np.full((3, 1, WIDTH), 50, np.uint8))
    mask = write_raster(values, name="T52TGP_20240307T020651_SCL_20m.tif", nodata=0)

    obscured = read_cloud_mask(open_scene(picture, cloud_mask=mask), cells())

    assert obscured[0, 10::20].tolist() == [True, False, False]


def test_beyond_the_mask_all_is_obscured(write_raster):
    """It covers the left two thirds of the scene, and hides none of it."""
    picture = write_raster(np.full((3, 1, WIDTH), 50, np.uint8))
    mask = write_raster(np.zeros((1, 1, WIDTH * 2 // 3), np.uint8), name="clouds.tif")

    obscured = read_cloud_mask(open_scene(picture, cloud_mask=mask), cells())

    assert obscured[0, 1::4].tolist() == [i >= WIDTH * 2 // 3 for i in range(1, WIDTH, 4)]


def test_a_mask_of_another_place_is_refused(write_raster):
    picture = write_raster(np.full((3, 40, WIDTH), 50, np.uint8))
    mask = write_raster(np.ones((1, 40, WIDTH), np.uint8), name="clouds.tif", lonlat=(133.9, 42.7))

    with pytest.raises(BerthwatchError, match=r"clouds\.tif: shows nothing of scene"):
        read_cloud_mask(open_scene(picture, cloud_mask=mask), cells())


NO_MASKS = {
    "a photograph": ("photo.tif", np.full((3, 40, 40), 50, np.uint8), "3 bands"),
    "the scene in black and white": ("pan.tif", np.arange(1600).reshape(1, 40, 40).astype(np.uint16), "1600 different"),
    "cloud in percent": ("MSK_CLDPRB.tif", (np.arange(1600) % 101).reshape(1, 40, 40).astype(np.uint8), "101 d"),
    "UDM2 by another name": ("clouds.tif", np.zeros((8, 40, 40), np.uint8), "8 bands"),
}


@pytest.mark.parametrize(("name", "values", "words"), NO_MASKS.values(), ids=NO_MASKS)
def test_a_file_that_is_no_mask_is_refused(write_raster, name, values, words):
    picture, mask = write_raster(np.full((3, 40, 40), 50, np.uint8)), write_raster(values, name=name)

    with pytest.raises(BerthwatchError, match=rf"cloud mask .*{name}: has {words}.* like a picture; a cloud mask has"):
        open_scene(picture, cloud_mask=mask)


def test_the_many_bits_of_qa_pixel_are_no_picture(write_raster):
    values = np.arange(1600).reshape(1, 40, 40).astype(np.uint16)

    open_scene(write_raster(np.full((3, 40, 40), 50, np.uint8)), cloud_mask=write_raster(values, name="L_QA_PIXEL.TIF"))
