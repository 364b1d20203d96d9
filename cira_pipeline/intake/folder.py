"""Scans a watched folder for files that have fully arrived, as submissions."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import FileNotAllowed, SourceForbidden, SourceNotFound
from cira_pipeline.intake.url import normalise_url

# Names of documents in a watched place, as opposed to temporary files of the programs that write there.

_ENDINGS_UNDER_WAY = (
    "~", ".bak", ".crdownload", ".download", ".filepart", ".lock", ".opdownload", ".part", ".partial", ".swp", ".temp",
    ".tmp", ".uploading",
)  # fmt: skip
_BEGINNINGS_HIDDEN = (".", "~$")
_OF_THE_DESKTOP = {"thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx"}


def is_document_name(name: str) -> bool:
    """Whether a file or folder name is neither hidden, nor temporary, nor one of a desktop's own files."""
    lower = name.lower()
    return not (lower.startswith(_BEGINNINGS_HIDDEN) or lower.endswith(_ENDINGS_UNDER_WAY) or lower in _OF_THE_DESKTOP)


SETTLED_AFTER_S = 3.0


def scan_folder(
    folder: Path,
    *,
    client: str = "default",
    settled_after_s: float = SETTLED_AFTER_S,
    now: Callable[[], float] = time.time,
) -> list[Submission]:
    """Submissions of the documents in `folder` and its subfolders, oldest first.

    A file has arrived when neither its content nor its name has changed for `settled_after_s` seconds. Hidden and
    temporary names, links and special files are skipped. The idempotency key holds the time of the last change and the
    size: the same file is the same job, a changed file a new one. `now` is seconds since 1970.

    Raises `SourceNotFound`, `FileNotAllowed` or `SourceForbidden` for the folder itself.
    """
    moment = now()
    try:
        arrived = sorted(
            (status.st_mtime_ns, str(path), status.st_size)
            for path, status in _documents(folder.absolute())
            # A moved or copied file may have an old modification time, but its inode change time is new.
            if moment - max(status.st_mtime, status.st_ctime) >= settled_after_s
        )
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no folder {folder}") from error
    except NotADirectoryError as error:
        raise FileNotAllowed(f"{folder} is not a folder") from error
    except PermissionError as error:
        raise SourceForbidden(f"CIRA has no permission to list {folder}") from error
    return [
        Submission(
            url=normalise_url(Path(path).as_uri()),
            client=client,
            idempotency_key=f"{changed_ns}-{size_bytes}",
            source="folder",
        )
        for changed_ns, path, size_bytes in arrived
    ]


def _documents(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Regular files with document names, in all subfolders; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_document_name(entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                # Removed since the folder was listed.
                continue
            if stat.S_ISDIR(status.st_mode):
                with suppress(FileNotFoundError):
                    yield from _documents(Path(entry.path))
            elif stat.S_ISREG(status.st_mode):
                yield Path(entry.path), status
