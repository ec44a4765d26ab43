"""The files of a scene by SHA-256: all that its pixels come from, whatever they are called and wherever they lie."""

import hashlib
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inference_scenes import BrightHulls

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import open_scene
from berthwatch.inference.detect import detect_scene
from berthwatch.inference.picture_files import picture_sums, sums_in_background

PIXELS = np.full((3, 60, 60), 40, np.uint8)


def sum_of(path: Path) -> tuple[str, str]:
    return path.name, hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_record_keeps_the_sum_of_the_file_searched(write_raster):
    path = write_raster(PIXELS, name="look.tif")

    record, _ = detect_scene(open_scene(path), BrightHulls())

    assert record.picture_files == (sum_of(path),)
    assert record.files_beside == ()


def test_copies_have_one_sum_and_files_of_one_name_size_and_time_their_own(write_raster, tmp_path):
    first = write_raster(PIXELS, name="a/look.tif")
    second = write_raster(PIXELS + 1, name="b/look.tif")
    (tmp_path / "c").mkdir()
    copy = Path(shutil.copyfile(first, tmp_path / "c" / "look.tif"))
    for path in (first, second):
        os.utime(path, (1, 1))
    assert first.stat().st_size == second.stat().st_size

    sums = [picture_sums(open_scene(path)) for path in (first, second, copy)]

    assert sums[0] != sums[1]
    assert sums[0] == sums[2]


def test_separate_bands_are_a_file_each_and_a_band_given_thrice_is_one(write_raster):
    red, green, blue = (write_raster(PIXELS[:1] + i, name=f"B0{4 - i}.tif") for i in range(3))

    three = open_scene("look", bands={"red": red, "green": green, "blue": blue})

    assert picture_sums(three) == (sum_of(red), sum_of(green), sum_of(blue))
    assert picture_sums(open_scene("look", bands={"pan": red})) == (sum_of(red),)


def test_a_vrt_counts_with_what_it_is_made_of_to_the_bottom(write_raster, tmp_path):
    below = write_raster(PIXELS[:1], name="below.tif")
    inner, outer = tmp_path / "inner.vrt", tmp_path / "outer.vrt"
    inner.write_text(open_scene("look", bands={"pan": below}).source)
    outer.write_text(open_scene("look", bands={"pan": inner}).source)

    assert picture_sums(open_scene(outer)) == (sum_of(outer), sum_of(inner), sum_of(below))


def test_a_zipped_product_is_its_archive_mask_included(write_raster, tmp_path):
    product = "S2A_MSIL2A_20240307T020651_N0510_R103_T52TGP_20240307T061414.SAFE"
    granule = f"{product}/GRANULE/L2A_T52TGP/IMG_DATA"
    archive = tmp_path / "look.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for band in ("B04_10m", "B03_10m", "B02_10m", "SCL_20m"):
            path = write_raster(PIXELS[:1], name=f"{band}.jp2", driver="JP2OpenJPEG")
            file.write(path, f"{granule}/T52TGP_20240307T020651_{band}.jp2")
    scene = open_scene(archive)
    assert scene.cloud_mask is not None

    sums = sums_in_background(scene).result()

    assert sums.picture == (sum_of(archive),)
    assert sums.beside == ()


def test_masks_count_beside_the_picture_and_what_viewers_write_does_not(write_raster):
    path = write_raster(PIXELS, name="look.tif")
    mask = path.with_name("look.tif.msk")
    mask.write_bytes(write_raster(np.full((1, 60, 60), 255, np.uint8), name="mask.tif").read_bytes())
    cloud = write_raster(PIXELS[:1] * 0, name="cloud.tif")
    path.with_name("look.tif.aux.xml").write_text("<PAMDataset></PAMDataset>")

    sums = sums_in_background(open_scene(path, cloud_mask=cloud)).result()

    assert sums.picture == (sum_of(path),)
    assert sums.beside == (sum_of(mask), sum_of(cloud))


def test_a_remote_picture_has_no_sum_and_is_not_fetched_for_it(write_raster):
    here, mask = open_scene(write_raster(PIXELS)), write_raster(PIXELS[:1], name="cloud.tif")
    remote = replace(here, source="/vsicurl/https://nowhere.invalid/look.tif", cloud_mask=str(mask))

    sums = sums_in_background(remote).result()

    assert sums.picture == ()
    assert sums.beside == (sum_of(mask),)


def test_a_file_that_cannot_be_read_is_an_error(write_raster):
    scene = open_scene(write_raster(PIXELS))
    Path(scene.source).unlink()

    with pytest.raises(BerthwatchError, match=r"scene\.tif"):
        sums_in_background(scene).result()
