"""Labels with a place on the map: xView's GeoJSON, and our own GeoPackages and GeoJSON on scenes."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from training_dataset_cases import description, read_whole, sides, write_picture, write_text

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import open_scene


def xview_feature(image_id: object, type_id: object, bounds: object) -> dict:
    """A feature as xView_train.geojson has it."""
    return {
        "type": "Feature",
        "properties": {
            "bounds_imcoords": bounds,
            "edited_by": "someone",
            "cat_id": "1040010028371A00",
            "type_id": type_id,
            "ingest_time": "2017/07/24 13:20:38.280+00",
            "index_right": 2356,
            "image_id": image_id,
            "feature_id": 377368,
            "grid_file": "Grid2.shp",
        },
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[-90.5, 14.5], [-90.5, 14.6], [-90.4, 14.6], [-90.4, 14.5], [-90.5, 14.5]]],
        },
    }


def write_xview(tmp_path, features: list[dict]) -> None:
    write_text(tmp_path / "xView_train.geojson", json.dumps({"type": "FeatureCollection", "features": features}))


def test_xview_ships_are_upright_and_everything_else_is_left_out_by_number(tmp_path):
    write_picture(tmp_path / "train_images/2355.tif")
    write_xview(
        tmp_path,
        [
            xview_feature("2355.tif", 52, "10,12,100,30"),
            xview_feature("2355.tif", 73, "0,0,20,20"),
            xview_feature("2355.tif", 41, "-3,40,8,44"),
        ],
    )

    (image,), report = read_whole("xview", tmp_path)

    assert image.labels.kinds == ("tanker", "leisure")
    assert sides(image).tolist() == [[90, 18], [11, 4]]
    assert image.upright.all()
    assert image.gsd_m == 0.3
    assert report.left_out == {"73": 1}


def test_xview_features_that_cannot_be_read_are_listed_by_number(tmp_path):
    write_picture(tmp_path / "train_images/2355.tif")
    write_xview(
        tmp_path,
        [
            xview_feature("2355.tif", 52, "10,12,100,30"),
            xview_feature("2355.tif", 99, "10,12,100,30"),
            xview_feature("2355.tif", 52, "10,12,100"),
            xview_feature("2355.tif", 52, None),
            xview_feature("2355.tif", 52, "100,12,10,30"),
            xview_feature(None, 52, "10,12,100,30"),
            xview_feature("1395.tif", 52, "10,12,100,30"),
            xview_feature("2355.tif", None, "10,12,100,30"),
        ],
    )

    (image,), report = read_whole("xview", tmp_path)

    assert len(image.labels) == 1
    reasons = {problem.where: problem.reason for problem in report.problems}
    assert "'99'" in reasons["features[1]"]
    assert "expected xmin,ymin,xmax,ymax" in reasons["features[2]"]
    assert "None" in reasons["features[3]"]
    assert "no area" in reasons["features[4]"]
    assert "no image_id" in reasons["features[5]"]
    assert "type_id" in reasons["features[7]"]
    assert "'1395.tif'" in reasons[""]
    assert len(report.problems) == 7


def test_xview_without_its_attributes_is_another_file(tmp_path):
    write_picture(tmp_path / "train_images/2355.tif")
    feature = xview_feature("2355.tif", 52, "10,12,100,30")
    del feature["properties"]["bounds_imcoords"]
    write_xview(tmp_path, [feature])

    with pytest.raises(BerthwatchError, match="bounds_imcoords"):
        read_whole("xview", tmp_path)


SHIPS_M = {"tanker": (183.0, 32.0, 0.4), "tug-service": (30.0, 10.0, 1.3)}


def ship_polygons(scene) -> gpd.GeoDataFrame:
    """Two ships drawn on the map: rectangles in metres round places in the scene."""
    rows = []
    for place, (kind, (length_m, beam_m, angle)) in zip([(60, 50), (120, 90)], SHIPS_M.items(), strict=True):
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [length_m / 2, beam_m / 2]
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        xy = half @ turn / [scene.gsd_x_m, scene.gsd_y_m] + place
        rows.append({"kind": kind, "geometry": shapely.Polygon(scene.to_lonlat(xy))})
    return gpd.GeoDataFrame(rows, crs="EPSG:4326")


def lengths_m(image) -> np.ndarray:
    """Long and short side in metres, the pixels of the scene need not be square."""
    metres = image.labels.corners * [image.scene.gsd_x_m, image.scene.gsd_y_m]
    return image.labels.moved(metres).sides


@pytest.mark.parametrize("crs", ["EPSG:32652", "EPSG:3857", "EPSG:4326"])
@pytest.mark.parametrize(("suffix", "drawn_in"), [(".gpkg", "EPSG:3857"), (".gpkg", "EPSG:32652"), (".geojson", None)])
def test_polygons_drawn_in_any_crs_become_boxes_in_scene_pixels(tmp_path, write_raster, crs, suffix, drawn_in):
    path = write_raster(np.full((3, 200, 300), 70, np.uint8), name="harbour.tif", crs=crs)
    ships = ship_polygons(open_scene(path))
    (ships.to_crs(drawn_in) if drawn_in else ships).to_file(tmp_path / f"harbour{suffix}")

    (image,), report = read_whole("berthwatch-scenes", tmp_path)

    assert image.labels.kinds == ("tanker", "tug-service")
    np.testing.assert_allclose(lengths_m(image), [[183, 32], [30, 10]], rtol=0.01)
    np.testing.assert_allclose(image.labels.corners.mean(axis=1), [[60, 50], [120, 90]], atol=0.05)
    assert image.gsd_m == pytest.approx(3.0, rel=0.01)
    assert not report.problems


def test_one_file_for_several_scenes_goes_by_scene_id(tmp_path, write_raster):
    for name in ("day1.tif", "day2.tif"):
        path = write_raster(np.full((3, 200, 300), 70, np.uint8), name=f"scenes/{name}")
    ships = ship_polygons(open_scene(path))
    ships["scene_id"], ships["vessel_class"], ships["difficult"] = ["day1", "day2"], ["tanker", "other"], [False, True]
    ships.loc[2] = [*ships.loc[0][["kind", "geometry"]], None, "tanker", False]
    ships.to_file(tmp_path / "corrected.gpkg", layer="detections")
    ships[:1].to_file(tmp_path / "corrected.gpkg", layer="berths")
    config = description(
        "scenes", images="scenes", labels="corrected.gpkg", layer="detections", class_field="vessel_class",
        classes={"tanker": "tanker", "other": "tug-service"},
    )  # fmt: skip

    images, report = read_whole(config, tmp_path)

    assert [(image.name, image.labels.kinds) for image in images] == [
        ("small/day1", ("tanker",)),
        ("small/day2", ("tug-service",)),
    ]
    assert images[1].labels.difficult.tolist() == [True]
    assert [problem.reason for problem in report.problems] == ["has no scene_id"]


def test_features_that_are_no_ships_outline_are_listed(tmp_path, write_raster):
    path = write_raster(np.full((3, 200, 300), 70, np.uint8), name="harbour.tif")
    scene = open_scene(path)
    box = ship_polygons(scene).geometry[0]
    far = shapely.transform(box, lambda lonlat: lonlat + 1.0)
    shapes = [box, box, shapely.Point(scene.to_lonlat([[5, 5]])[0]), None, far]
    kinds = ["tanker", None, "tanker", "tanker", "tanker"]
    gpd.GeoDataFrame({"kind": kinds}, geometry=shapes, crs="EPSG:4326").to_file(tmp_path / "harbour.gpkg")

    (image,), report = read_whole("berthwatch-scenes", tmp_path)

    assert len(image.labels) == 1
    reasons = [problem.reason for problem in report.problems]
    assert [problem.where for problem in report.problems] == ["feature 2", "feature 3", "feature 4", "feature 5"]
    assert reasons[0] == "has no kind"
    assert reasons[1].startswith("is a Point")
    assert reasons[2] == "has no geometry"
    assert "outside the picture" in reasons[3]


def test_a_file_without_the_class_attribute_says_what_it_has(tmp_path, write_raster):
    path = write_raster(np.full((3, 200, 300), 70, np.uint8), name="harbour.tif")
    ship_polygons(open_scene(path)).rename(columns={"kind": "type"}).to_file(tmp_path / "harbour.gpkg")

    images, report = read_whole("berthwatch-scenes", tmp_path)

    assert images == []
    assert "no 'kind'; they have type" in report.problems[0].reason


def test_labels_on_a_picture_without_georeference_are_refused(tmp_path, write_raster):
    path = write_raster(np.full((3, 200, 300), 70, np.uint8), name="other/harbour.tif")
    (tmp_path / "labels").mkdir()
    ship_polygons(open_scene(path)).to_file(tmp_path / "labels/harbour.gpkg")
    write_picture(tmp_path / "images/harbour.png")

    images, report = read_whole(description("scenes", classes="berthwatch"), tmp_path)

    assert images == []
    assert "no georeference" in report.problems[0].reason
