"""Downloads from file:// URLs, only below folders that an operator has configured, also through symbolic links."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from cira_pipeline.errors import CiraError, FileNotAllowed, SourceForbidden, SourceNotFound, SourceUnavailable
from cira_pipeline.intake.deadline import Deadline
from cira_pipeline.intake.fetched import Fetched, SizeLimit, plain_file_name
from cira_pipeline.intake.url import display_url, path_of

CHUNK_BYTES = 1 << 20

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileDownload:
    """Reads regular files below `roots` (absolute or relative to the working folder), at most `max_bytes` long."""

    def __init__(self, roots: Iterable[Path], max_bytes: int) -> None:
        self._roots = tuple(roots)
        self._max_bytes = max_bytes

    def fetch(self, url: str, deadline: Deadline) -> Fetched:
        """Raises `FileNotAllowed`, `SourceNotFound`, `SourceForbidden`, `DocumentTooLarge`, `DownloadTimedOut`."""
        root, inside = self._place(url)
        with ExitStack() as opened:
            try:
                descriptor = open_below(root, inside, opened)
                content = self._read(descriptor, url, deadline)
            except OSError as error:
                raise _explained(error, url) from error
        return Fetched(content, url, file_name=plain_file_name(inside.name))

    def _place(self, url: str) -> tuple[Path, Path]:
        """The configured root of a file, and its path below it, with all links resolved.

        Gives the same error for files outside, whether they exist or not, so that the disk cannot be explored.
        """
        try:
            path = path_of(url).resolve()
            roots = [root.resolve() for root in self._roots]
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise _not_allowed(url) from error
        for root in roots:
            if path != root and path.is_relative_to(root):
                return root, path.relative_to(root)
        raise _not_allowed(url)

    def _read(self, descriptor: int, url: str, deadline: Deadline) -> bytes:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotAllowed(f"{display_url(url)} is not a regular file")
        limit = SizeLimit(self._max_bytes)
        limit.check_announced(status.st_size)
        chunks = []
        while chunk := os.read(descriptor, CHUNK_BYTES):
            limit.take(len(chunk))
            chunks.append(chunk)
            deadline.left_s()
        return b"".join(chunks)


def open_below(root: Path, inside: Path, opened: ExitStack) -> int:
    """Opens the path below `root` without following links, in case one was put there since the path was resolved."""

    def open_at(name: str | Path, flags: int, folder: int | None) -> int:
        descriptor = os.open(name, flags, dir_fd=folder)
        opened.callback(os.close, descriptor)
        return descriptor

    folder = open_at(root, _FOLDER, None)
    for name in inside.parts[:-1]:
        folder = open_at(name, _FOLDER, folder)
    return open_at(inside.name, _FILE, folder)


def _not_allowed(url: str) -> FileNotAllowed:
    return FileNotAllowed(f"{display_url(url)} is not below a folder that CIRA may read")


def _explained(error: OSError, url: str) -> CiraError:
    shown = display_url(url)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ENAMETOOLONG:
            return SourceNotFound(f"there is no file {shown}")
        case errno.EACCES | errno.EPERM:
            return SourceForbidden(f"CIRA has no permission to read {shown}")
        case errno.ELOOP | errno.ENXIO:
            return FileNotAllowed(f"{shown} is not a regular file")
        case _:
            return SourceUnavailable(f"{shown} cannot be read: {error.strerror}")
