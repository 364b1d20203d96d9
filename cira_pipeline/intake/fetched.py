"""Downloaded content before recognition, and the size limit of downloads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from cira_pipeline.errors import DocumentTooLarge

MAX_FILE_NAME_LENGTH = 255


@dataclass(frozen=True)
class Fetched:
    """Downloaded bytes. Name and media type are claims of the source, shown to people but never relied on."""

    content: bytes = field(repr=False)
    final_url: str
    file_name: str | None = None
    declared_media_type: str | None = None


class SizeLimit:
    """Counts the bytes of one download against `max_bytes`; raises `DocumentTooLarge` at the first byte beyond."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._taken = 0

    def check_announced(self, size_bytes: int) -> None:
        """Refuses a file by the size its source announces, before it is read."""
        if size_bytes > self.max_bytes:
            raise self._too_large(f"has {size_bytes:,} bytes")

    def take(self, size_bytes: int) -> None:
        self._taken += size_bytes
        if self._taken > self.max_bytes:
            raise self._too_large("is larger")

    @property
    def left_bytes(self) -> int:
        return self.max_bytes - self._taken

    def _too_large(self, what: str) -> DocumentTooLarge:
        return DocumentTooLarge(f"the file {what}; at most {self.max_bytes:,} are accepted", max_bytes=self.max_bytes)


def name_from_url(url: str) -> str | None:
    """The last segment of a URL's path, as a file name."""
    return plain_file_name(unquote(PurePosixPath(urlsplit(url).path).name))


def plain_file_name(name: str | None) -> str | None:
    """A claimed file name without folders and control characters; `None` when nothing is left."""
    last = re.split(r"[/\\]", name or "")[-1]
    printable = "".join(character for character in last if character.isprintable()).strip()
    return printable[:MAX_FILE_NAME_LENGTH] if printable.strip(".") else None
