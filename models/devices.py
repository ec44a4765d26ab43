"""Which device a run uses: asked for, or chosen, but never quietly another."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from typing import Literal

Device = Literal["auto", "cuda", "cpu"]


def nvidia_gpus() -> int:
    """Number of NVIDIA GPUs that the driver offers this process, without importing torch (seconds) to learn it."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def torch_has_cuda() -> bool:
    """Whether torch, ultralytics and safetensors are installed and torch can use a GPU."""
    return not torch_cuda_fault()


def torch_cuda_fault() -> str:
    """Why torch cannot use a GPU here, and what to do about it; "" where it can. Imports torch where it is installed.

    A torch that was built without kernels for the GPU at hand sees it, and fails at the first kernel: one is run.
    """
    if missing := [name for name in ("torch", "ultralytics", "safetensors") if importlib.util.find_spec(name) is None]:
        return f"{', '.join(missing)} not installed; install berthwatch[cuda]"
    import torch

    named = f"torch {torch.__version__}"
    if torch.version.cuda is None:
        return f"{named} is built without CUDA; install its CUDA build, see pytorch.org"
    named += f", built for CUDA {torch.version.cuda},"
    if not torch.cuda.is_available():
        return f"{named} finds no usable NVIDIA GPU; see by nvidia-smi whether the driver is too old for it"
    try:
        torch.ones(1, device="cuda").sum().item()
    except RuntimeError as error:
        return f"{named} cannot use the GPU ({str(error).splitlines()[0]}); install a torch built for it"
    return ""
