"""Labels: what a line means, and what a wrong line says."""

import numpy as np
import pytest

from berthwatch.errors import BerthwatchError
from berthwatch.training.labels import MODEL_CLASSES, concatenate, read_dota


def test_a_dota_file_gives_corners_kinds_and_difficulty(tmp_path):
    path = tmp_path / "scene.txt"
    path.write_text("imagesource:x\ngsd:0.5\n\n0 0 10 0 10 4 0 4 tanker 0\n5.5 5 9 5 9 30 5.5 30 ship 1\n")

    labels = read_dota(path)

    assert labels.kinds == ("tanker", "ship")
    assert labels.classes == ("tanker", "unknown")
    assert labels.difficult.tolist() == [False, True]
    np.testing.assert_allclose(labels.sides, [[10, 4], [25, 3.5]])


@pytest.mark.parametrize(
    ("line", "reason"),
    [("1 2 3 tanker 0", "expected 8 numbers"), ("0 0 1 0 1 1 0 1 submarine 0", "unknown kind 'submarine'")],
)
def test_a_wrong_line_is_named_with_file_number_and_reason(tmp_path, line, reason):
    path = tmp_path / "bad.txt"
    path.write_text("0 0 10 0 10 4 0 4 tanker 0\n" + line + "\n")

    with pytest.raises(BerthwatchError, match=rf"bad\.txt, line 2: .*{reason}"):
        read_dota(path)


def test_an_empty_file_is_a_picture_without_ships(tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text("")

    labels = read_dota(path)

    assert len(labels) == 0
    assert labels.sides.shape == (0, 2)
    assert len(concatenate([labels, labels])) == 0


def test_every_label_file_at_hand_is_read_whole(real_data):
    for folder in ("planet", "sentinel2", "oil-terminals", "google-earth/labels"):
        for path in sorted((real_data / folder).glob("*.txt")):
            lines = [line for line in path.read_text().splitlines() if line.strip()]
            labels = read_dota(path)
            assert len(labels) == len(lines), path
            assert set(labels.classes) <= set(MODEL_CLASSES)
