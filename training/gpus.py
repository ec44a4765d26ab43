"""Whether a training can run on the GPUs that it names: asked before it is started, and of their memory meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import torch

from ..configs.training_run import TrainingRun
from ..errors import BerthwatchError
from ..models.devices import torch_cuda_fault


def check_gpus(run: TrainingRun) -> None:
    """Raise BerthwatchError unless torch can use the run's GPUs, and in bfloat16 where it asks for that."""
    if not run.gpus:
        return
    if fault := torch_cuda_fault():
        raise BerthwatchError(f"device: {run.device}: {fault}; or choose device: cpu")
    count = torch.cuda.device_count()
    if max(run.gpus) >= count:
        raise BerthwatchError(
            f"device: {run.device}: torch sees {count} GPU{'s' if count > 1 else ''}, counted from 0 (where "
            "CUDA_VISIBLE_DEVICES is set, among those); choose one of them"
        )
    if run.bf16 and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise BerthwatchError(
            f"bf16: {torch.cuda.get_device_name()} cannot compute in bfloat16 (GPUs from 2020 on can); set bf16: false"
        )
    if len(run.gpus) > 1 and find_spec("cloudpickle") is None:
        raise BerthwatchError(
            f"device: {run.device}: training on several GPUs needs cloudpickle, not installed here; install berthwatch "
            "with its extra train"
        )


@contextmanager
def memory_told(run: TrainingRun) -> Iterator[None]:
    """What runs inside raises BerthwatchError where a GPU's memory does not suffice."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise BerthwatchError(
            f"batch_size: {run.batch_size} chips of {run.chip_px} pixels take more memory than the GPU has free; give "
            "a smaller batch_size"
        ) from None
