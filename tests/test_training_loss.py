"""The loss that passes over unclear ships, on the real network."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: install the 'train' extra")
pytest.importorskip("ultralytics", reason="training needs ultralytics: install the 'train' extra")

from ultralytics.nn.tasks import OBBModel, yaml_model_load  # noqa: E402
from ultralytics.utils import DEFAULT_CFG  # noqa: E402

from berthwatch.training.labels import MODEL_CLASSES  # noqa: E402
from berthwatch.training.loss import IgnoringOBBModel, anchors_in_boxes  # noqa: E402
from berthwatch.training.train import widen_classes  # noqa: E402


def network(nc: int = 4) -> IgnoringOBBModel:
    torch.manual_seed(0)
    layers = {**yaml_model_load("yolo26n-obb.yaml"), "end2end": False}
    model = IgnoringOBBModel(layers, nc=nc, verbose=False)
    model.args = DEFAULT_CFG
    return model


def batch(*ships: tuple[int, float, float, float, float, float], size: int = 128) -> dict:
    boxes = torch.tensor([ship[1:] for ship in ships]).view(-1, 5)
    return {
        "img": torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1)),
        "batch_idx": torch.zeros(len(ships)),
        "cls": torch.tensor([float(ship[0]) for ship in ships]).view(-1, 1),
        "bboxes": boxes,
    }


def test_points_in_turned_boxes():
    points = torch.tensor([[10.0, 10.0], [17.0, 17.0], [17.0, 3.0]])
    boxes = torch.tensor([[10.0, 10.0, 24.0, 4.0, math.pi / 4]])

    assert anchors_in_boxes(points, boxes).tolist() == [[True, True, False]]


def test_an_ignored_ship_changes_only_the_class_loss_of_its_own_anchors():
    model = network()
    outputs = model(batch()["img"])
    ignored = len(MODEL_CLASSES)
    target = (0, 0.7, 0.7, 0.3, 0.1, 0.4)

    _, plain = model.loss(batch(target), outputs)
    _, with_ignored = model.loss(batch(target, (ignored, 0.2, 0.2, 0.3, 0.2, 0.0)), outputs)
    _, ignored_only = model.loss(batch((ignored, 0.5, 0.5, 1.5, 1.5, 0.0)), outputs)

    assert float(with_ignored["box_loss"]) == pytest.approx(float(plain["box_loss"]), rel=1e-5)
    assert float(with_ignored["angle_loss"]) == pytest.approx(float(plain["angle_loss"]), rel=1e-5)
    assert 0 < float(with_ignored["cls_loss"]) < float(plain["cls_loss"])
    assert float(ignored_only["cls_loss"]) == 0.0


def test_new_classes_leave_the_old_ones_as_they_were():
    old = OBBModel("yolo26n-obb.yaml", nc=3, verbose=False)
    old.names = {0: "tanker", 1: "cargo", 2: "other"}
    old.eval()
    picture = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        before = old(picture)[1]["one2one"]["scores"]

    widen_classes(old, MODEL_CLASSES)
    with torch.no_grad():
        after = old(picture)[1]["one2one"]["scores"]

    assert after.shape[1] == 4
    np.testing.assert_allclose(after[:, :3], before, atol=1e-5)
    np.testing.assert_allclose(after[:, 3], before.mean(1), atol=1e-4)
