"""OpenVINO on the same file: the same ships, and chosen only where that is seen."""

import numpy as np
import pytest
from models_cases import painted_tile, real_tile, sea_tile

from berthwatch.errors import BerthwatchError
from berthwatch.models import openvino_backend, registry
from berthwatch.models.agreement import agreement
from berthwatch.models.onnx_backend import OnnxDetector
from berthwatch.models.openvino_backend import OpenVinoDetector
from berthwatch.models.registry import WEIGHTS, load_detector

LOW = 0.01
FILE = WEIGHTS / "berthwatch-n.onnx"
needs_openvino = pytest.mark.skipif(
    not openvino_backend.has_openvino(), reason="OpenVINO is not installed (extra: openvino)"
)


@pytest.fixture(scope="module")
def tiles():
    return np.stack([painted_tile(0), sea_tile(), painted_tile(1)])


def assert_identical(a, b):
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.xywha, other.xywha)
        np.testing.assert_array_equal(one.scores, other.scores)


@needs_openvino
def test_in_float32_its_output_is_that_of_onnx_runtime(tiles):
    ours = OpenVinoDetector(FILE, threads=1, precision="f32")
    reference = OnnxDetector(FILE, threads=1)

    assert ours.metadata == reference.metadata
    assert ", f32, CPU, 1 thread" in ours.description
    np.testing.assert_allclose(ours.raw_output(tiles), reference.raw_output(tiles), rtol=1e-3, atol=2e-3)


@needs_openvino
def test_threads_and_batches_change_no_bit(tiles):
    one = OpenVinoDetector(FILE, threads=1, score_threshold=LOW)
    three = OpenVinoDetector(FILE, threads=3, score_threshold=LOW)
    reference = one.detect(tiles)

    assert len(reference[0]) > 0
    assert_identical(reference, three.detect(tiles))
    assert_identical(reference, [boxes for tile in tiles for boxes in one.detect(tile[None])])
    assert_identical(one.detect(tiles), reference)
    assert "3 threads" in three.description


@needs_openvino
def test_no_tiles_give_no_boxes_and_an_empty_sea_no_ships():
    detector = OpenVinoDetector(FILE, threads=1)
    (boxes,) = detector.detect(sea_tile()[None])

    assert detector.detect(np.zeros((0, 640, 640, 3), np.uint8)) == []
    assert len(boxes) == 0
    assert detector.saturated_tiles == 0


@needs_openvino
def test_an_output_of_one_call_outlives_the_next(tiles):
    detector = OpenVinoDetector(FILE, threads=1)
    first = detector.raw_output(tiles[:1])
    kept = first.copy()
    detector.raw_output(tiles[1:])

    np.testing.assert_array_equal(first, kept)


@needs_openvino
def test_the_ships_of_a_real_scene_are_those_of_onnx_runtime(real_data):
    tile = real_tile(real_data)[None]
    ours, reference = OpenVinoDetector(FILE), OnnxDetector(FILE)

    found = agreement(reference.detect(tile), ours.detect(tile), threshold=reference.threshold)

    assert found.ships >= 2
    assert found.holds()


@needs_openvino
def test_files_that_it_cannot_read_say_so(tmp_path):
    picture = tmp_path / "picture.onnx"
    picture.write_bytes(b"GIF89a" * 20)

    with pytest.raises(BerthwatchError, match=r"picture\.onnx: OpenVINO cannot load it"):
        OpenVinoDetector(picture)
    with pytest.raises(BerthwatchError, match=r"absent\.onnx: no such model file"):
        OpenVinoDetector(tmp_path / "absent.onnx")


@needs_openvino
def test_a_file_without_our_card_says_so(tmp_path):
    onnx = pytest.importorskip("onnx")
    values = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "relu", [values], [result])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "relu.onnx")

    with pytest.raises(BerthwatchError, match=r"relu\.onnx: has no 'berthwatch' metadata"):
        OpenVinoDetector(tmp_path / "relu.onnx")


class TestChoice:
    """What `--backend` comes to; a stand-in for OpenVINO, so that this is tested where it is not installed too."""

    @pytest.fixture
    def stand_in(self, monkeypatch):
        """ONNX Runtime in OpenVINO's place; its boxes are moved by `shift_px`."""

        class StandIn(OnnxDetector):
            precision, shift_px = "bf16", 0.0

            def __init__(self, path, **options):
                super().__init__(path, **options)
                self.description = "OpenVINO"

            def detect(self, tiles):
                return [boxes.shifted(self.shift_px, 0.0) for boxes in super().detect(tiles)]

        monkeypatch.setattr(registry, "OpenVinoDetector", StandIn)
        monkeypatch.setattr(registry, "has_openvino", lambda: True)
        monkeypatch.setattr(registry, "nvidia_gpus", lambda: 0)
        return StandIn

    def load(self, picture, **options):
        asked = []

        def sample(metadata):
            asked.append(metadata.model_id)
            return picture[None]

        return load_detector(score_threshold=LOW, threads=1, sample_tiles=sample, **options), asked

    def test_auto_takes_it_where_it_sees_the_same_ships(self, stand_in):
        detector, asked = self.load(painted_tile())

        assert detector.description == "OpenVINO"
        assert len(asked) == 1

    def test_auto_does_not_where_ships_lie_elsewhere_and_says_why(self, stand_in, caplog):
        stand_in.shift_px = 1.5
        detector, _ = self.load(painted_tile())

        assert detector.description.startswith("ONNX Runtime")
        assert "OpenVINO is not used: on 1 tiles" in caplog.text
        assert "within 1.5 px" in caplog.text
        assert "--backend openvino" in caplog.text

    def test_auto_does_not_without_pixels_to_compare_on(self, stand_in):
        detector = load_detector(threads=1)

        assert detector.description.startswith("ONNX Runtime")

    def test_auto_does_not_where_it_would_gain_nothing(self, stand_in, caplog):
        stand_in.precision = "f32"
        detector, _ = self.load(painted_tile())

        assert detector.description.startswith("ONNX Runtime")
        assert caplog.text == ""

    def test_auto_does_not_load_it_where_there_is_too_little_to_search(self, stand_in, monkeypatch):
        monkeypatch.setattr(registry, "OpenVinoDetector", None)
        nothing = np.zeros((0, 640, 640, 3), np.uint8)

        detector = load_detector(threads=1, sample_tiles=lambda metadata: nothing)

        assert detector.description.startswith("ONNX Runtime")

    def test_asked_for_by_name_nothing_is_compared(self, stand_in):
        stand_in.shift_px = 1.5
        detector, asked = self.load(painted_tile(), backend="openvino")

        assert detector.description == "OpenVINO"
        assert asked == []

    def test_asked_for_onnx_runtime_it_is_onnx_runtime(self, stand_in):
        detector, asked = self.load(painted_tile(), backend="onnxruntime")

        assert detector.description.startswith("ONNX Runtime")
        assert asked == []

    def test_not_installed_auto_does_without_and_a_name_is_an_error(self, monkeypatch):
        monkeypatch.setattr(registry, "has_openvino", lambda: False)
        monkeypatch.setattr(openvino_backend, "has_openvino", lambda: False)
        detector, asked = self.load(painted_tile(), device="cpu")

        assert detector.description.startswith("ONNX Runtime")
        assert asked == []
        with pytest.raises(BerthwatchError, match=r"OpenVINO is not installed; install berthwatch\[openvino\]"):
            load_detector(backend="openvino")


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("berthwatch-n", {"backend": "tflite"}, "backend 'tflite': choose auto, onnxruntime, openvino, torch"),
        ("berthwatch-n", {"backend": "openvino", "device": "cuda"}, "backend openvino: runs on the CPU"),
        (FILE, {"backend": "torch"}, r"berthwatch-n\.onnx: backend torch reads \.safetensors and \.pt files"),
        (WEIGHTS / "berthwatch-n.safetensors", {"backend": "onnxruntime"}, r"backend onnxruntime reads \.onnx files"),
    ],
)
def test_backends_that_do_not_fit_say_what_does(model, options, message):
    with pytest.raises(BerthwatchError, match=message):
        load_detector(model, **options)
