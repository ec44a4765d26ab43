"""`berthwatch chips`: datasets in, a training set out that holds exactly what the config says."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio
from training_dataset_cases import write_text

cv2 = pytest.importorskip("cv2", reason="training needs OpenCV, which comes with the 'train' extra")

from chip_set_cases import all_lines, chip_names, config, fleet, hull, write_labelled  # noqa: E402

from berthwatch.configs.chips import ChipsConfig, load_chips_config  # noqa: E402
from berthwatch.errors import BerthwatchError  # noqa: E402
from berthwatch.training.chip_set import make_chip_set  # noqa: E402
from berthwatch.training.chips import IGNORED, read_chip  # noqa: E402
from berthwatch.training.labels import MODEL_CLASSES  # noqa: E402

TANKER = MODEL_CLASSES.index("tanker")
UNKNOWN = MODEL_CLASSES.index("unknown")


def test_a_set_has_what_ultralytics_reads_and_what_a_person_asks(tmp_path):
    made = make_chip_set(config(fleet(tmp_path / "in")), tmp_path / "out")

    out = made.out
    images = sorted((out / "images").rglob("*.png"))
    labels = sorted((out / "labels").rglob("*.txt"))
    assert [path.stem for path in images] == [path.stem for path in labels]
    assert {cv2.imread(str(path)).shape for path in images} == {(160, 160, 3)}
    assert "ignored" in (out / "dataset.yaml").read_text()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest == made.manifest
    assert len(manifest["chips"]) == len(images)
    assert manifest["datasets"][0]["licence"] == "as the pictures are"
    assert manifest["datasets"][0]["read"]["kinds"] == {"tanker": 8}
    assert all(len(entry["sha256"]) == 64 for entry in manifest["chips"] + manifest["pictures"])
    assert cv2.imread(str(out / "preview.png")).shape[1] == 8 * 160
    assert (out / "problems.csv").read_text() == "file,where,reason\n"


def test_every_ship_is_whole_in_a_chip_and_its_corners_lie_on_its_hull(tmp_path):
    make_chip_set(config(fleet(tmp_path / "in"), overlap_m=95), tmp_path / "out")

    whole = 0
    for name in sorted(chip_names(tmp_path / "out")):
        split, stem = name.split("/")
        chip = read_chip(tmp_path / "out", split, stem)
        for corners, difficult, (long, short) in zip(
            chip.labels.corners, chip.labels.difficult, chip.labels.sides, strict=True
        ):
            if difficult or abs(long - 90) > 0.5 or abs(short - 18) > 0.5:
                continue
            whole += 1
            painted = np.zeros(chip.rgb.shape[:2], np.uint8)
            cv2.fillConvexPoly(painted, np.round(corners - 0.5).astype(np.int32), 1)
            core = cv2.erode(painted, np.ones((5, 5), np.uint8)) > 0
            assert chip.rgb[core].min() > 200
            assert chip.rgb[cv2.dilate(painted, np.ones((5, 5), np.uint8)) == 0].max() < 200
    assert whole >= 8


def test_ships_at_a_coarser_gsd_are_shorter_and_their_kind_is_known_only_where_it_shows(tmp_path):
    write_labelled(
        tmp_path / "in",
        "p0",
        [(hull(100, 100, 90, 18, 0.3), "tanker"), (hull(300, 300, 40, 10, 1.0), "tanker")],
        seed=0,
    )
    made = make_chip_set(config(tmp_path / "in", gsd_m=[1.0, 2.5], val_share=0), tmp_path / "out")

    sizes = {
        round(ship[1]): ship[0]
        for part in (tmp_path / "out/.parts").glob("*_2.5m.json")
        for chip in json.loads(part.read_text())["chips"]
        for ship in chip["ships"]
    }
    assert sizes == {36: "tanker", 16: "ship"}
    assert made.manifest["statistics"]["train"]["by_gsd_m"].keys() == {"1", "2.5"}
    assert made.manifest["statistics"]["train"]["length_m"]["60"] >= 2


def test_cut_ships_are_refitted_or_ignored_by_what_shows_of_them(tmp_path):
    # Chips of 160 begin at 0, 80, 160, 240; the hull spans x 20 to 170.
    write_labelled(tmp_path / "in", "p0", [(hull(95, 60, 150, 20, 0.0), "tanker")], seed=0)

    make_chip_set(config(tmp_path / "in", val_share=0, negatives_share=0), tmp_path / "out")

    part = json.loads(next((tmp_path / "out/.parts").glob("*.json")).read_text())
    first_row = {chip["x"]: chip["ships"] for chip in part["chips"] if chip["y"] == 0}
    assert first_row[0] == [["tanker", 140.0, False]]
    assert first_row[80] == [["tanker", 90.0, False]]
    assert first_row[160] == [["tanker", 20.0, True]]


def test_negatives_make_up_their_share(tmp_path):
    none, some = [
        make_chip_set(config(fleet(tmp_path / "in"), negatives_share=share), tmp_path / f"out{share}")
        for share in (0.0, 0.3)
    ]

    def counts(made) -> tuple[int, int]:
        splits = made.manifest["statistics"].values()
        return sum(s["chips"] for s in splits), sum(s["negatives"] for s in splits)

    assert counts(none)[1] == 0
    chips, negatives = counts(some)
    assert chips - negatives == counts(none)[0]
    assert negatives / chips == pytest.approx(0.3, abs=0.03)


def test_like_pictures_and_listed_groups_are_on_one_side(tmp_path):
    folder = fleet(tmp_path / "in", 10)
    for i in range(3):
        cv2.imwrite(str(folder / f"copy{i}.jpg"), cv2.imread(str(folder / "p0.png")))
        write_text(folder / f"copy{i}.txt", (folder / "p0.txt").read_text())
    groups = write_text(tmp_path / "groups.csv", "picture,group\np1,ship\np2,ship\np3,ship\n")

    for seed in range(4):
        made = make_chip_set(config(folder, groups=groups, seed=seed, val_share=0.4), tmp_path / f"out{seed}")

        split_of = {entry["name"].split("/")[1]: entry["split"] for entry in made.manifest["pictures"]}
        assert len({split_of[name] for name in ("p0", "copy0", "copy1", "copy2")}) == 1
        assert len({split_of[name] for name in ("p1", "p2", "p3")}) == 1
        assert set(split_of.values()) == {"train", "val"}


def test_the_same_config_gives_the_same_chips_with_any_number_of_processes(tmp_path):
    folder = fleet(tmp_path / "in")

    one = make_chip_set(config(folder), tmp_path / "one", workers=1)
    two = make_chip_set(config(folder), tmp_path / "two", workers=2)

    assert one.manifest == two.manifest
    assert chip_names(one.out) == chip_names(two.out)


def test_a_second_run_writes_nothing_again_and_mends_what_is_missing(tmp_path):
    folder, out = fleet(tmp_path / "in"), tmp_path / "out"
    first = make_chip_set(config(folder), out)
    written = {path: path.stat().st_mtime_ns for path in (out / "images").rglob("*.png")}
    lost = sorted(written)[0]
    lost.unlink()

    again = make_chip_set(config(folder), out)

    rewritten = {path for path, time_ns in written.items() if path.stat().st_mtime_ns != time_ns}
    assert again.manifest == first.manifest
    assert lost in rewritten
    assert {path.stem.split("-")[2].split("_")[0] for path in rewritten} == {lost.stem.split("-")[2].split("_")[0]}


def test_changed_labels_and_settings_leave_no_chip_of_before(tmp_path):
    folder, out = fleet(tmp_path / "in"), tmp_path / "out"
    make_chip_set(config(folder), out)
    write_text(folder / "p0.txt", "gsd:1.0\n")

    changed = make_chip_set(config(folder, negatives_share=0.0), out)
    fresh = make_chip_set(config(folder, negatives_share=0.0), tmp_path / "fresh")

    assert chip_names(out) == chip_names(tmp_path / "fresh")
    assert changed.manifest == fresh.manifest
    assert not any("p0" in name for name in chip_names(out))


def test_a_killed_run_goes_on_to_the_same_set(tmp_path):
    folder, out = fleet(tmp_path / "in", 12), tmp_path / "out"
    program = (
        "import sys; from pathlib import Path; from berthwatch.configs.chips import ChipsConfig;"
        "from berthwatch.training.chip_set import make_chip_set;"
        "make_chip_set(ChipsConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]))"
    )
    arguments = [sys.executable, "-W", "ignore", "-c", program, config(folder).model_dump_json(), str(out)]
    process = subprocess.Popen(arguments, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while len(list(out.glob("images/*/*.png"))) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (out / "images/train/half-written.part.png").touch()
    assert not (out / "manifest.json").exists()
    with pytest.raises(BerthwatchError, match="no chip that this command wrote"):
        make_chip_set(config(folder), out)
    (out / "images/train/half-written.part.png").unlink()

    resumed = make_chip_set(config(folder), out)

    fresh = make_chip_set(config(folder), tmp_path / "fresh")
    assert resumed.manifest == fresh.manifest
    assert chip_names(out) == chip_names(tmp_path / "fresh")


def test_other_peoples_pictures_are_never_overwritten_or_removed(tmp_path):
    out = tmp_path / "out"
    (out / "images/train").mkdir(parents=True)
    (out / "images/train/holiday.png").touch()

    with pytest.raises(BerthwatchError, match=r"holiday\.png is no chip"):
        make_chip_set(config(fleet(tmp_path / "in")), out)
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["holiday.png"]


def test_boxes_known_upright_are_targets_only_where_they_are_long_and_narrow(tmp_path):
    folder = tmp_path / "in"
    write_labelled(folder / "images", "p0", [], seed=0)
    write_text(folder / "labels/p0.txt", "0 0.2 0.2 0.2 0.04\n0 0.6 0.6 0.2 0.15\n")
    dataset = write_text(
        tmp_path / "boxes.yaml", "name: boxes\nformat: yolo\nlicence: CC0\nsource: me\nclasses: {0: tanker}\n"
    )
    source = {"dataset": str(dataset), "root": folder, "gsd_m": 1.0}
    chosen = {"sources": [source], "val_share": 0, "negatives_share": 0}

    make_chip_set(config(folder, **chosen), tmp_path / "some")
    make_chip_set(config(folder, **chosen, upright_boxes="all"), tmp_path / "all")

    assert {int(line[0]) for line in all_lines(tmp_path / "some")} == {TANKER, IGNORED}
    assert {int(line[0]) for line in all_lines(tmp_path / "all")} == {TANKER, IGNORED}
    count = [sum(int(line[0]) == TANKER for line in all_lines(tmp_path / name)) for name in ("some", "all")]
    assert 0 < count[0] < count[1]


def test_scenes_of_16_bits_are_stretched_and_what_is_no_picture_stays_black(tmp_path, write_raster):
    rng = np.random.default_rng(0)
    pixels = rng.integers(300, 400, (3, 240, 320), dtype=np.uint16)
    pixels[:, 100:110, 100:160] = 3000
    pixels[:, :, 300:] = 0
    path = write_raster(pixels, name="in/s2.tif", gsd_m=10.0, nodata=0)
    corners = np.array([[100, 100], [160, 100], [160, 110], [100, 110.0]])
    write_text(path.with_suffix(".txt"), " ".join(map(str, corners.reshape(-1))) + " tanker 0\n")

    made = make_chip_set(config(path.parent, gsd_m=[5.0, 10.0], most_upsampling=2.1, val_share=0), tmp_path / "out")

    stats = made.manifest["statistics"]["train"]
    assert stats["by_gsd_m"].keys() == {"5", "10"}
    for name in chip_names(tmp_path / "out"):
        chip = read_chip(tmp_path / "out", *name.split("/"))
        for ship, difficult in zip(chip.labels.corners, chip.labels.difficult, strict=True):
            if not difficult:
                x, y = ship.mean(axis=0).astype(int)
                assert chip.rgb[y, x].min() > 200
    assert made.manifest["pictures"][0]["gsd_m"] == pytest.approx(10, rel=0.01)


def test_what_cannot_be_used_is_listed_and_stops_a_strict_run(tmp_path):
    folder = fleet(tmp_path / "in")
    write_text(folder / "p0.txt", "100 100 190 100 190 118 100 118 tanker 0\n")
    write_text(folder / "p1.txt", "gsd:1.0\n100 100 190 100 190 118 100 118 submarine 0\n")
    whole = (folder / "p2.png").read_bytes()
    (folder / "p2.png").write_bytes(whole[: len(whole) // 2])

    made = make_chip_set(config(folder), tmp_path / "out")

    reasons = (tmp_path / "out/problems.csv").read_text()
    assert "p0.png,,nothing tells its GSD" in reasons
    assert "p1.txt,line 2,class 'submarine'" in reasons
    assert "p2.png" in reasons
    assert len(made.problems) == made.manifest["problems"] == 3
    assert not any("p2" in name for name in chip_names(tmp_path / "out"))
    with pytest.raises(BerthwatchError, match="p0"):
        make_chip_set(config(folder), tmp_path / "strict", strict=True)


def test_pictures_that_fit_no_gsd_say_so(tmp_path):
    with pytest.raises(BerthwatchError, match=r"none can be shown at 0\.3 m"):
        make_chip_set(config(fleet(tmp_path / "in"), gsd_m=[0.3]), tmp_path / "out")


def test_a_config_file_names_its_folders_from_where_it_lies(tmp_path):
    fleet(tmp_path / "data/in")
    path = write_text(
        tmp_path / "data/chips.yaml",
        "sources:\n  - {dataset: berthwatch-dota, root: in}\ngsd_m: [1.0]\nchip_px: 160\noverlap_m: 80\n",
    )

    made = make_chip_set(load_chips_config(path), tmp_path / "out")

    assert made.manifest["datasets"][0]["read"]["images"] == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: [{dataset: dota, root: nowhere}]\ngsd_m: [1]\n", r"sources\[0\].root: no folder"),
        ("sources: []\ngsd_m: [1]\n", "sources: "),
        ("sources: [{dataset: dota, root: .}]\ngsd_m: [0]\n", r"gsd_m\[0\]"),
        ("sources: [{dataset: dota, root: .}]\ngsd_m: [1, 1]\n", "one value twice"),
        ("sources: [{dataset: dota, root: .}]\ngsd_m: [1]\nchip_px: 333\n", "chip_px"),
        ("sources: [{dataset: dota, root: .}]\ngsd_m: [1]\noverlap: 3\n", "did you mean 'overlap_m'"),
    ],
)
def test_a_wrong_config_names_field_and_value(tmp_path, text, message):
    path = write_text(tmp_path / "chips.yaml", text)

    with pytest.raises(BerthwatchError, match=message):
        load_chips_config(path)


def test_the_planet_scene_at_hand_gives_chips_of_its_tankers(real_data, tmp_path):
    source = {"dataset": "planet", "root": real_data / "planet"}
    planet = ChipsConfig.model_validate({"sources": [source], "gsd_m": [3.0], "chip_px": 320, "val_share": 0.4})

    made = make_chip_set(planet, tmp_path / "out")

    stats = made.manifest["statistics"]
    assert {p["name"] for p in made.manifest["pictures"]} == {
        "planet/scene_3_utm11n_3m", "planet/scene_4_utm10n_3m_approx",
    }  # fmt: skip
    assert stats["train"]["chips"] > 0
    assert stats["val"]["chips"] > 0
    assert stats["train"]["classes"]["tanker"] >= 5
    assert stats["val"]["classes"]["tanker"] >= 5
    assert made.manifest["datasets"][0]["licence"].startswith("CC BY-SA")


def test_pixels_are_those_the_detector_sees(tmp_path, write_raster):
    from berthwatch.imagery.grid import TileGrid
    from berthwatch.imagery.radiometry import estimate_stretch
    from berthwatch.imagery.scene import open_scene
    from berthwatch.imagery.tiles import read_tiles

    rng = np.random.default_rng(1)
    path = write_raster(rng.integers(100, 4000, (3, 300, 260), dtype=np.uint16), name="in/a.tif", gsd_m=2.0)
    write_text(path.with_suffix(".txt"), "50 50 150 50 150 70 50 70 tanker 0\n")
    make_chip_set(config(path.parent, gsd_m=[3.0], val_share=0, negatives_share=0.9), tmp_path / "out")
    scene = open_scene(path)
    grid = TileGrid.plan(scene, gsd_m=3.0, tile_px=160, overlap_m=80)

    tiles = {
        (window.row, window.col): tile
        for windows, pixels in read_tiles(grid, estimate_stretch(scene), batch_size=4)
        for window, tile in zip(windows, pixels, strict=True)
    }

    for name in chip_names(tmp_path / "out"):
        row, col = (int(part) for part in name.rsplit("_", 2)[1:])
        with rasterio.open(tmp_path / "out/images" / f"{name}.png") as file:
            np.testing.assert_array_equal(np.moveaxis(file.read(), 0, -1), tiles[row, col])
    assert len(chip_names(tmp_path / "out")) == len(tiles)
