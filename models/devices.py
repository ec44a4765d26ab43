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
    if any(importlib.util.find_spec(name) is None for name in ("torch", "ultralytics", "safetensors")):
        return False
    import torch

    return torch.cuda.is_available()
