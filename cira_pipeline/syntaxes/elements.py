"""XML element lookup by local name, in any namespace, and text extraction."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from lxml import etree


def first(element: etree._Element | None, *paths: str) -> etree._Element | None:
    """The first element with text or children at the first of `paths` (`A/B/C`) that has one."""
    return next(each(element, *paths), None)


def each(element: etree._Element | None, *paths: str) -> Iterator[etree._Element]:
    """All elements with text or children at `paths`, path by path, in the order of the document."""
    if element is None:
        return
    for path in paths:
        for found in element.iterfind(_in_any_namespace(path)):
            if len(found) or (found.text and not found.text.isspace()):
                yield found


def text_of(element: etree._Element | None) -> str | None:
    """The element's own text, trimmed; `None` where it has none."""
    if element is None:
        return None
    return (element.text or "").strip() or None


def on_one_line(element: etree._Element | None) -> str:
    """The element's own text with single spaces; empty where it has none."""
    return " ".join((text_of(element) or "").split())


@lru_cache(maxsize=1024)
def _in_any_namespace(path: str) -> str:
    return "/".join(f"{{*}}{name}" for name in path.split("/"))
