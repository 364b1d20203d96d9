"""The languages whose invoices are read: one TOML file each, with the words that invoices of the language use.

A file `xx.toml`, named by the language's CLDR code, adds a language: `extraction/offline/lexicon.py` reads its words,
and `printed/dates.py` and `extraction/offline/parties/names.py` take its month and country names from CLDR.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

_PRECEDENCE: Final = ("en", "de", "fr", "nl", "es", "it", "pt", "pl", "da", "sv", "cs", "fi", "nb")


def _order(language: str) -> tuple[int, str]:
    return (_PRECEDENCE.index(language) if language in _PRECEDENCE else len(_PRECEDENCE), language)


_FILES: Final = [file.name for file in files(__package__).iterdir() if file.name.endswith(".toml")]
LANGUAGES: Final = tuple(sorted((name.removesuffix(".toml") for name in _FILES), key=_order))
"""CLDR codes. Where two languages are equally likely, the document is in the earlier one."""


@cache
def words_of(language: str) -> dict[str, Any]:
    """The content of a language's file, by its sections. Raises: KeyError for a language that has none."""
    if language not in LANGUAGES:
        raise KeyError(language)
    return tomllib.loads((files(__package__) / f"{language}.toml").read_text(encoding="utf-8"))
