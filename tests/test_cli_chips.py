"""`berthwatch chips` at the keyboard: a table, the licences, what was not read, and plain errors."""

from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="training needs OpenCV, which comes with the 'train' extra")

from cli_runner import run  # noqa: E402
from training_dataset_cases import write_text  # noqa: E402

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Six pictures of 300 m of sea, each of its own, with a tanker of 90 m; one label names a kind we do not have."""
    for i in range(6):
        sea = np.random.default_rng(i).normal(80, 12, (5, 5)).astype(np.float32)
        grey = cv2.resize(sea, (300, 300), interpolation=cv2.INTER_CUBIC).clip(1, 150).astype(np.uint8)
        grey[100:118, 80:170] = 240
        (tmp_path / "sea").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"sea/p{i}.png"), grey)
        write_text(tmp_path / f"sea/p{i}.txt", "gsd:1.0\n80 100 170 100 170 118 80 118 tanker 0\n")
    write_text(tmp_path / "sea/p5.txt", "gsd:1.0\n80 100 170 100 170 118 80 118 galleon 0\n")
    return write_text(
        tmp_path / "chips.yaml",
        "sources: [{dataset: berthwatch-dota, root: sea}]\ngsd_m: [1.0]\nchip_px: 160\noverlap_m: 80\nval_share: 0.3\n",
    )


def test_chips_tells_counts_licences_and_what_was_not_read(capsys: Capture, dataset: Path, tmp_path: Path) -> None:
    result = run(capsys, "chips", dataset, "--out", tmp_path / "out", "--workers", "1")

    assert result.code == 0, result.err
    assert "train" in result.out
    assert "val" in result.out
    assert "6 pictures, 5 ships, 0 other objects left out, 1 problems; as the pictures are" in result.err
    assert "p5.txt, line 2: class 'galleon'" in result.err
    assert "chips cut" in result.err
    assert (tmp_path / "out/manifest.json").is_file()


def test_strict_stops_at_the_first_problem_and_writes_no_set(capsys: Capture, dataset: Path, tmp_path: Path) -> None:
    result = run(capsys, "chips", dataset, "--out", tmp_path / "out", "--workers", "1", "--strict")

    assert result.code == 1
    assert "p5.txt, line 2: class 'galleon'" in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_config_that_is_not_there_is_named(capsys: Capture, tmp_path: Path) -> None:
    result = run(capsys, "chips", tmp_path / "gone.yaml", "--out", tmp_path / "out")

    assert result.code == 1
    assert "gone.yaml: cannot be read" in result.err
