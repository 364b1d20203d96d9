"""Free disk space check: new work is refused before the disk is full.

PostgreSQL, Valkey, Dagster's logs and the folder of documents often share one file system. New work is refused while
less than `CIRA_LEAST_FREE_MB` is free, so that work under way can still be stored
(docs/decisions/0022-watching-and-full-disks.md).
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from cira_pipeline.errors import DiskFull
from cira_pipeline.settings import Settings

CHECKED_AGAIN_S = 1.0
RETRY_AFTER_S = 60.0
"""Retry delay given to a client or a job that was refused for lack of disk space."""
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def free_bytes(path: Path) -> int:
    """Bytes that unprivileged processes can still write on the file system of `path`.

    A path that does not exist yet is looked up by its nearest folder that does. Raises: OSError.
    """
    folder = path.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    figures = os.statvfs(folder)
    return figures.f_bavail * figures.f_frsize


def is_out_of_space(error: BaseException) -> bool:
    """Whether a write failed because the disk or the user's quota is full."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def watched_folders(settings: Settings) -> tuple[Path, ...]:
    """Local folders that CIRA writes to: its home, and the object store when that is a folder."""
    folders = [settings.home.absolute()]
    store = urlsplit(settings.object_store_url)
    if store.scheme in ("", "file"):
        folders.append(Path(url2pathname(store.path)))
    return tuple(dict.fromkeys(folders))


class DiskSpace:
    """Refuses work while a folder has less than `least_free_bytes` free. Thread-safe; checks once a second at most."""

    def __init__(
        self,
        folders: Sequence[Path],
        least_free_bytes: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders = tuple(folders)
        self._least_free_bytes = least_free_bytes
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._looked_at = float("-inf")
        self._fullest: tuple[int, Path] | None = None

    def demand(self, size_bytes: int = 0) -> None:
        """Raises: DiskFull when `size_bytes` more would leave less than the minimum free space."""
        if not self._least_free_bytes:
            return
        fullest = self._look()
        if fullest is not None and fullest[0] - size_bytes < self._least_free_bytes:
            free, folder = fullest
            raise DiskFull(
                f"{free // 1_000_000} MB are free at {folder}; new work needs at least "
                f"{self._least_free_bytes // 1_000_000} MB",
                retry_after_s=RETRY_AFTER_S,
            )

    def _look(self) -> tuple[int, Path] | None:
        with self._guard:
            now = self._monotonic()
            if now - self._looked_at >= CHECKED_AGAIN_S:
                free = ((free_bytes(folder), folder) for folder in self._folders)
                self._fullest = min(free, default=None, key=lambda each: each[0])
                self._looked_at = now
            return self._fullest


@lru_cache(maxsize=8)
def _shared(folders: tuple[Path, ...], least_free_bytes: int) -> DiskSpace:
    return DiskSpace(folders, least_free_bytes)


def disk_space(settings: Settings) -> DiskSpace:
    """The installation's disk space check; shared within a process, so that it checks once a second at most."""
    return _shared(watched_folders(settings), settings.least_free_bytes)
