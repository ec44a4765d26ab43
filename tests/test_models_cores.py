"""Cores granted by affinity and by control groups of both versions; 8-bit arithmetic."""

import os

import pytest

from berthwatch.models import cores as cores_module
from berthwatch.models.cores import cgroup_quota, granted_cores, int8_saturates


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/cpu.max": "400000 100000\n", "a/b/cpu.max": "max 100000\n"}, 4.0),
        ("0::/a/b\n", {"a/cpu.max": "400000 100000\n", "a/b/cpu.max": "100000 100000\n"}, 1.0),
        ("4:cpu,cpuacct:/d\n", {"cpu/d/cpu.cfs_quota_us": "250000\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, 2.5),
        ("4:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "-1\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, None),
        ("4:cpu:/host/only\n", {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ("7:memory:/d\n", {"d/cpu.max": "100000 100000\n"}, None),
        ("0::/\n", {"cpu.max": "nonsense\n"}, None),
    ],
)
def test_the_tightest_quota_counts(tmp_path, membership, files, cores):
    write(tmp_path / "cgroup", files)
    (tmp_path / "self").write_text(membership)
    assert cgroup_quota(tmp_path / "cgroup", tmp_path / "self") == cores


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert cgroup_quota(tmp_path / "cgroup", tmp_path / "self") is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no processor affinity")
def test_affinity_limits_the_cores():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert granted_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(("cpu_max", "granted"), [("150000", 2), ("50000", 1), ("800000", 4), ("max", 4)])
def test_of_four_cores_the_containers_quota_grants_its_share(tmp_path, monkeypatch, cpu_max, granted):
    write(tmp_path, {"cpu.max": f"{cpu_max} 100000\n"})
    monkeypatch.setattr(cores_module, "_CGROUP_ROOT", tmp_path)
    monkeypatch.setattr(cores_module, "_CPU_TOPOLOGY", tmp_path)  # of no core's siblings anything is known
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)

    assert granted_cores() == granted


@pytest.mark.parametrize(
    ("cpu_info", "saturates"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse4_2 avx2 avx512f avx512_vnni\n", False),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx_vnni\n", False),
        ("processor\t: 0\nflags\t\t: fpu sse4_2 avx2 avx512f\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd\n", False),  # ARM: its products are summed in 32 bits
    ],
)
def test_sums_of_8_bit_products_saturate_on_x86_without_vnni(tmp_path, cpu_info, saturates):
    (tmp_path / "cpuinfo").write_text(cpu_info)

    assert int8_saturates(tmp_path / "cpuinfo") == saturates


def test_where_the_processor_does_not_tell_nothing_is_said_of_8_bits(tmp_path):
    assert not int8_saturates(tmp_path / "nowhere")
