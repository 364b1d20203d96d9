"""A postal address on one line: streets, then postcode and city, then region, then country code."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from cira_pipeline.extraction.einvoice.harvest import text_of
from cira_pipeline.extraction.einvoice.tree import first


def one_line(
    address: etree._Element | None,
    *,
    streets: Sequence[str],
    postcode: str,
    city: str,
    region: str,
    country: str,
) -> str:
    """Each argument names the element below `address`; a list in `streets` is read in order. Empty without parts."""
    if address is None:
        return ""

    def part(path: str) -> str:
        return " ".join((text_of(first(address, path)) or "").split())

    town = " ".join(filter(None, (part(postcode), part(city))))
    parts = [*(part(street) for street in streets), town, part(region), part(country)]
    return ", ".join(filter(None, parts))
