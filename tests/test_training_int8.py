"""INT8: written where the same ships are found, refused with the figures where not; the head stays in float."""

import re

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="quantising needs onnx: install the 'train' extra")
pytest.importorskip("cv2", reason="chips need OpenCV, which comes with the 'train' extra")

from models_cases import painted_tile  # noqa: E402

from berthwatch.errors import BerthwatchError  # noqa: E402
from berthwatch.models.registry import WEIGHTS, load_detector  # noqa: E402
from berthwatch.training.chips import write_chips  # noqa: E402
from berthwatch.training.crops import Chip  # noqa: E402
from berthwatch.training.int8 import export_int8  # noqa: E402
from berthwatch.training.labels import ShipLabels  # noqa: E402

MODEL = WEIGHTS / "berthwatch-n.onnx"


@pytest.fixture
def chips(tmp_path):
    """Two tiles of painted hulls, their labels what the model finds in 32-bit floats."""
    tiles = np.stack([painted_tile(seed) for seed in (0, 1)])
    found = load_detector(MODEL, device="cpu", threads=1, score_threshold=0.2).detect(tiles)
    for number, (tile, boxes) in enumerate(zip(tiles, found, strict=True)):
        assert len(boxes) >= 2
        labels = ShipLabels(boxes.corners(), ("tanker",) * len(boxes), np.zeros(len(boxes), bool))
        write_chips(tmp_path / "chips", "val", [(f"{number}", Chip(tile, labels))])
    return tmp_path / "chips"


def test_int8_finds_the_same_ships_in_a_smaller_file_with_its_head_in_float(tmp_path, chips):
    done = export_int8(MODEL, chips, tmp_path / "n-int8.onnx", most_loss=0.5)

    assert done.ap50_before > 0.5
    assert done.ap50 > done.ap50_before - 0.5
    assert done.onnx.stat().st_size < 0.5 * MODEL.stat().st_size
    detector = load_detector(done.onnx, device="cpu", threads=1)
    before = load_detector(MODEL, device="cpu", threads=1).metadata
    assert detector.metadata == before.model_copy(update={"model_id": f"{before.model_id} int8"})
    graph = onnx.load(done.onnx).graph
    made_by = {output: node.op_type for node in graph.node for output in node.output}
    quantised = {
        node.name: made_by.get(node.input[1]) == "DequantizeLinear" for node in graph.node if node.op_type == "Conv"
    }
    in_head = {name: bool(re.search(r"/model\.23/", name)) for name in quantised}
    assert sum(in_head.values()) > 20
    assert all(quantised[name] != in_head[name] for name in quantised)


def test_int8_that_loses_too_much_is_refused_with_the_figures(tmp_path, chips):
    with pytest.raises(
        BerthwatchError, match=r"AP50 .* falls from [01]\.\d{3} to [01]\.\d{3}.*bad\.onnx was not written"
    ):
        export_int8(MODEL, chips, tmp_path / "bad.onnx", most_loss=-1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["chips"]
