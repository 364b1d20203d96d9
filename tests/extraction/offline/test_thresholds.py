"""The offline engine's thresholds: one file, whose values are all used, known by their unit, and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest

from cira_pipeline.extraction import offline
from cira_pipeline.extraction.offline.thresholds import checked, sections

PACKAGE = Path(offline.__file__).parent
VALUE = re.compile(r"(?P<name>\w+) = \S+  # (?P<unit>[\w' ]+): \S")
# Nothing, half and all of something, and what keeps a height from being nothing.
NO_THRESHOLDS = {0.0, 0.5, 1.0, 1e-6}


@dataclass(frozen=True)
class Two:
    share: float
    rows: int


def test_every_value_of_the_file_is_used_by_the_module_it_is_for() -> None:
    used = {_section(path): names for path in PACKAGE.rglob("*.py") if (names := set(_used(path)))}
    assert used == {name: set(values) for name, values in _sections_of(sections())}


def test_every_value_of_the_file_has_its_unit_and_meaning_beside_it() -> None:
    lines = (files(offline) / "thresholds.toml").read_text(encoding="utf-8").splitlines()
    values = [line for line in lines if line and not line.startswith(("#", "["))]
    assert len(values) == sum(len(found) for _, found in _sections_of(sections()))
    assert not [line for line in values if not VALUE.match(line)]


def test_no_threshold_stands_in_the_code_where_nobody_says_what_it_is() -> None:
    elsewhere = {
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value not in NO_THRESHOLDS
    }
    assert elsewhere == set()


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ({"share": 0.5}, "rows"),
        ({"share": 0.5, "rows": 2, "row": 3}, "row"),
        ({"share": 0.5, "rows": 2.0}, "rows"),
        ({"share": "0.5", "rows": 2}, "share"),
        ({"share": 0.5, "rows": True}, "rows"),
    ],
)
def test_a_missing_unknown_or_mistyped_value_is_named_when_it_is_loaded(
    section: Mapping[str, object], name: str
) -> None:
    with pytest.raises(ValueError, match=rf"\[page\.canvas\].*: {name}$"):
        checked(Two, section, "page.canvas")


def _section(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def _used(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "_TUNED":
            yield node.attr


def _sections_of(table: Mapping[str, object], path: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
    values = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
    if values:
        yield path, values
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _sections_of(value, f"{path}.{name}".lstrip("."))
