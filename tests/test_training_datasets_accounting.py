"""No label is lost in silence: what is wrong is listed with file, line and reason, or stops a strict run."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training_dataset_cases import description, read_whole, write_picture, write_text

from berthwatch.configs.dataset import load_dataset, shipped_datasets
from berthwatch.errors import BerthwatchError
from berthwatch.training.datasets.layout import open_dataset
from berthwatch.training.datasets.read import read_dataset
from berthwatch.training.datasets.readers import READERS
from berthwatch.training.datasets.report import ReadReport
from berthwatch.training.labels import CLASS_OF_KIND

GOOD = "10 10 50 10 50 18 10 18 ship 0"
# A line of a DOTA file, and the reason given where it is wrong.
WRONG_LINES = {
    "10 10 50 10 50 18 10 ship 0": "expected 8 numbers",
    "10 10 50 10 50 18 10 x ship 0": "expected 8 numbers",
    "10 10 50 10 50 18 10 18": "expected 8 numbers",
    "10 10 50 10 50 18 10 18 ship maybe": "a class and 0, 1 or 2",
    "10 10 50 10 50 18 10 nan ship 0": "not a finite number",
    "10 10 10 10 10 10 10 10 ship 0": "no area",
    "10 10 20 20 30 30 40 40 ship 0": "one line",
    "500 10 550 10 550 18 500 18 ship 0": "outside the picture of 120 x 80",
    "10 10 50 10 50 18 10 18 submarine 0": "class 'submarine' is neither under classes nor under leave_out",
}


@pytest.mark.parametrize(("line", "reason"), WRONG_LINES.items())
def test_a_wrong_line_is_listed_and_the_others_are_read(tmp_path, line, reason):
    write_picture(tmp_path / "images/a.png")
    write_text(tmp_path / "labels/a.txt", f"{GOOD}\n\n{line}\n{GOOD}\n")

    (image,), report = read_whole(description("dota"), tmp_path)

    assert len(image.labels) == 2
    (problem,) = report.problems
    assert problem.where == "line 3"
    assert str(problem).startswith(f"{tmp_path / 'labels/a.txt'}, line 3: ")
    assert reason in problem.reason


@pytest.mark.parametrize(("line", "reason"), WRONG_LINES.items())
def test_a_strict_run_stops_at_the_wrong_line(tmp_path, line, reason):
    write_picture(tmp_path / "images/a.png")
    write_text(tmp_path / "labels/a.txt", f"{GOOD}\n{line}\n")

    with pytest.raises(BerthwatchError, match=r"a\.txt, line 2: ") as caught:
        read_whole(description("dota"), tmp_path, strict=True)
    assert reason in str(caught.value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.sampled_from([GOOD, "1 1 5 1 5 5 1 5 harbor 0", *WRONG_LINES]), max_size=12))
def test_ships_left_out_and_problems_add_up_to_the_lines_of_the_file(tmp_path, lines):
    write_picture(tmp_path / "images/a.png")
    write_text(tmp_path / "labels/a.txt", "\n".join(lines))

    _, report = read_whole(description("dota", leave_out=["harbor"]), tmp_path)

    assert report.objects == len(lines)
    assert report.ships == lines.count(GOOD)
    assert report.left_out["harbor"] == lines.count("1 1 5 1 5 5 1 5 harbor 0")
    assert report.unmapped.total() == sum("submarine" in line for line in lines)
    assert report.summary()["problems"] == len(report.problems) == len(lines) - report.ships - report.left_out.total()


def test_pictures_and_labels_without_each_other_are_told(tmp_path):
    write_picture(tmp_path / "images/a.png")
    write_picture(tmp_path / "images/unlabelled.png")
    write_text(tmp_path / "labels/a.txt", GOOD)
    write_text(tmp_path / "labels/gone.txt", GOOD)

    images, report = read_whole(description("dota"), tmp_path)

    assert [image.name for image in images] == ["small/a"]
    assert [problem.file.name for problem in report.problems] == ["gone.txt"]
    assert "no picture 'gone'" in report.problems[0].reason
    assert report.unlabelled == 1


def test_pictures_of_one_name_in_two_folders_are_told_apart_by_their_path(tmp_path):
    for folder, ships in (("train", 1), ("val", 2)):
        write_picture(tmp_path / f"images/{folder}/0001.png")
        write_text(tmp_path / f"labels/{folder}/0001.txt", "\n".join([GOOD] * ships))
    write_text(tmp_path / "labels/0001.txt", GOOD)

    images, report = read_whole(description("dota"), tmp_path)

    assert {image.name: len(image.labels) for image in images} == {"small/train/0001": 1, "small/val/0001": 2}
    assert "2 pictures" in report.problems[0].reason


def test_a_picture_that_is_none_and_labels_that_are_not_text_are_told(tmp_path):
    write_picture(tmp_path / "images/b.png")
    write_text(tmp_path / "images/a.png", "not a picture")
    write_text(tmp_path / "labels/a.txt", GOOD)
    (tmp_path / "labels/b.txt").write_bytes(b"\xff\xfe\x00\x01")

    images, report = read_whole(description("dota"), tmp_path)

    assert images == []
    reasons = {problem.file.name: problem.reason for problem in report.problems}
    assert "not UTF-8" in reasons["b.txt"]
    assert "cannot be read as an image" in reasons["a.txt"]


def test_a_yolo_picture_whose_labels_are_no_text_does_not_pass_for_one_without_ships(tmp_path):
    write_picture(tmp_path / "images/b.png")
    write_text(tmp_path / "labels/a.txt", "")
    (tmp_path / "labels/b.txt").write_bytes(b"\xff\xfe\x00\x01")

    images, report = read_whole(description("yolo"), tmp_path)

    assert images == []
    assert sorted(problem.file.name for problem in report.problems) == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 0.5 0.5 0.2", "expected a class and 4 numbers"),
        ("0 60 40 20 10", "look like pixels"),
        ("0 0.5 0.5 0 0.1", "no area"),
        ("0 0.5 0.5 x 0.1", "'x', not a number"),
        ("3 0.5 0.5 0.2 0.1", "class number 3 has no name"),
    ],
)
def test_a_wrong_yolo_line_is_listed(tmp_path, line, reason):
    write_picture(tmp_path / "images/a.png")
    write_text(tmp_path / "labels/a.txt", f"0 0.5 0.5 0.2 0.1\n{line}\n")
    write_text(tmp_path / "data.yaml", "names: [ship]\n")

    (image,), report = read_whole(description("yolo", names_file="data.yaml"), tmp_path)

    assert len(image.labels) == 1
    assert report.problems[0].where == "line 2"
    assert reason in report.problems[0].reason


XML_OBJECT = "<object><name>ship</name><bndbox>{}</bndbox></object>"
BOX = "<xmin>1</xmin><ymin>1</ymin><xmax>{}</xmax><ymax>9</ymax>"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (XML_OBJECT.format("<xmin>1</xmin>"), "<bndbox/ymin> is missing"),
        (XML_OBJECT.format(BOX.format("")), "<bndbox/xmax> is missing or empty"),
        (XML_OBJECT.format(BOX.format("ten")), "<bndbox/xmax> is 'ten', not a number"),
        (XML_OBJECT.format(BOX.format("0")), "no area"),
        (XML_OBJECT.format(BOX.format("9")).replace("<name>ship</name>", ""), "<name> is missing"),
    ],
)
def test_a_wrong_xml_object_is_listed_with_the_line_on_which_it_begins(tmp_path, wrong, reason):
    write_picture(tmp_path / "images/a.png")
    good = XML_OBJECT.format(BOX.format("20"))
    write_text(tmp_path / "labels/a.xml", f"<annotation>\n{good}\n\n{wrong}\n{good}\n</annotation>\n")

    (image,), report = read_whole(description("voc"), tmp_path)

    assert len(image.labels) == 2
    assert report.problems[0].where == "line 4"
    assert reason in report.problems[0].reason


def test_a_broken_xml_file_is_listed_with_its_line(tmp_path):
    write_picture(tmp_path / "images/a.png")
    write_text(tmp_path / "labels/a.xml", "<annotation>\n<object>\n</annotation>\n")

    images, report = read_whole(description("voc"), tmp_path)

    assert images == []
    assert "line 3: not XML" in report.problems[0].reason


@pytest.mark.parametrize("name", shipped_datasets())
def test_shipped_descriptions_fit_and_map_to_our_kinds(tmp_path, name):
    config = load_dataset(name)
    (tmp_path / config.images).mkdir(parents=True, exist_ok=True)
    (tmp_path / config.labels).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / config.labels).touch() if "." in config.labels[1:] else (tmp_path / config.labels).mkdir(exist_ok=True)

    dataset = open_dataset(name, tmp_path)

    assert set(dataset.kinds.values()) <= set(CLASS_OF_KIND)
    assert config.name == name
    assert config.format in READERS


def test_every_format_has_a_reader():
    formats = set(READERS)

    assert formats == {
        "airbus", "coco", "dior", "dota", "fair1m", "hrsc2016", "scenes", "shiprsimagenet", "voc", "xview", "yolo",
        "yolo-obb",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nformat: dota\nlicence: CC0\nsource: me\nclasses: {ship: boat}\n", "'ship' is mapped to 'boat'"),
        ("name: x\nformat: tfrecord\nlicence: CC0\nsource: me\nclasses: {}\n", "format: "),
        ("name: x\nformat: dota\nsource: me\nclasses: {}\n", "licence: missing"),
        ("name: x\nformat: dota\nlicence: CC0\nsource: me\nclases: {}\nclasses: {}\n", "did you mean 'classes'"),
        ("name: x\nformat: dota\nlicence: CC0\nsource: me\nclasses: {a: ship}\nleave_out: [a]\n", "keep one"),
        ("name: x\nformat: dota\nlicence: CC0\nsource: me\nclasses: {}\ngsd_m: -1\n", "gsd_m: "),
    ],
)
def test_a_wrong_description_says_what_is_wrong(tmp_path, text, message):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    path = write_text(tmp_path / "mine.yaml", text)

    with pytest.raises(BerthwatchError, match=message):
        open_dataset(path, tmp_path)


def test_missing_folders_files_and_descriptions_are_named(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(BerthwatchError, match="labels does not exist"):
        open_dataset(description("dota"), tmp_path)
    with pytest.raises(BerthwatchError, match="no folder"):
        open_dataset(description("dota"), tmp_path / "elsewhere")
    with pytest.raises(BerthwatchError, match="neither a file nor a shipped description"):
        open_dataset("imagenet", tmp_path)
    (tmp_path / "labels").mkdir()
    with pytest.raises(BerthwatchError, match=r"holds no \.txt files"):
        list(read_dataset(open_dataset(description("dota"), tmp_path), ReadReport()))


def test_only_the_pictures_listed_are_read_and_one_that_is_not_there_is_told(tmp_path):
    for name in ("a", "b"):
        write_picture(tmp_path / f"images/{name}.png")
        write_text(tmp_path / f"labels/{name}.txt", f"{GOOD}\n")

    (image,), report = read_whole(description("dota", pictures=("b", "c")), tmp_path)

    assert image.name == "small/b"
    assert report.unlabelled == 0
    (problem,) = report.problems
    assert (problem.where, "no labelled picture" in str(problem)) == ("c", True)
