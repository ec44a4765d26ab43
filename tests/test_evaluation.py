"""Evaluation from pictures to page: scenes, and pictures of no place, through the pipeline, beside other detectors."""

import json
import re

import numpy as np
import pytest
from cli_runner import run
from inference_scenes import HULL, WATER, BrightHulls, metadata
from training_dataset_cases import write_text

from berthwatch.cli_evaluation import _show_figures
from berthwatch.errors import BerthwatchError
from berthwatch.evaluation import Rules, evaluate
from berthwatch.evaluation_report import results, write_evaluation
from berthwatch.training.baselines import Baseline
from berthwatch.training.datasets.report import ReadReport
from berthwatch.training.evaluation_pictures import dataset_pictures, labelled_scene, labelled_scenes

# x, y, length, beam of upright hulls in a picture of 320 x 240 pixels.
HULLS = ((60, 60, 60, 10), (200, 60, 40, 8), (100, 180, 30, 6))
NO_SHIP = (250, 190, 24, 5)


def painted(*hulls: tuple[int, int, int, int]) -> np.ndarray:
    pixels = np.full((3, 240, 320), WATER, np.uint8)
    for x, y, length, beam in hulls:
        pixels[:, y - beam // 2 : y + beam // 2, x - length // 2 : x + length // 2] = HULL
    return pixels


def dota(*hulls: tuple[int, int, int, int], kind: str = "tanker", difficult: int = 0) -> str:
    lines = []
    for x, y, length, beam in hulls:
        left, top, right, bottom = x - length / 2, y - beam / 2, x + length / 2, y + beam / 2
        lines.append(f"{left} {top} {right} {top} {right} {bottom} {left} {bottom} {kind} {difficult}\n")
    return "".join(lines)


@pytest.fixture
def harbour(write_raster):
    """A scene at 3 m with labels beside it: three ships, of which one is not painted, and a hull without a label."""
    path = write_raster(painted(*HULLS[:2], NO_SHIP), name="harbour.tif")
    write_text(path.with_suffix(".txt"), dota(*HULLS))
    return path


@pytest.fixture
def crops(tmp_path, write_raster):
    """A dataset of two pictures without georeference, as a folder with its description."""
    for name in ("a", "b"):
        write_raster(painted(*HULLS), name=f"crops/images/{name}.tif", crs=None)
        write_text(tmp_path / f"crops/labels/{name}.txt", dota(*HULLS[:2]) + dota(HULLS[2], difficult=1))
    text = "name: crops\nformat: dota\nlicence: CC0\nsource: a test\nclasses: berthwatch\n"
    return write_text(tmp_path / "crops/crops.yaml", text)


def whole(detector, pictures, rules=None, **options):
    rules = rules or Rules()
    runs = evaluate(detector, pictures, rules, **options)
    return runs, results(runs, pictures, rules)


def test_a_scene_is_judged_by_what_detect_finds_in_it(harbour):
    _, told = whole(BrightHulls(), [labelled_scene(str(harbour))])

    total = told["all"]
    assert (total["ships"], total["found"], total["false_alarms"]) == (3, 2, 1)
    assert total["length_mae"] < 0.02
    assert total["heading_mae_deg"] < 1
    assert told["scenes"]["harbour"] == total
    assert told["by_gsd"]["2.5 to 6 m"]["ships"] == 3
    assert told["size_class_confusion"] == {
        "Handysize/GP": {"Handysize/GP": 1, "MR1": 0},
        "MR1": {"Handysize/GP": 0, "MR1": 1},
    }


def test_pictures_without_a_place_are_measured_by_the_gsd_that_is_assumed(crops):
    report = ReadReport()

    pictures = list(dataset_pictures(str(crops), report, assumed_gsd_m=4.0))
    _, told = whole(BrightHulls(), pictures)

    assert (report.images, report.ships) == (2, 6)
    total = told["all"]
    assert (total["ships"], total["found"], total["false_alarms"]) == (4, 4, 0)  # the difficult one counts for neither
    assert total["length_mae"] < 0.02
    lengths = sorted(ship for one in pictures for ship in 4.0 * one.labels.sides[:, 0])
    assert lengths[-1] == pytest.approx(240)
    assert (told["pictures_of_assumed_gsd"], told["assumed_gsd_m"]) == (2, 4.0)
    assert told["by_length_m"] == {}  # metres that nobody measured are not told
    assert {name: row["ships"] for name, row in told["by_length_px"].items()} == {"40 to 80 px": 4}
    assert told["scenes"]["crops"]["ships"] == 4


def test_the_assumed_gsd_decides_how_large_ships_are_shown(crops):
    """A detector that works at 3 m is shown a picture of 1.5 m at half its size; its boxes come back to full size."""
    pictures = list(dataset_pictures(str(crops), ReadReport(), assumed_gsd_m=1.5))

    _, told = whole(BrightHulls(), pictures, Rules(min_length_px=50))

    assert (told["all"]["ships"], told["all"]["found"]) == (2, 2)
    assert told["all"]["ap_50"] == 1.0


def test_pictures_of_unknown_gsd_are_not_guessed(crops):
    with pytest.raises(BerthwatchError, match=r"a\.tif.*--assumed-gsd-m"):
        list(dataset_pictures(str(crops), ReadReport()))


def test_a_shipped_description_needs_its_folder():
    with pytest.raises(BerthwatchError, match="shiprs63=FOLDER"):
        list(dataset_pictures("shiprs63", ReadReport()))


def test_nothing_to_judge_on_is_said():
    with pytest.raises(BerthwatchError, match="no labelled picture"):
        evaluate(BrightHulls(), [], Rules())


def test_baselines_are_shown_and_scored_in_every_way_that_is_kind_to_them(harbour):
    boats = BrightHulls(metadata=metadata(model_id="boats", min_working_gsd_m=0.01, max_working_gsd_m=1000.0))
    ours = BrightHulls(metadata=metadata(min_working_gsd_m=4.0, max_working_gsd_m=4.0))

    runs, told = whole(ours, [labelled_scene(str(harbour))], against=[Baseline(boats, oriented=False, knows_gsd=False)])

    assert [(row["model_id"], row["shown_at"], row["scored_by"]) for row in told["compared"]] == [
        ("bright-hulls", "4 m", "oriented boxes"),
        ("bright-hulls", "4 m", "upright hulls"),
        ("boats", "4 m", "its upright boxes as they are"),
        ("boats", "4 m", "upright hulls"),
        ("boats", "own GSD", "its upright boxes as they are"),
        ("boats", "own GSD", "upright hulls"),
    ]
    assert all(row["all"]["found"] == 2 for row in told["compared"])
    assert boats.metadata.max_working_gsd_m == 1000.0  # the baseline itself is left as it was
    assert len(runs) == 6


def test_a_model_with_a_card_keeps_its_own_gsd(harbour):
    other = BrightHulls(metadata=metadata(model_id="other", min_working_gsd_m=5.0, max_working_gsd_m=6.0))

    _, told = whole(
        BrightHulls(), [labelled_scene(str(harbour))], against=[Baseline(other, oriented=True, knows_gsd=True)]
    )

    assert [row["shown_at"] for row in told["compared"]] == ["3 to 10 m", "5 to 6 m"]


def test_the_figures_are_json_and_the_page_stands_alone(harbour, crops, tmp_path):
    pictures = [labelled_scene(str(harbour)), *dataset_pictures(str(crops), ReadReport(), assumed_gsd_m=4.0)]
    runs, told = whole(BrightHulls(), pictures, Rules(score_threshold=0.5))

    write_evaluation(told, runs[0], pictures, tmp_path / "out" / "figures.json", tmp_path / "out" / "figures.html")

    text = (tmp_path / "out" / "figures.json").read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")) == told
    page = (tmp_path / "out" / "figures.html").read_text(encoding="utf-8")
    assert "bright-hulls: 6 of 7 ships found, 1 false alarm" in page
    assert page.count("data:image/jpeg;base64,") == 2  # the ship missed, the false alarm
    assert "90 m (30 px): tanker" in page
    assert "4 m: metres there mean" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "://" not in page
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["figures.html", "figures.json"]


def test_a_page_of_nothing_found_is_a_page(harbour, tmp_path):
    class Blind(BrightHulls):
        def _one(self, picture):
            return super()._one(np.full_like(picture, WATER))

    pictures = [labelled_scene(str(harbour))]
    runs, told = whole(Blind(), pictures)

    write_evaluation(told, runs[0], pictures, tmp_path / "figures.json", tmp_path / "figures.html")

    assert (told["all"]["recall"], told["all"]["precision"], told["all"]["ap_50"]) == (0.0, None, 0.0)
    assert "0 of 3 ships found" in (tmp_path / "figures.html").read_text(encoding="utf-8")


def test_figures_never_lie_beside_the_page_of_others(capsys, harbour, tmp_path):
    out = tmp_path / "out" / "judged.json"
    (out.parent / "judged.html").mkdir(parents=True)  # the page cannot be written
    out.write_text("old figures")

    result = run(capsys, "evaluate", harbour, "--out", out)

    assert result.code == 1
    assert "judged.html: Is a directory" in result.error_lines[-1]
    assert out.read_text() == "old figures"
    assert sorted(path.name for path in out.parent.iterdir()) == ["judged.html", "judged.json"]


def test_a_picture_that_is_gone_before_the_page_is_made_leaves_both_files_as_they_were(harbour, tmp_path):
    pictures = [labelled_scene(str(harbour))]
    runs, told = whole(BrightHulls(), pictures)
    figures, page = write_text(tmp_path / "figures.json", "old"), write_text(tmp_path / "figures.html", "old")
    harbour.unlink()

    with pytest.raises(BerthwatchError, match=r"harbour\.tif"):
        write_evaluation(told, runs[0], pictures, figures, page)

    assert (figures.read_text(), page.read_text()) == ("old", "old")


def test_the_command_writes_both_files(capsys, harbour, crops, tmp_path):
    out = tmp_path / "judged.json"

    result = run(
        capsys, "evaluate", harbour, "--dataset", crops, "--assumed-gsd-m", "3.5", "--min-length-px", "20", "--out", out
    )

    assert result.code == 0, result.err
    told = json.loads(out.read_text())
    assert (told["all"]["ships"], told["min_length_px"], told["pictures"]) == (7, 20.0, 3)
    assert [*told["scenes"]] == ["harbour", "crops"]
    assert out.with_suffix(".html").is_file()
    assert "judged.html" in result.out
    assert "AP50" in result.out


@pytest.mark.parametrize(("backend", "runtime"), [("onnxruntime", "ONNX Runtime"), ("torch", "torch")])
def test_the_runtime_is_the_one_asked_for_and_told(capsys, harbour, tmp_path, backend, runtime):
    result = run(
        capsys, "evaluate", harbour, "--backend", backend, "--device", "cpu", "--out", tmp_path / "judged.json"
    )

    assert result.code == 0, result.err
    assert f" on {runtime} " in result.err


def test_the_table_in_the_console_has_the_intervals_and_units_of_the_page(capsys):
    rates = {"recall": 0.72, "recall_90": [0.58, 0.86], "precision": None, "precision_90": [None, None]}
    rates |= {"f1": 0.8, "f1_90": [0.7, 0.9], "ap_30": 0.86, "ap_50": 0.82, "length_mae": 0.031}
    tankers = {"tankers": 28, "tankers_found": 26, "tankers_called_tanker": 15}

    _show_figures({"scenes": {}, "all": {"ships": 25, "false_alarms": 2, **tankers, **rates}})

    told = " ".join(capsys.readouterr().out.split())
    assert "all 25 2 0.72 0.58–0.86 – – 0.80 0.70–0.90 0.86 0.82 3.1 % 26/15 of 28" in told


def test_scenes_of_one_name_in_two_folders_are_two_rows(harbour, tmp_path):
    copies = []
    for year, hulls in (("2024", HULLS), ("2025", HULLS[:1])):
        folder = tmp_path / year / "port"
        folder.mkdir(parents=True)
        copies.append(folder / harbour.name)
        copies[-1].write_bytes(harbour.read_bytes())
        write_text(copies[-1].with_suffix(".txt"), dota(*hulls))

    pictures = labelled_scenes([str(path) for path in (copies[0], harbour, copies[1])])
    alone = labelled_scenes([str(copies[0])])
    _, told = whole(BrightHulls(), pictures)

    named = f"{harbour.parent.name}/harbour"
    assert {name: row["ships"] for name, row in told["scenes"].items()} == {
        "2024/port/harbour": 3, named: 3, "2025/port/harbour": 1
    }  # fmt: skip
    assert alone[0].group == "harbour"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "page.html"], ["page.html", "JSON"]),
        (["--out", "x.json"], ["no labelled picture"]),
        (["--score", "2", "--out", "x.json"], ["score", "between 0 and 1"]),
        (["--score", "nan", "--out", "x.json"], ["score", "between 0 and 1"]),
        (["--dataset", "crops", "--out", "x.json"], ["crops=FOLDER"]),
        (["--dataset", "gone.yaml=.", "--out", "x.json"], ["gone.yaml"]),
    ],
)
def test_wrong_usage_is_told_in_one_line(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)

    result = run(capsys, "evaluate", *arguments)

    assert result.code == 1
    assert len(result.error_lines) == 1, result.err
    for word in words:
        assert word in result.error_lines[0]
    assert not list(tmp_path.iterdir())


def test_thresholds_follow_the_gsd_where_none_is_asked_for(harbour, crops):
    card = metadata(score_threshold=0.95, coarse_score_thresholds=({"from_gsd_m": 3.5, "score": 0.5},))
    pictures = [labelled_scene(str(harbour)), *dataset_pictures(str(crops), ReadReport(), assumed_gsd_m=4.0)]

    _, own = whole(BrightHulls(metadata=card), pictures)
    _, asked = whole(BrightHulls(metadata=card), pictures, Rules(score_threshold=0.5))

    assert own["score_thresholds"] == [0.5, 0.95]
    assert (own["scenes"]["harbour"]["found"], own["scenes"]["crops"]["found"]) == (0, 4)  # hulls score 0.9
    assert asked["scenes"]["harbour"]["found"] == 2
