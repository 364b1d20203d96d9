"""Thresholds, weights and scores of the offline engine: `thresholds.toml`, which says of each what it is and where it
comes from. A module declares the names and types of its own section and gets its values when it is imported.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = TypeVar("_T", bound="DataclassInstance")


def thresholds(kind: type[_T]) -> _T:
    """The section of the file that is named like the module of `kind`, a dataclass, by its path in this package.

    Raises: `ValueError` for a section or value that is missing, and for a value that `kind` does not know or that is
    of another type.
    """
    path = kind.__module__.removeprefix(f"{__package__}.")
    section: Any = sections()
    for part in path.split("."):
        section = section.get(part, {})
    return checked(kind, section, path)


def checked(kind: type[_T], section: Mapping[str, object], path: str) -> _T:
    """`section` as `kind`; raises as `thresholds` does."""
    declared = {field.name: field.type for field in fields(kind)}
    found = {name: type(value).__name__ for name, value in section.items()}
    wrong = sorted(name for name in declared.keys() | found.keys() if declared.get(name) != found.get(name))
    if wrong:
        raise ValueError(f"thresholds.toml, [{path}]: missing, unknown or of another type: {', '.join(wrong)}")
    return kind(**section)


@lru_cache(maxsize=1)
def sections() -> Mapping[str, Any]:
    """The file, read once a process."""
    return tomllib.loads((files(__package__) / "thresholds.toml").read_text(encoding="utf-8"))
