"""Which labelled documents come from one supplier: what is fitted on some of them is not measured on the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cira_pipeline.accuracy.comparison import similarity
from cira_pipeline.accuracy.labels import Label

_SAME: Final = 90.0


def suppliers_of(labels: Iterable[Label]) -> Mapping[str, str]:
    """Document's SHA-256 -> name of its supplier, one spelling for names that are nearly the same.

    A label that says `layout` is grouped by that: invoices of invented suppliers look alike by their layout. Where
    nothing is known, by `source_path`, the file's name or the document itself.
    """
    names: list[str] = []
    found: dict[str, str] = {}
    for label in labels:
        layout, name = label.about.get("layout"), label.fields.get("supplier_name")
        if layout is not None or name is None:
            file = label.file.name if label.file is not None else label.sha256
            found[label.sha256] = (
                f"layout {layout}" if layout is not None else str(label.about.get("source_path", file))
            )
            continue
        known = next((other for other in names if similarity(other, str(name)) >= _SAME), None)
        if known is None:
            names.append(known := str(name))
        found[label.sha256] = known
    return found
