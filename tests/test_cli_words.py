"""What the command line says in passing: help that lists what may be given, days as periods, a stop by the user."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest
from cli_runner import run
from inference_scenes import BrightHulls

from berthwatch.arguments import read_question
from berthwatch.configs.cargo import load_cargo
from berthwatch.console import show_ships
from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import open_scene
from berthwatch.inference.detect_scenes import detect_scenes

Capture = pytest.CaptureFixture[str]


def help_of(capsys: Capture, *command: str) -> str:
    """Its words alone: not the boxes, colours and line ends that a terminal gets."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", run(capsys, *command, "--help").out).split())


def test_help_lists_the_shipped_products_and_caps(capsys: Capture) -> None:
    cargo, told = load_cargo(), help_of(capsys, "barrels")

    assert f"Oil product assumed: {', '.join(cargo.products)}, or a key of --cargo." in told
    assert f"By default {cargo.default_product}." in told
    assert f"Cap to set the barrels against: {', '.join(cargo.caps)}, or a key of --cargo" in told


def test_help_names_the_commands_that_there_are(capsys: Capture) -> None:
    assert "The detection models: list, info, export." in help_of(capsys)
    for command in ("list", "info", "export"):
        assert run(capsys, "models", command, "--help").code == 0


def test_a_day_begins_and_ends_a_period_in_utc() -> None:
    period = read_question(None, None, "2024-03-01", "2024-03-31", None, 0).period
    hours = read_question(None, None, "2024-03-01T09:00+09:00", "2024-03-31T00:00Z", None, 0).period

    assert period == (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))  # all of the 31st counts
    assert hours == (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 31, tzinfo=UTC))
    with pytest.raises(BerthwatchError, match="no time zone"):
        read_question(None, None, "2024-03-01T09:00", None, None, 0)


@pytest.mark.parametrize("command", ["detect a.tif", "watch vostochny a.tif", "report vostochny store"])
def test_a_stop_is_one_line(capsys: Capture, tmp_path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("berthwatch.arguments.scene_sources", stopped)
    monkeypatch.setattr("berthwatch.watch.report_store", stopped)

    reports = command.startswith("report")

    result = run(capsys, *command.split(), *([] if reports else ["--out", "store"]))

    goes_on = "" if reports else "; the same command goes on after the last finished scene"
    assert (result.code, result.out, result.err) == (130, "", f"stopped{goes_on}\n")


def test_ships_that_are_there_already_are_counted(capsys: Capture, write_raster, tmp_path) -> None:
    pixels = np.full((3, 300, 300), 30, np.uint8)
    pixels[:, 100:106, 100:140] = 250
    path = write_raster(pixels, crs="EPSG:32653")
    (found,) = detect_scenes([open_scene(path)], BrightHulls(), tmp_path / "store")
    assert found.ships == 1

    (skipped,) = detect_scenes([open_scene(path)], BrightHulls(), tmp_path / "store")
    show_ships([skipped], tmp_path / "store")

    assert capsys.readouterr().out == f"1 ship of 1 scene in {tmp_path / 'store'}; nothing new\n"
