"""INT8: written where the same ships are found, refused with the figures where not; the head stays in float."""

import json
import re

import numpy as np
import onnxruntime
import pytest

onnx = pytest.importorskip("onnx", reason="quantising needs onnx: install the 'train' extra")
pytest.importorskip("cv2", reason="chips need OpenCV, which comes with the 'train' extra")

from models_cases import painted_tile  # noqa: E402

from berthwatch.errors import BerthwatchError  # noqa: E402
from berthwatch.models.registry import WEIGHTS, load_detector  # noqa: E402
from berthwatch.training.chips import write_chips  # noqa: E402
from berthwatch.training.crops import Chip  # noqa: E402
from berthwatch.training.int8 import export_int8, take_tiles_unconverted, two_halves  # noqa: E402
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


def test_pixels_are_the_first_quantised_tensor_and_nothing_changes(tmp_path):
    """The chain that quantising leaves at a network's beginning, before a convolution of 3 to 2 channels."""
    rng = np.random.default_rng(3)
    constants = {
        "most": np.array(255, np.float32),
        "scale": np.array(0.0041, np.float32),  # as measured on pictures whose brightest pixel is not 255
        "zero": np.array(2, np.uint8),
        "weights": rng.normal(size=(2, 3, 3, 3)).astype(np.float32),
    }
    nodes = [
        onnx.helper.make_node("Transpose", ["tiles"], ["planes"], perm=[0, 3, 1, 2]),
        onnx.helper.make_node("Cast", ["planes"], ["floats"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Div", ["floats", "most"], ["picture"]),
        onnx.helper.make_node("QuantizeLinear", ["picture", "scale", "zero"], ["quantised"]),
        onnx.helper.make_node("DequantizeLinear", ["quantised", "scale", "zero"], ["pixels"]),
        onnx.helper.make_node("Conv", ["pixels", "weights"], ["out"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "beginning",
        [onnx.helper.make_tensor_value_info("tiles", onnx.TensorProto.UINT8, [1, 8, 8, 3])],
        [onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [1, 2, 6, 6])],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    tiles = rng.integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)

    take_tiles_unconverted(model.graph)

    assert [node.op_type for node in model.graph.node] == ["Transpose", "DequantizeLinear", "Conv"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"tiles": tiles})
    windows = np.lib.stride_tricks.sliding_window_view(tiles[0].transpose(2, 0, 1) / 255, (3, 3), axis=(1, 2))
    np.testing.assert_allclose(answer[0], np.einsum("cyxij,ocij->oyx", windows, constants["weights"]), atol=1e-5)


def test_a_network_that_begins_otherwise_is_refused():
    nodes = [onnx.helper.make_node("Relu", ["tiles"], ["out"])]
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("tiles", "out")]

    with pytest.raises(BerthwatchError, match="begins with Relu, which is not ours"):
        take_tiles_unconverted(onnx.helper.make_graph(nodes, "other", values[:1], values[1:]))


def test_int8_that_loses_too_much_is_refused_with_the_figures(tmp_path, chips):
    with pytest.raises(
        BerthwatchError, match=r"AP50 .* falls from [01]\.\d{3} to [01]\.\d{3}.*bad\.onnx was not written"
    ):
        export_int8(MODEL, chips, tmp_path / "bad.onnx", most_loss=-1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["chips"]


def blank_chips(root, names):
    nothing = ShipLabels(np.zeros((0, 4, 2)), (), np.zeros(0, bool))
    write_chips(root, "val", [(name, Chip(np.zeros((8, 8, 3), np.uint8), nothing)) for name in names])


def test_chips_of_one_place_do_not_both_set_the_ranges_and_judge(tmp_path):
    """Pictures a and c show one port; every picture gave a row of chips."""
    group_of = {"a": 4, "b": 7, "c": 4, "d": 9}
    names = [f"{picture}_1m_000_{column:03d}" for picture in group_of for column in range(3)]
    blank_chips(tmp_path, names)
    manifest = {
        "pictures": [{"name": picture, "group": group} for picture, group in group_of.items()],
        "chips": [{"split": "val", "name": name, "picture": name[0]} for name in names],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    ranges, judging = two_halves(tmp_path)

    assert sorted([*ranges, *judging]) == names
    places = [{group_of[name[0]] for name in half} for half in (ranges, judging)]
    assert places == [{4, 9}, {7}]


def test_chips_whose_pictures_no_one_tells_are_halved_in_the_order_they_were_drawn(tmp_path):
    sources = ("crops", "sentinel2", "synthetic_coarse", "crops", "sentinel2", "synthetic_coarse", "crops")
    names = [f"{source}_7_{number:06d}" for number, source in enumerate(sources, start=8)]
    blank_chips(tmp_path, names)

    assert two_halves(tmp_path) == (names[:4], names[4:])


def test_one_picture_is_cut_down_the_middle(tmp_path):
    names = [f"port_1m_{row:03d}_{column:03d}" for row in range(2) for column in range(4)]
    blank_chips(tmp_path, names)
    chips = [{"split": "val", "name": name, "picture": "port"} for name in names]
    (tmp_path / "manifest.json").write_text(json.dumps({"pictures": [{"name": "port", "group": 0}], "chips": chips}))

    west, east = two_halves(tmp_path)

    assert {name[-3:] for name in west} == {"000", "001"}
    assert {name[-3:] for name in east} == {"002", "003"}


def test_a_manifest_that_is_none_is_said(tmp_path):
    blank_chips(tmp_path, ["0", "1"])
    (tmp_path / "manifest.json").write_text("[]")

    with pytest.raises(BerthwatchError, match=r"manifest\.json: is no manifest"):
        two_halves(tmp_path)
