"""What the processor grants and can do: cores, and 8-bit arithmetic."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_CPU_TOPOLOGY = Path("/sys/devices/system/cpu")
_CPU_INFO = Path("/proc/cpuinfo")


def granted_cores() -> int:
    """Physical cores that affinity and the container's quota grant, at least 1.

    More threads than that make convolutions slower: two hyper-threads share one set of multipliers, and a quota stops
    all threads at once when it is used up.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = _physical(os.sched_getaffinity(0))
    else:  # macOS, Windows
        cores = os.cpu_count() or 1
    quota = cgroup_quota(_CGROUP_ROOT, Path("/proc/self/cgroup"))
    return max(1, cores if quota is None else min(cores, math.ceil(quota)))


def int8_saturates(cpu_info: Path = _CPU_INFO) -> bool:
    """Whether sums of 8-bit products are cut off at 16 bits: on x86 without VNNI instructions. False where unknown.

    ONNX Runtime uses VPMADDUBSW there, which saturates: see "Quantize ONNX models" in its documentation.
    """
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    return flags is not None and not {"avx512_vnni", "avx_vnni"} & set(flags)


def cgroup_quota(root: Path, membership: Path) -> float | None:
    """The tightest CPU quota, in cores, of this process's control group and those above it; None where unlimited.

    Args:
        root: where the control groups are mounted.
        membership: the process's cgroup file, lines of "id:controllers:path".
    """
    quotas = [quota for folder in _groups(root, membership) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _groups(root: Path, membership: Path) -> list[Path]:
    """This process's groups from the innermost up, for version 2 and for version 1's cpu controller."""
    folders = [root, root / "cpu"]
    lines = membership.read_text().splitlines() if membership.is_file() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "cpu" if controllers else root
        inner = top / path.lstrip("/")
        folders += [inner, *(parent for parent in inner.parents if parent.is_relative_to(top))]
    return folders


def _quota(folder: Path) -> float | None:
    """Cores that one group's files grant: "max 100000" or "150000 100000" (version 2), or two files (version 1)."""
    try:
        if (folder / "cpu.max").is_file():
            limit, period = (folder / "cpu.max").read_text().split()
            return None if limit == "max" else int(limit) / int(period)
        limit = (folder / "cpu.cfs_quota_us").read_text()
        return None if int(limit) <= 0 else int(limit) / int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):  # no such controller here: no limit from it
        return None


def _physical(logical: set[int]) -> int:
    """Number of distinct physical cores among logical ones; their own number where the system does not tell."""
    siblings = [_CPU_TOPOLOGY / f"cpu{index}" / "topology" / "thread_siblings_list" for index in logical]
    try:
        return len({path.read_text().strip() for path in siblings})
    except OSError:
        return len(logical)
