"""Finding elements by their local names, in whatever namespace a version of the syntax puts them."""

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


@lru_cache(maxsize=512)
def _in_any_namespace(path: str) -> str:
    return "/".join(f"{{*}}{name}" for name in path.split("/"))
