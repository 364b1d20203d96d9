"""Which names in a watched place are documents, and not leftovers of the programs that put them there."""

from __future__ import annotations

_ENDINGS_UNDER_WAY = (
    "~", ".bak", ".crdownload", ".download", ".filepart", ".lock", ".opdownload", ".part", ".partial", ".swp", ".temp",
    ".tmp", ".uploading",
)  # fmt: skip
_BEGINNINGS_HIDDEN = (".", "~$")
_OF_THE_DESKTOP = {"thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx"}


def is_document_name(name: str) -> bool:
    """Whether a file or folder name is neither hidden, nor temporary, nor something a desktop keeps for itself."""
    lower = name.lower()
    return not (lower.startswith(_BEGINNINGS_HIDDEN) or lower.endswith(_ENDINGS_UNDER_WAY) or lower in _OF_THE_DESKTOP)
