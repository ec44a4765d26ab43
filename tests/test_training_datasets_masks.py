"""Run-length masks, polygons and the rectangles round them; COCO and Airbus."""

import json
import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from training_dataset_cases import description, read_whole, sides, write_picture, write_text

from berthwatch.training.datasets.masks import (
    counts_from_text,
    mask_from_counts,
    mask_from_starts,
    mask_rectangle,
)
from berthwatch.training.datasets.record import LabelError
from berthwatch.training.datasets.rectangles import as_rectangle, smallest_rectangle


def column_runs(mask: np.ndarray) -> list[int]:
    """COCO's run lengths of a mask, found pixel by pixel."""
    runs, value = [0], False
    for pixel in mask.T.reshape(-1).tolist():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return runs


def compressed(runs: list[int]) -> str:
    """COCO's string of run lengths, character by character."""
    text = ""
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            group, value = value & 31, value >> 5
            more = not (value == 0 and not group & 16) and not (value == -1 and group & 16)
            text += chr(48 + group + (32 if more else 0))
    return text


def airbus_text(mask: np.ndarray) -> str:
    runs, position, pairs = column_runs(mask), 1, []
    for index, run in enumerate(runs):
        if index % 2:
            pairs += [position, run]
        position += run
    return " ".join(map(str, pairs))


def painted(cx: float, cy: float, length: float, beam: float, angle: float, size: int = 160) -> np.ndarray:
    """Pixels whose centre lies in a rectangle."""
    rows, cols = np.mgrid[:size, :size] + 0.5
    cos, sin = math.cos(angle), math.sin(angle)
    along, across = (cols - cx) * cos + (rows - cy) * sin, (rows - cy) * cos - (cols - cx) * sin
    return (abs(along) <= length / 2) & (abs(across) <= beam / 2)


masks = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda shape: st.lists(st.booleans(), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
        lambda bits: np.array(bits).reshape(shape)
    )
)


@settings(deadline=None)
@given(masks)
def test_run_lengths_give_back_the_mask_they_were_made_from(mask):
    runs = column_runs(mask)

    assert (mask_from_counts(runs, *mask.shape) == mask).all()
    assert counts_from_text(compressed(runs)).tolist() == runs
    if mask.any():
        assert (mask_from_starts(airbus_text(mask), *mask.shape) == mask).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 5_000_000), min_size=1, max_size=40))
def test_compressed_strings_hold_numbers_of_any_size(runs):
    assert counts_from_text(compressed(runs)).tolist() == runs


def test_a_compressed_string_written_out_by_hand():
    # 100 = 3 * 32 + 4: the group 4 with "more" is 4 + 32 + 48 = "T", then 3 + 48 = "3".
    assert counts_from_text("T3").tolist() == [100]


@pytest.mark.parametrize("text", ["", "T", "!!", "~~", "oooooooooooo"])
def test_a_broken_string_is_refused(text):
    with pytest.raises(LabelError, match="broken"):
        counts_from_text(text)


@settings(max_examples=60, deadline=None)
@given(
    angle=st.floats(0, math.pi),
    length=st.floats(30, 120),
    beam=st.floats(6, 20),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_the_rectangle_round_a_painted_hull_is_the_hull(angle, length, beam, shift):
    cx, cy = 80 + shift[0], 80 + shift[1]

    corners = mask_rectangle(painted(cx, cy, length, beam, angle))

    found = np.sort(np.linalg.norm(np.diff(corners[:3], axis=0), axis=1))[::-1]
    # Painting by pixel centres moves either end by up to half a pixel, and the correction for it is one for all angles.
    np.testing.assert_allclose(found, [length, beam], atol=1.5)
    np.testing.assert_allclose(corners.mean(axis=0), [cx, cy], atol=0.8)


@pytest.mark.parametrize("degrees", [0, 45, 90, None])
def test_the_rectangle_round_a_mask_has_no_bias(degrees):
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(150):
        length, beam = rng.uniform(30, 100), rng.uniform(6, 16)
        angle = rng.uniform(0, math.pi) if degrees is None else math.radians(degrees)
        mask = painted(*rng.uniform(75, 85, 2), length, beam, angle)
        found = np.linalg.norm(np.diff(mask_rectangle(mask)[:3], axis=0), axis=1)
        errors.append(np.sort(found)[::-1] - [length, beam])

    assert np.abs(np.mean(errors, axis=0)).max() < 0.12


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [([(3, 4)], [1, 1]), ([(3, 4), (4, 4), (5, 4)], [3, 1]), ([(3, 4), (4, 5)], [8**0.5, 2**0.5])],
)
def test_masks_one_pixel_wide_have_an_area(pixels, expected):
    mask = np.zeros((8, 8), bool)
    mask[tuple(np.array(pixels).T)] = True

    corners = mask_rectangle(mask)

    found = np.sort(np.linalg.norm(np.diff(corners[:3], axis=0), axis=1))[::-1]
    np.testing.assert_allclose(found, expected)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda point: (float(point[0]), float(point[1]))),
        min_size=3,
        max_size=12,
    )
)
def test_the_smallest_rectangle_holds_all_points_and_none_turned_by_degrees_is_smaller(points):
    shape = shapely.MultiPoint(points)
    if shape.convex_hull.area < 1:
        return
    rectangle = shapely.Polygon(smallest_rectangle(np.array(points)))

    assert rectangle.buffer(1e-6).contains(shape)
    for angle in np.radians(np.arange(0, 90, 1.0)):
        turned = np.array(points) @ np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        assert rectangle.area <= np.prod(np.ptp(turned, axis=0)) + 1e-6


def test_drawn_boxes_stay_as_drawn_and_crossed_ones_are_set_right():
    nearly = np.array([[0, 0], [40, 1], [39, 9], [0, 8.0]])
    crossed = np.array([[0, 0], [40, 8], [40, 0], [0, 8.0]])

    assert as_rectangle(nearly) is nearly
    assert shapely.Polygon(as_rectangle(crossed)).area == pytest.approx(320)


def coco(annotations: list[dict], *, width: int = 160, height: int = 160) -> str:
    return json.dumps(
        {
            "images": [
                {"id": 1, "file_name": "a.png", "width": width, "height": height},
                {"id": 2, "file_name": "b.png", "width": width, "height": height},
            ],
            "categories": [{"id": 9, "name": "ship"}, {"id": 3, "name": "Dock"}],
            "annotations": [{"id": i, "image_id": 1, "iscrowd": 0, **a} for i, a in enumerate(annotations)],
        }
    )


def read_coco(tmp_path, annotations: list[dict]):
    for name in ("a", "b", "c"):
        write_picture(tmp_path / f"images/{name}.png", width=160, height=160)
    write_text(tmp_path / "instances.json", coco(annotations))
    config = description("coco", labels="instances.json", leave_out=["Dock"])
    return read_whole(config, tmp_path)


def test_coco_boxes_polygons_and_masks_become_boxes(tmp_path):
    mask = painted(80, 80, 60, 12, 0.5)
    bow, stern = [[10, 10, 40, 10, 40, 20]], [[70, 10, 70, 20, 40, 20]]
    images, report = read_coco(
        tmp_path,
        [
            {"category_id": 9, "bbox": [10, 100, 50, 8]},
            {"category_id": 9, "segmentation": [[10, 10, 70, 10, 75, 15, 70, 20, 10, 20]], "bbox": [0, 0, 1, 1]},
            {"category_id": 9, "segmentation": bow + stern},
            {"category_id": 9, "segmentation": [10, 30, 60, 30, 60, 40, 10, 40]},
            {"category_id": 9, "segmentation": {"size": [160, 160], "counts": column_runs(mask)}, "iscrowd": 1},
            {"category_id": 9, "segmentation": {"size": [160, 160], "counts": compressed(column_runs(mask))}},
            {"category_id": 3, "bbox": [1, 1, 5, 5]},
        ],
    )

    image, empty = images
    assert sides(image)[:4].tolist() == [[50, 8], [65, 10], [60, 10], [50, 10]]
    np.testing.assert_allclose(sides(image)[4:], [[60, 12], [60, 12]], atol=1.0)
    assert image.upright.tolist() == [True, False, False, False, False, False]
    assert image.labels.difficult.tolist() == [False, False, False, False, True, False]
    assert len(empty.labels) == 0
    assert report.left_out == {"Dock": 1}
    assert report.unlabelled == 1
    assert not report.problems


def test_every_coco_annotation_that_cannot_be_read_is_listed_with_its_place(tmp_path):
    size = [160, 160]
    images, report = read_coco(
        tmp_path,
        [
            {"category_id": 9, "bbox": [10, 100, 50, 8]},
            {"category_id": 77, "bbox": [10, 100, 50, 8]},
            {"category_id": 9, "bbox": [10, 100, 0, 8]},
            {"category_id": 9},
            {"category_id": 9, "segmentation": [[1, 2, 3, 4]]},
            {"category_id": 9, "segmentation": {"size": [9, 9], "counts": [81]}},
            {"category_id": 9, "segmentation": {"size": size, "counts": [5]}},
            {"category_id": 9, "segmentation": {"size": size, "counts": "T"}},
            {"category_id": 9, "segmentation": {"size": size, "counts": [160 * 160]}},
            {"category_id": 9, "bbox": [500, 500, 50, 8]},
            {"category_id": 9, "bbox": [10, 10, 50, 8], "image_id": 5},
            {"category_id": 9, "bbox": [10, "wide", 50, 8]},
        ],
    )

    assert len(images[0].labels) == 1
    reasons = {problem.where: problem.reason for problem in report.problems}
    assert list(reasons) == [f"annotations[{i}]" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10)]
    assert "category_id 77" in reasons["annotations[1]"]
    assert "no area" in reasons["annotations[2]"]
    assert "neither a segmentation nor a bbox" in reasons["annotations[3]"]
    assert "mask is empty" in reasons["annotations[8]"]
    assert "outside the picture" in reasons["annotations[9]"]
    assert "image_id 5" in reasons["annotations[10]"]
    assert "'wide'" in reasons["annotations[11]"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [('{"images": [],\n "cat', "line 2: not JSON"), ("[]", "one JSON object"), ('{"images": []}', "'annotations'")],
)
def test_a_file_that_is_not_coco_says_so(tmp_path, text, reason):
    write_picture(tmp_path / "images/a.png")
    write_text(tmp_path / "labels.json", text)

    images, report = read_whole(description("coco", labels="labels.json"), tmp_path)

    assert images == []
    assert reason in report.problems[0].reason


def test_shiprsimagenet_in_coco_format_gives_polygons_as_one_flat_list(tmp_path):
    write_picture(tmp_path / "VOC_Format/JPEGImages/000001.bmp")
    content = {
        "images": [{"file_name": "000001.bmp", "id": 1, "width": 120, "height": 80}],
        "categories": [{"id": 47, "name": "Oil Tanker", "supercategory": "Oil Tanker"}],
        "annotations": [
            {
                "area": 420.0, "category_id": 47, "iscrowd": 0, "bbox": [10, 10, 42, 30], "image_id": 1, "id": 1,
                "segmentation": [10.0, 34.0, 46.0, 10.0, 52.0, 18.0, 15.0, 42.0],
            }
        ],
    }  # fmt: skip
    write_text(tmp_path / "COCO_Format/ShipRSImageNet_bbox_train_level_3.json", json.dumps(content))

    (image,), _ = read_whole("shiprsimagenet-coco", tmp_path)

    assert image.labels.kinds == ("tanker",)
    assert image.labels.corners[0].tolist() == [[10, 34], [46, 10], [52, 18], [15, 42]]


def test_airbus_masks_become_a_ship_for_every_connected_part(tmp_path):
    one, two = painted(40, 40, 50, 10, 0.3), painted(110, 110, 40, 8, 1.2)
    write_picture(tmp_path / "train_v2/000155de5.jpg", width=160, height=160)
    write_picture(tmp_path / "train_v2/00021ddc3.jpg", width=160, height=160)
    write_picture(tmp_path / "train_v2/ffffe97f3.jpg", width=160, height=160)
    write_text(
        tmp_path / "train_ship_segmentations_v2.csv",
        "ImageId,EncodedPixels\n"
        f"000155de5.jpg,{airbus_text(one)}\n"
        "00021ddc3.jpg,\n"
        f"000155de5.jpg,{airbus_text(two)}\n"
        f"ffffe97f3.jpg,{airbus_text(one | two)}\n",
    )

    images, report = read_whole("airbus", tmp_path)

    assert {image.path.stem: len(image.labels) for image in images} == {"000155de5": 2, "00021ddc3": 0, "ffffe97f3": 2}
    np.testing.assert_allclose(sides(images[0]), [[50, 10], [40, 8]], atol=1.0)
    np.testing.assert_allclose(images[2].labels.corners[0].mean(axis=0), [40, 40], atol=0.8)
    assert {image.gsd_m for image in images} == {1.5}
    assert report.kinds == {"ship": 4}


def test_airbus_rows_that_cannot_be_read_are_listed_with_their_line(tmp_path):
    write_picture(tmp_path / "train_v2/a.jpg", width=20, height=20)
    write_text(
        tmp_path / "train_ship_segmentations_v2.csv",
        "ImageId,EncodedPixels\na.jpg,1 5 21\na.jpg,399 5\na.jpg,1 x\n,1 5\ngone.jpg,1 5\na.jpg,1 3 21 3\n",
    )

    (image,), report = read_whole("airbus", tmp_path)

    assert len(image.labels) == 1
    where = {problem.where: problem.reason for problem in report.problems}
    assert list(where) == ["line 5", "line 2", "line 3", "line 4", ""]
    assert "leaves the picture" in where["line 3"]
    assert "'gone.jpg'" in where[""]
