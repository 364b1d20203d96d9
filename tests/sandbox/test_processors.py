"""A container's share of a machine's processors is what its reading processes are counted by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cira_pipeline.sandbox.processors import processor_share, processors

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = (
    "11 32 0:29 {mounted} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "12 32 0:30 {mounted} /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
)


@pytest.fixture(autouse=True)
def eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def v2(root: Path, quotas: dict[str, str], group: str = "/") -> None:
    write(root, {"proc/self/cgroup": f"0::{group}\n", "proc/self/mountinfo": V2_MOUNT})
    write(root, {f"sys/fs/cgroup{folder}/cpu.max": quota for folder, quota in quotas.items()})


def v1(root: Path, quota: str, *, group: str, mounted: str, folder: str) -> None:
    own = f"5:cpuset:{group}\n4:cpu,cpuacct:{group}\n1:name=systemd:{group}\n"
    write(root, {"proc/self/cgroup": own, "proc/self/mountinfo": V1_MOUNTS.format(mounted=mounted)})
    cpu = f"sys/fs/cgroup/cpu,cpuacct{folder}"
    write(root, {f"{cpu}/cpu.cfs_quota_us": f"{quota}\n", f"{cpu}/cpu.cfs_period_us": "100000\n"})


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("25000 50000", 1), ("3200000 100000", 8)],
)
def test_a_container_starts_no_more_processes_than_its_share_rounded_up(
    tmp_path: Path, quota: str, expected: int
) -> None:
    v2(tmp_path, {"/": f"{quota}\n"})
    assert processors(tmp_path) == expected


def test_a_limit_of_a_group_above_holds_as_well(tmp_path: Path) -> None:
    group = "/kubepods/pod1/container"
    v2(tmp_path, {group: "max 100000\n", "/kubepods/pod1": "300000 100000\n", "/kubepods": "600000 100000\n"}, group)
    assert processors(tmp_path) == 3


@pytest.mark.parametrize(
    ("group", "mounted", "folder"),
    [
        ("/docker/abc", "/docker/abc", ""),
        ("/docker/abc", "/", "/docker/abc"),
        ("/", "/", ""),
        ("/../elsewhere", "/docker/abc", ""),
    ],
    ids=["the host's path, the own group mounted", "all groups mounted", "a namespace of its own", "out of sight"],
)
def test_the_older_cgroups_are_understood_wherever_they_are_mounted(
    tmp_path: Path, group: str, mounted: str, folder: str
) -> None:
    v1(tmp_path, "250000", group=group, mounted=mounted, folder=folder)
    assert processors(tmp_path) == 3


def test_without_a_limit_every_processor_is_used(tmp_path: Path) -> None:
    assert processors(tmp_path) == 8
    v2(tmp_path, {"/": "max 100000\n"})
    assert processors(tmp_path) == 8
    v1(tmp_path, "-1", group="/", mounted="/", folder="")
    assert processors(tmp_path) == 8


def test_a_file_that_cannot_be_understood_limits_nothing(tmp_path: Path) -> None:
    v2(tmp_path, {"/": "\n"})
    assert processor_share(tmp_path) is None
    v2(tmp_path, {"/": "many of_them\n"})
    assert processor_share(tmp_path) is None


def test_this_machine_is_understood() -> None:
    assert 1 <= processors() <= 8
