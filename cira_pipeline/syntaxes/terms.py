"""Numbers of EN 16931's business terms by element, for the terms that are kept by number: a table for each syntax.

Source: CEN/TS 16931-3-2 (UBL) and CEN/TS 16931-3-3 (CII), syntax bindings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType


def named_terms(table: str, *, parts: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Mapping[str, str]:
    """Number by path, from lines `number path`. A line may have a name in braces, which stands for each of its `parts`.

    An attribute is written `path/@name`.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        number, path = line.split()
        paths = [path]
        for name, each in parts.items():
            marker = f"{{{name}}}"
            paths = [one.replace(marker, part) for one in paths for part in (each if marker in one else (marker,))]
        found |= dict.fromkeys(paths, number)
    return MappingProxyType(found)
