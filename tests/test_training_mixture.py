"""The recipe of the shipped weights: nothing of evaluation gets in, and validation shares nothing with training."""

import itertools

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="training needs OpenCV, which comes with the 'train' extra")

from chip_set_cases import hull, write_labelled  # noqa: E402
from cli_runner import run  # noqa: E402
from training_dataset_cases import write_text  # noqa: E402

from berthwatch.training.chips import read_chip, read_chips  # noqa: E402
from berthwatch.training.mixture import mixture, read_sources, validation  # noqa: E402

# The tone of each port's sea tells where a chip is from.
PORTS = {"busan": 900, "genoa": 2400}


@pytest.fixture
def data(tmp_path, write_raster):
    """A folder like the project's own: 16 crops, one anchorage at 3 m, three ports at 10 m, one of them no picture."""
    folder = tmp_path / "data"
    for i in range(16):
        name = f"boat{i}"
        write_labelled(folder / "made", name, [(hull(200, 200, 150, 30, 0.2 * i), "tanker")], seed=i)
        crop = cv2.imread(str(folder / "made" / f"{name}.png"))
        (folder / "google-earth/images").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"google-earth/images/{name}.jpg"), crop)
        label = (folder / f"made/{name}.txt").read_text().split("\n", 1)[1]
        write_text(folder / f"google-earth/labels/{name}.txt", label)
    write_text(folder / "google-earth/notes.md", "no groups\n")
    rng = np.random.default_rng(0)
    sea = rng.integers(40, 60, (3, 420, 420), dtype=np.uint8)
    sea[:, 200:214, 150:250] = 220
    path = write_raster(sea, name="data/planet/scene_4_utm10n_3m_approx.tif", gsd_m=3.0)
    write_text(path.with_suffix(".txt"), "150 200 250 200 250 214 150 214 bulk-carrier 0\n")
    for port, tone in PORTS.items():
        pixels = rng.integers(tone - 60, tone + 60, (3, 300, 300), dtype=np.uint16)
        pixels[:, 100:104, 100:130] = 6000
        path = write_raster(pixels, name=f"data/sentinel2/S2_{port}_2023-01-01.tif", gsd_m=8.0)
        write_text(path.with_suffix(".txt"), "100 100 130 100 130 104 100 104 ship 0\n")
    write_text(folder / "sentinel2/S2_marseille_2023-08-22.tif", "evaluation only: to open it is a mistake")
    return folder


def test_evaluation_scenes_are_never_opened_and_the_validation_port_is_not_trained_on(data):
    sources = read_sources(data)

    assert [float(np.median(scene.bands)) for scene in sources.sentinel2] == [pytest.approx(900, abs=30)]
    assert [float(np.median(scene.bands)) for scene in sources.held_out_sentinel2] == [pytest.approx(2400, abs=30)]
    trained, held = ({picture.name for picture in part} for part in (sources.crops, sources.held_out_crops))
    assert held
    assert not trained & held
    assert len(trained | held) == 16
    assert all(hull.kind in ("tanker", "bulk-carrier") for hull in sources.hulls)


def test_chips_know_how_sharp_they_are(data):
    sources = read_sources(data)

    for stream in (mixture(sources, seed=3), validation(sources, seed=3)):
        sharpness: dict[str, list[float]] = {}
        for name, chip in itertools.islice(stream, 60):
            sharpness.setdefault(name.split("_3_")[0], []).append(chip.sensor_px)
        assert set(sharpness["crops"]) == {1.0}
        assert set(sharpness["synthetic"]) == {1.0}
        # 8 m shown at 3.2 to 6 m.
        assert all(8 / 6 - 0.01 <= px <= 8 / 3.2 + 0.01 for px in sharpness["sentinel2"])
        assert len(set(sharpness["sentinel2"])) > 1


def test_the_command_writes_both_splits_and_what_they_are_made_of(data, tmp_path, capsys):
    result = run(capsys, "mixture", data, "--out", tmp_path / "out", "--count", "6", "--validation", "8", "--seed", "2")

    assert result.code == 0, result.err
    assert len(list(read_chips(tmp_path / "out", "train"))) == 6
    assert len(list(read_chips(tmp_path / "out", "val"))) == 8
    manifest = (tmp_path / "out/manifest.json").read_text()
    assert "CC BY-SA 4.0" in manifest
    assert "Copernicus" in manifest
    name, chip = next(validation(read_sources(data), seed=2))
    again = read_chip(tmp_path / "out", "val", name)
    np.testing.assert_array_equal(again.rgb, chip.rgb)
    assert again.sensor_px == pytest.approx(chip.sensor_px, abs=1e-3)
