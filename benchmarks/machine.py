"""What the figures were measured on."""

import os
import platform
from importlib import metadata
from pathlib import Path

import rasterio

from berthwatch.models.cores import granted_cores
from berthwatch.models.devices import nvidia_gpus

_PACKAGES = ("berthwatch", "numpy", "onnxruntime", "openvino", "rasterio", "sahi", "shapely", "torch", "ultralytics")


def describe_machine() -> dict[str, object]:
    """Processor, cores, memory, GPUs and versions, as JSON values."""
    return {
        "cpu": _cpu_name(),
        "cores": granted_cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "nvidia_gpus": nvidia_gpus(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "gdal": rasterio.__gdal_version__,
    }


def has_bf16_matrix_units() -> bool:
    """Whether the processor multiplies bfloat16 matrices in one instruction (AMX), not vectors alone."""
    return "amx_bf16" in _cpu_facts().get("flags", "").split()


def _cpu_name() -> str:
    """Model name and what decides the speed of convolutions: the widest vector and matrix instructions."""
    facts = _cpu_facts()
    flags = facts.get("flags", "").split()
    units = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{facts.get('model name', platform.processor() or 'unknown')} ({', '.join(units)})"


def _cpu_facts() -> dict[str, str]:
    """What Linux tells of the processor; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
