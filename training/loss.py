"""The oriented-box loss, with regions that teach nothing.

A ship that is cut, tiny or unclear is neither a good example of a ship nor of water. Its label carries the class
index one past the last; the anchors on it are left out of the class loss, and it is never a target.
"""

from typing import Any, cast

import torch
from ultralytics.nn.tasks import OBBModel
from ultralytics.utils.loss import v8OBBLoss


def anchors_in_boxes(points: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Which points lie in which oriented boxes.

    points: (a, 2) pixel x, y. boxes: (k, 5) as cx, cy, w, h in pixels and the angle in radians.
    Returns bool (k, a).
    """
    offset = points[None] - boxes[:, None, :2]
    cos, sin = boxes[:, 4:5].cos(), boxes[:, 4:5].sin()
    along = offset[..., 0] * cos + offset[..., 1] * sin
    across = offset[..., 1] * cos - offset[..., 0] * sin
    return (along.abs() <= boxes[:, 2:3] / 2) & (across.abs() <= boxes[:, 3:4] / 2)


class IgnoringOBBLoss(v8OBBLoss):
    """Ultralytics' oriented-box loss without the class loss inside ignored boxes."""

    def loss(  # noqa: D102
        self, preds: dict[str, torch.Tensor], batch: dict[str, Any]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        labels = batch["cls"].view(-1)
        ignored = labels >= self.nc
        self.bce.weight = self._class_loss_weight(preds, batch, ignored)
        kept = {"batch_idx": batch["batch_idx"].view(-1), "cls": labels, "bboxes": batch["bboxes"].view(-1, 5)}
        return super().loss(preds, {**batch, **{name: value[~ignored] for name, value in kept.items()}})

    def _class_loss_weight(
        self, preds: dict[str, torch.Tensor], batch: dict[str, Any], ignored: torch.Tensor
    ) -> torch.Tensor:
        """1 where the class loss counts, 0 on ignored ships; (batch, anchors, 1)."""
        images, anchors = preds["scores"].shape[0], preds["scores"].shape[2]
        weight = torch.ones(images, anchors, 1, device=self.device)
        if not bool(ignored.any()):
            return weight
        strides: list[float] = cast(torch.Tensor, self.stride).tolist()
        height, width = (int(side * strides[0]) for side in preds["feats"][0].shape[2:])
        points = torch.cat(
            [
                torch.stack(
                    torch.meshgrid(
                        (torch.arange(feature.shape[3], device=self.device) + 0.5) * stride,
                        (torch.arange(feature.shape[2], device=self.device) + 0.5) * stride,
                        indexing="xy",
                    ),
                    dim=-1,
                ).view(-1, 2)
                for feature, stride in zip(preds["feats"], strides, strict=True)
            ]
        )
        boxes = batch["bboxes"].view(-1, 5).to(self.device) * points.new_tensor([width, height, width, height, 1.0])
        inside = anchors_in_boxes(points, boxes)
        image_of_box = batch["batch_idx"].view(-1).long().to(self.device)
        on_ignored = torch.zeros(images, anchors, device=self.device).index_add_(
            0, image_of_box[ignored], inside[ignored].float()
        )
        on_target = torch.zeros(images, anchors, device=self.device).index_add_(
            0, image_of_box[~ignored], inside[~ignored].float()
        )
        weight[(on_ignored > 0) & (on_target == 0)] = 0.0
        return weight


def _as_float32(outputs: Any) -> Any:
    if isinstance(outputs, torch.Tensor):
        return outputs.float()
    if isinstance(outputs, dict):
        return {name: _as_float32(value) for name, value in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return type(outputs)(_as_float32(value) for value in outputs)
    return outputs


class IgnoringOBBModel(OBBModel):
    """An Ultralytics OBB network that trains with `IgnoringOBBLoss` on its one-to-many head.

    YOLO26's second, one-to-one head spares the suppression of duplicates, which berthwatch does better itself; it
    learns last and costs a fifth of the time, so it is left out (`end2end: False` in the network's configuration).

    The network may run in half precision; boxes and angles are decoded in float32, because bfloat16 has 8 bits
    of mantissa: a 200-pixel coordinate would be rounded to whole pixels. Ultralytics' own `amp` runs bfloat16 on
    CUDA only; `forward_in_bf16` does it on a CPU that has the instructions, where it trains twice as fast.
    """

    forward_in_bf16 = False

    def init_criterion(self) -> Any:  # noqa: D102
        return IgnoringOBBLoss(self)

    def loss(self, batch: dict[str, Any], preds: Any = None) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:  # noqa: D102
        if getattr(self, "criterion", None) is None:
            self.criterion = self.init_criterion()
        device = batch["img"].device.type
        if preds is None:
            half = self.forward_in_bf16 or torch.is_autocast_enabled(device)
            with torch.autocast(device, torch.bfloat16, enabled=half):
                # Channels last: a tenth faster on CPUs and on tensor cores.
                preds = self.forward(batch["img"].contiguous(memory_format=torch.channels_last))
        with torch.autocast(device, enabled=False):
            return self.criterion(_as_float32(preds), batch)
