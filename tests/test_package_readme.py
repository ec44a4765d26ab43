"""What README tells people to type works as it stands there."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_runner import run

CHECKOUT = Path(__file__).parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHELL_LINES = [shlex.split(line, comments=True) for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
COMMANDS = [words for words in SHELL_LINES if words]


@pytest.fixture
def desk(write_raster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that README's commands name: pictures of water at Long Beach, lists, two settings."""
    rng = np.random.default_rng(2)
    place = {"crs": "EPSG:32611", "lonlat": (-118.225, 33.762)}
    for number, name in enumerate(["scene.tif", "scenes/20240307_180000.tif", "scenes/20240309_180000.tif"]):
        pixels = rng.normal(40, 2, (3, 300, 300)).clip(1, 255).astype(np.uint8)
        write_raster(pixels, name=name, tags={"TIFFTAG_DATETIME": f"2024:03:0{number + 6} 18:00:00"}, **place)
    for band in ("B04", "B03", "B02"):
        write_raster(np.full((1, 200, 200), 40, np.uint8), name=f"{band}.tif", **place)
    for number, name in enumerate(["labelled.tif", *(f"labelled/{i}.tif" for i in range(6))]):
        shown = {"crs": "EPSG:32611", "lonlat": (-118.3 + 0.05 * number, 33.6)}
        pixels = rng.normal(40 + 5 * number, 2, (3, 300, 300)).clip(1, 255).astype(np.uint8)
        pixels[:, 140:150, 100 + 4 * number : 140 + 4 * number] = 170
        left, right = 100 + 4 * number, 140 + 4 * number
        label = tmp_path / Path(name).with_suffix(".txt")
        write_raster(pixels, name=name, **shown)
        label.write_text(f"{left} 140 {right} 140 {right} 150 {left} 150 tanker 0\n")
    (tmp_path / "visits.csv").write_text("date,length_m\n2024-03-07,92\n2024-03-19,104\n")
    (tmp_path / "my-chips.yaml").write_text(
        "sources: [{dataset: planet, root: labelled}]\ngsd_m: [3.0]\nchip_px: 96\noverlap_m: 100\nval_share: 0.3\n"
    )
    (tmp_path / "my-run.yaml").write_text("chips: chips\nstart: berthwatch-n\nrun_dir: runs/mine\nchip_px: 96\n")
    shutil.copy(CHECKOUT / "configs" / "ports" / "long-beach.yaml", tmp_path / "my-port.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_run_in_the_order_given(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = [words[1:] for words in COMMANDS if words[0] == "berthwatch"]
    assert len(ours) >= 7

    for arguments in ours:
        expanded = [str(path) for word in arguments for path in sorted(desk.glob(word)) or [word]]
        result = run(capsys, *expanded)
        assert result.code == 0, f"berthwatch {shlex.join(arguments)}: {result.err}"

    assert (desk / "ships.gpkg").is_file()
    assert (desk / "watched" / "report.html").is_file()


def test_python_example_runs(desk: Path) -> None:
    (example,) = [text for kind, text in BLOCKS if kind == "python"]

    exec(compile(example, "README.md", "exec"), {})

    assert (desk / "watched" / "report.html").is_file()


def test_other_commands_exist() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    for words in COMMANDS:
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words
        else:
            assert words[0] in ("berthwatch", "pip", "python3"), words


def test_links_and_pictures_are_there() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]

    assert targets
    for target in targets:
        assert (CHECKOUT / target).is_file(), target


def test_the_picture_is_small() -> None:
    assert (CHECKOUT / "docs" / "report.png").stat().st_size < 300_000
