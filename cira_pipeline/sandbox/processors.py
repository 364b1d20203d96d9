"""Number of processors available to this process: its scheduling affinity, bounded by its container's quota.

Linux gives a container a share as a quota of processor time in each period (cgroup v2: `cpu.max`; v1:
`cpu.cfs_quota_us` and `cpu.cfs_period_us`). More busy processes than that are only throttled more often.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_ROOT = Path("/")


def processors(root: Path = _ROOT) -> int:
    """Usable processors, at least 1; a quota is rounded up. `root`: where `/proc` and the cgroups are looked for."""
    schedulable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = processor_share(root)
    return schedulable if share is None else max(1, min(schedulable, math.ceil(share)))


def processor_share(root: Path = _ROOT) -> float | None:
    """Processor share that the cgroups of this process allow, in processors; `None` without a limit."""
    return min((share for folder in _folders(root) if (share := _share(folder)) is not None), default=None)


def _folders(root: Path) -> Iterator[Path]:
    """Folders of this process's cgroups that may hold a quota: its own, and all above it, whose quotas apply too."""
    for hierarchy, path in _own_groups(root):
        for mounted, at in _mounts(root, hierarchy):
            # A container may see the group's path as the host does, or not at all: then the mount is its own group.
            below = path.relative_to(mounted) if path.is_relative_to(mounted) else PurePosixPath()
            top = root / at.relative_to("/")
            yield from (top / part for part in (below, *below.parents) if ".." not in part.parts)


def _own_groups(root: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """`cgroup2` or `cgroup`, and the group's path in it."""
    for line in _lines(root / "proc/self/cgroup"):
        number, controllers, path = line.split(":", 2)
        if number == "0":
            yield "cgroup2", PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            yield "cgroup", PurePosixPath(path)


def _mounts(root: Path, hierarchy: str) -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """Path within the hierarchy that is mounted, and its mount point (proc_pid_mountinfo(5))."""
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, filesystem = line.partition(" - ")
        kind, _, *options = filesystem.split()
        if kind == hierarchy and (kind == "cgroup2" or "cpu" in options[-1].split(",")):
            mounted, at = mount.split()[3:5]
            yield PurePosixPath(mounted), PurePosixPath(at)


def _share(folder: Path) -> float | None:
    for quota, period in (_quota_v2(folder), _quota_v1(folder)):
        with suppress(ValueError):
            # "max" and -1 are no limit.
            if int(quota) > 0 and int(period) > 0:
                return int(quota) / int(period)
    return None


def _quota_v2(folder: Path) -> tuple[str, str]:
    quota, _, period = next(_lines(folder / "cpu.max"), "").partition(" ")
    return quota, period


def _quota_v1(folder: Path) -> tuple[str, str]:
    return next(_lines(folder / "cpu.cfs_quota_us"), ""), next(_lines(folder / "cpu.cfs_period_us"), "")


def _lines(file: Path) -> Iterator[str]:
    with suppress(OSError):
        yield from file.read_text(encoding="utf-8", errors="replace").splitlines()
