"""A mistake in the file of declared fields ends in one error that says where it is and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from cira_pipeline.custom.declaration import MAX_FIELDS, CustomType, Place
from cira_pipeline.custom.declaration_file import MAX_BYTES, declarations, read_declarations
from cira_pipeline.errors import CustomFieldsInvalid
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.pipeline.engines import engines_from_settings
from cira_pipeline.settings import Settings

GOOD = """
[[field]]
name = "cost_centre"
type = "code"
pattern = "[0-9]{4}"
labels = { all = ["Cost centre"], de = ["Kostenstelle"] }

[[field]]
name = "batch"
place = "line"
labels = { all = ["Batch"] }
"""
FIELD = '[[field]]\nname = "cost_centre"\n'


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "fields.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_declares_fields_of_the_invoice_and_of_its_lines(tmp_path: Path) -> None:
    found = read_declarations(written(tmp_path, GOOD))
    assert {name: each.type for name, each in found.header.items()} == {"cost_centre": CustomType.CODE}
    assert {name: each.place for name, each in found.line.items()} == {"batch": Place.LINE}
    assert found.header["cost_centre"].shown == "Cost centre"


def test_without_a_file_nothing_is_declared() -> None:
    assert declarations(None).fields == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[[field]\nname = 1", "not valid TOML"),
        ("a = " + "[" * 5000, "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        ('[[felder]]\nname = "x"', "`felder` is unknown"),
        ('[field]\nname = "x"', "`field` must be written [[field]]"),
        ("field = [1]", "`field` must be written [[field]]"),
        ("[[field]]\n", "line 1, field 1, name: is missing"),
        ('\n\n[[field]]\nname = "Cost Centre"', "line 3, field 1 `Cost Centre`, name: must be snake_case"),
        ('[[field]]\nname = "gross_total"', "is a field of every invoice already"),
        ('[[field]]\nname = "unit_price"', "is a field of every invoice already"),
        (FIELD + 'kind = "text"', "`cost_centre`, kind: is unknown; a field has name, type"),
        (FIELD + 'type = "money"', "type: Input should be 'text'"),
        (FIELD + 'place = "footer"', "place: Input should be 'header' or 'line'"),
        (FIELD + 'labels = ["Cost centre"]', "labels: Input should be a valid dictionary"),
        (FIELD + 'labels = { all = "Cost centre" }', "labels.all: Input should be a valid tuple"),
        (FIELD + 'labels = { xx = ["Cost centre"] }', "unknown language xx; known: all, en, de"),
        (FIELD + 'labels = { all = ["4711"] }', "has no letter"),
        (FIELD + 'labels = { all = [""] }', "labels.all.0: String should have at least 1 character"),
        (FIELD + 'labels = { all = ["a b c d e f g h i"] }', "has more than 8 words"),
        (FIELD + f"labels = {{ all = {['Cost centre'] * 101} }}", "labels.all: Tuple should have at most 100 items"),
        (FIELD + 'labels = { all = ["Cost\u202ecentre"] }', "invisible characters"),
        (FIELD + 'type = "code"', "a field of type code needs `codes`, a `pattern`, or both"),
        (FIELD + 'codes = ["1"]', "`codes` is for fields of type code, not text"),
        (FIELD + 'pattern = "x"', "`pattern` is for fields of type code or identifier, not text"),
        (FIELD + 'type = "code"\npattern = "("', "pattern: not a regular expression of RE2: missing ): ("),
        (FIELD + 'type = "identifier"\npattern = "(a)\\\\1"', "not a regular expression of RE2"),
        (FIELD + 'title = "' + "x" * 61 + '"', "title: String should have at most 60 characters"),
        (FIELD + FIELD, "line 3, field 2 `cost_centre`: declared twice"),
        ("".join(f'[[field]]\nname = "f{i}"\n' for i in range(MAX_FIELDS + 1)), "[[field]]: Tuple should have at most"),
        (b"#" * (MAX_BYTES + 1), "is larger than 1,000,000 bytes"),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path: Path, content: str | bytes, expected: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(CustomFieldsInvalid) as raised:
        read_declarations(path)
    assert raised.value.message.startswith(str(path))
    assert expected in raised.value.message
    assert raised.value.code == "custom_fields_invalid"
    assert "docs/custom-fields.md" in raised.value.hint


def test_all_mistakes_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(CustomFieldsInvalid) as raised:
        read_declarations(written(tmp_path, '[[field]]\nname = "A"\n\n[[field]]\nname = "b"\ntype = "c"'))
    assert "line 1, field 1 `A`, name" in raised.value.message
    assert "line 4, field 2 `b`, type" in raised.value.message


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_stops_the_engines_at_their_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(CustomFieldsInvalid, match="cannot be read"):
        engines_from_settings(Settings(_env_file=None, custom_fields=tmp_path / name), AnswersInMemory())


def test_processes_that_are_started_inherit_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert Settings(_env_file=None, custom_fields=path).as_environment()["CIRA_CUSTOM_FIELDS"] == str(path)
