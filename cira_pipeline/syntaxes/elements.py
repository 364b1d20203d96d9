"""XML element lookup by local name, in any namespace, and text extraction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def address_line(
    address: etree._Element | None,
    *,
    streets: Sequence[str],
    postcode: str,
    city: str,
    region: str,
    country: str,
) -> str:
    """A postal address on one line: streets, then postcode and city, then region, then country code.

    Each argument names an element below `address`; `streets` are joined in order. Empty without any part.
    """
    if address is None:
        return ""

    def part(path: str) -> str:
        return " ".join((text_of(first(address, path)) or "").split())

    town = " ".join(filter(None, (part(postcode), part(city))))
    parts = [*(part(street) for street in streets), town, part(region), part(country)]
    return ", ".join(filter(None, parts))


@lru_cache(maxsize=512)
def _in_any_namespace(path: str) -> str:
    return "/".join(f"{{*}}{name}" for name in path.split("/"))
