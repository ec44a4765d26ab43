"""The real datasets at hand, read whole: counts as their makers give them, nothing lost."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from training_dataset_cases import description, read_whole

from berthwatch.configs.dataset import load_dataset

# name: (pictures, ships, difficult ships, tankers)
OURS = {
    "google-earth": (621, 1990, 1011, 31),
    "planet": (2, 63, 24, 10),
    "sentinel2": (10, 239, 0, 0),
    "oil-terminals": (7, 38, 5, 28),
    "shiprs63": (63, 842, 628, 4),
}


def test_the_held_out_pictures_are_those_that_the_mixture_holds_out(real_data: Path):
    pictures = pytest.importorskip("berthwatch.training.pictures", reason="OpenCV is not installed (extra: cuda)")
    crops = pictures.read_crops(real_data / "google-earth")
    notes = (real_data / "google-earth" / "notes.md").read_text()

    held_out = pictures.held_out(crops, pictures.same_ship_groups(crops, notes))
    images, report = read_whole("google-earth-val", real_data / "google-earth")

    assert {image.path.stem for image in images} == {c.name for c, out in zip(crops, held_out, strict=True) if out}
    assert (len(images), report.problems, report.unlabelled) == (89, [], 0)


@pytest.mark.parametrize("name", OURS)
def test_our_own_labels_are_read_whole(real_data: Path, name: str):
    images, ships, difficult, tankers = OURS[name]

    _, report = read_whole(name, real_data / name)

    assert (report.images, report.ships, report.difficult, report.kinds["tanker"]) == (
        images,
        ships,
        difficult,
        tankers,
    )
    assert report.objects == ships
    assert report.problems == []
    assert report.unlabelled == 0


def test_dior_r_is_read_whole_but_for_the_ship_that_is_a_point(real_data: Path):
    config = load_dataset("dior").model_copy(update={"images": "images", "labels": "annotations"})

    _, report = read_whole(config, real_data / "dior")

    # 581 ships; the one on line 357 of 15504.xml has all four corners on (530, 330).
    assert (report.images, report.objects, report.ships) == (11, 1088, 580)
    assert [(problem.file.name, problem.where) for problem in report.problems] == [("15504.xml", "line 357")]
    assert report.left_out == {
        "airplane": 1, "airport": 1, "baseballfield": 2, "bridge": 3, "harbor": 177, "storagetank": 145, "vehicle": 178,
    }  # fmt: skip
    assert report.unmapped == {}


def test_dota_is_read_whole_and_labels_without_their_picture_are_told(real_data: Path):
    images, report = read_whole("dota", real_data / "dota")

    assert {image.name: len(image.labels) for image in images} == {"dota/P0706": 531, "dota/P1888": 0}
    assert [image.gsd_m for image in images] == pytest.approx([0.255589285596, 0.266170468393])
    assert report.left_out == {"harbor": 5, "large-vehicle": 50, "small-vehicle": 14}
    assert sorted(problem.file.stem for problem in report.problems) == ["P0770", "P1088", "P1234", "P2598", "P2709"]


def test_scenes_tell_their_ground_sample_distance(real_data: Path):
    planet, _ = read_whole("planet", real_data / "planet")
    sentinel2, _ = read_whole("sentinel2", real_data / "sentinel2")
    terminals, _ = read_whole("oil-terminals", real_data / "oil-terminals")

    assert [image.gsd_m for image in planet] == pytest.approx([3.0, 3.0], rel=0.01)
    assert all(5.7 < image.gsd_m < 10.1 for image in sentinel2)
    assert {round(image.gsd_m, 3) for image in terminals} == {0.717}


def test_labels_redrawn_on_the_map_come_back_in_the_same_pixels(real_data: Path, tmp_path: Path):
    (scene, *_), _ = read_whole("planet", real_data / "planet")
    shapes = [shapely.Polygon(scene.scene.to_lonlat(corners)) for corners in scene.labels.corners]
    table = gpd.GeoDataFrame(
        {"kind": scene.labels.kinds, "scene_id": scene.path.stem}, geometry=shapes, crs="EPSG:4326"
    )
    table.to_file(tmp_path / "drawn.gpkg")
    config = description("scenes", classes="berthwatch", images=".", labels=str(tmp_path / "drawn.gpkg"))

    (again,), report = read_whole(config, real_data / "planet")

    assert again.labels.kinds == scene.labels.kinds
    np.testing.assert_allclose(again.labels.corners, scene.labels.corners, atol=0.01)
    assert report.problems == []
    assert report.unlabelled == 1
