"""The benchmark itself, at a size that says nothing of speed: it runs, it counts right, it reports what it counted."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from berthwatch.models.boxes import Boxes
from berthwatch.models.openvino_backend import has_openvino
from berthwatch.models.registry import DEFAULT_MODEL, shipped_models

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module", autouse=True)
def _checkout_on_the_path():
    """`benchmarks` is no part of the package: it is run from the checkout."""
    sys.path.insert(0, str(CHECKOUT))
    yield
    sys.path.remove(str(CHECKOUT))


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Folder of a whole toy run."""
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--toy", "--out", str(folder)],
        cwd=CHECKOUT,
        env=os.environ | {"YOLO_AUTOINSTALL": "false"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def parts(toy):
    return json.loads((toy / "results.json").read_text())["parts"]


def test_every_part_is_measured_and_in_the_table(toy, parts):
    table = (toy / "results.md").read_text()
    whole = json.loads((toy / "results.json").read_text())

    assert list(parts) == ["limit", "peers", "merging", "moored", "decode", "sentinel", "gpu", "growth"]
    assert whole["sizes"] == "toy"
    assert whole["machine"]["cpu"] in table
    assert whole["date"] in table
    assert table.count("| **") == len(parts)


def test_the_table_is_made_anew_from_the_figures_and_put_between_its_marks(toy):
    from benchmarks.readme import BEGIN, END, table_of, with_table

    table = table_of(json.loads((toy / "results.json").read_text()))
    demanded = table_of(json.loads((toy / "results.json").read_text()), demanded_only=True)
    text = f"# A\n\n{BEGIN}\nan old table\n{END}\n\nmore\n"

    assert table == (toy / "results.md").read_text()
    assert set(demanded.splitlines()) < set(table.splitlines())
    assert "boxes merged" not in demanded
    assert with_table(text, table) == f"# A\n\n{BEGIN}\n{table}{END}\n\nmore\n"
    assert with_table(with_table(text, table), table) == with_table(text, table)
    for broken in ("no marks", f"{BEGIN} alone", f"{END} {BEGIN}"):
        with pytest.raises(ValueError, match="needs a line"):
            with_table(broken, table)


def test_the_published_table_is_that_of_the_published_figures():
    from benchmarks.readme import table_of, with_table

    results = json.loads((CHECKOUT / "benchmarks" / "results.json").read_text())
    readme = (CHECKOUT / "README.md").read_text()

    assert (CHECKOUT / "benchmarks" / "results.md").read_text() == table_of(results)
    assert readme == with_table(readme, table_of(results, demanded_only=True))


def test_parts_of_another_size_are_not_laid_beside_each_other(toy):
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--part", "moored", "--out", str(toy)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )

    assert told.returncode == 1
    assert "its sizes is not that of this run" in told.stderr


def test_what_a_gpu_did_is_told_or_that_there_is_none():
    from benchmarks.gpu import rows

    run = {"side_px": 20000, "tiles": 1444, "runtime": "n, CUDA", "seconds": 10.0, "megapixels_per_s": 40.0}
    run |= {"km2_per_s": 360.0, "verdict": "the detector is the limit: busy 85% of the time; faster: ..."}
    idle = run | {"busy": {"detect": 5.0}}

    (without,) = rows({"side_px": 20000, "missing": "no NVIDIA GPU here"})
    met = [rows(told)[0].met for told in (run | {"busy": {"detect": 8.5}}, idle, idle | {"verdict": "reading is ..."})]

    assert (without.figure, without.met) == ("not measured: no NVIDIA GPU here", None)
    assert met == [True, False, True]


def test_both_sides_of_the_limit_see_the_same_tiles(parts):
    backends = parts["limit"]["backends"]

    assert set(backends) == {"onnxruntime", "onnxruntime, int8"} | ({"openvino"} if has_openvino() else set())
    for limit in backends.values():
        assert limit["tiles"] == 4
        assert limit["ratio"] == min(limit["end_to_end_s"]) / min(limit["bare_s"])
        assert limit["stages"]["busy"]["detect"] > 0


def test_all_ways_are_scored_on_the_same_ships(parts):
    ways = {way["name"]: way for way in parts["peers"]["ways"]}
    names = {"openvino": "berthwatch, OpenVINO", "ultralytics": "Ultralytics", "sahi": "SAHI"}

    ours = {"berthwatch", "berthwatch, 8-bit integers"}
    assert set(ways) == ours | {name for package, name in names.items() if importlib.util.find_spec(package)}
    assert len({way["ships"] for way in ways.values()}) == 1
    for way in ways.values():
        assert 0 < way["found"] <= way["ships"]
        assert way["seconds"] > 0
    for name in ours:
        assert ways[name]["lost_neighbours"] == 0
        assert ways[name]["duplicates"] == 0


@pytest.mark.parametrize(
    ("matrix_units", "wanted", "met"),
    [(True, "at least 4", False), (False, "4 with bf16 matrix units (AMX): none here", None)],
)
def test_openvino_is_asked_for_a_factor_of_4_where_the_processor_has_matrix_units(
    matrix_units: bool, wanted: str, met: bool | None
):
    from benchmarks.peers import rows

    counts = {"peak_rss_mb": 500.0, "found": 9, "ships": 10, "duplicates": 0, "lost_neighbours": 0, "false": 0}
    ways = [
        {"name": "berthwatch, OpenVINO", "backend": "openvino", "runtime": "", "seconds": 2.0, **counts},
        {"name": "SAHI", "batch": 4, "runtime": "", "seconds": 5.2, **counts},
    ]

    shown = rows({"ways": ways, "missing": [], "bf16_matrix_units": matrix_units})

    (row,) = (row for row in shown if row.what.endswith("time"))
    assert (row.figure, row.aim, row.met) == ("5.2 s / 2.0 s = 2.60", wanted, met)


def test_merging_equals_brute_force_and_keeps_every_moored_ship(parts):
    merging, moored = parts["merging"], parts["moored"]

    assert merging["oracle"]["equal"] == merging["oracle"]["cases"] == 10
    assert moored["kept"]["berthwatch"] == moored["ships"] == 4 * 4 * 6
    assert moored["seam_kept"] == moored["seam_ships"]
    assert moored["seam_duplicates"] == 0


def test_every_format_gives_the_same_tiles(parts):
    formats = parts["decode"]["formats"]

    assert formats["tiled"]["tiles"] == formats["striped"]["tiles"] == formats["cog"]["tiles"] == 4
    assert formats["jp2"]["tiles"] == 1
    assert formats["0.75 m, overviews"]["tiles"] == formats["0.75 m, no overviews"]["tiles"] == 1


def test_growth_has_a_figure_for_each_scene(parts):
    scenes = parts["growth"]["scenes"]

    assert [scene["side_px"] for scene in scenes] == [700, 1300]
    assert [scene["tiles"] for scene in scenes] == [4, 9]
    assert all(50 < scene["peak_rss_mb"] < 5000 for scene in scenes)


def test_ships_found_twice_lost_and_imagined_are_told_apart():
    from benchmarks.pictures import Truth
    from benchmarks.scoring import score, seen_in_tiles

    hulls = [[100, 100, 80, 14, 0.7], [110, 88, 80, 14, 0.7], [300, 300, 60, 10, 0.1], [500, 100, 40, 8, 2.0]]
    truth = Truth(Boxes.from_xywhr(hulls), np.array([True, True, False, False]))
    aft = [100 - 20 * np.cos(0.7), 100 - 20 * np.sin(0.7), 36, 13, 0.7]
    found = Boxes.from_xywhr([[101, 100, 78, 14, 0.7], aft, [301, 300, 61, 10, 0.1], [400, 400, 50, 10, 0]])
    left, right = (0, 0, Boxes.from_xywhr(hulls[:2])), (180, 180, Boxes.from_xywhr(hulls[2:3]))
    seen = seen_in_tiles([left, right], 250, truth)

    assert seen.tolist() == [True, True, True, False]
    assert score(found, truth, seen) == {"ships": 4, "found": 2, "duplicates": 1, "false": 1, "lost_neighbours": 1}


def test_nothing_is_resampled_for_the_shipped_model():
    from benchmarks.pictures import GSD_M

    (card,) = [card for name, card in shipped_models().items() if name == DEFAULT_MODEL]

    assert card.working_gsd_m(GSD_M) == GSD_M


def test_the_port_picture_shows_whole_ships_that_do_not_overlap(tmp_path):
    from benchmarks.pictures import port_picture

    truth = port_picture(tmp_path / "p.tif", 700, rows=1, seed=4)
    corners = truth.boxes.corners()

    assert len(truth.boxes) >= 4
    assert truth.has_neighbour.sum() >= 4
    assert ((corners > 0) & (corners < 700)).all()
