"""Answers with some parts changed, for tests that know what a model got wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cira_pipeline.extraction.azure_openai.vocabulary import STANDARD
from tests.azure_standin.mistakes import answer_of, parts_of

Span = Mapping[str, Any]


def answer(**parts: Any) -> dict[str, Any]:
    """An answer with these parts: spans of header fields (one or several, `None` for none), rows of tables."""
    return changed({"fields": [], "rows": []}, **parts)


def changed(given: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    """The answer `given` with these parts in the place of its own; a row is a span (or several) for each column."""
    now = parts_of(given)
    for name, value in parts.items():
        if name in STANDARD.tables:
            now[name] = [_row(name, row) for row in value or ()]
        else:
            now[name] = [{"field": name, **span} for span in _several(value)]
    return answer_of(now)


def _row(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    cells = [{"column": column, **span} for column, value in row.items() for span in _several(value)]
    return {"table": table, "cells": cells}


def _several(value: Span | Sequence[Span] | None) -> Sequence[Span]:
    if value is None:
        return ()
    return (value,) if isinstance(value, Mapping) else value
