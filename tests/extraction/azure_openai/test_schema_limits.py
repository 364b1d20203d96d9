"""The schema that is sent is one that strict structured output accepts, by the smallest limits ever published.

A schema beyond a limit is refused with HTTP 400, so that no invoice could be read by the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cira_pipeline.custom.declaration import MAX_FIELDS, CustomField, Declarations, Place
from cira_pipeline.extraction.azure_openai.answer import SCHEMA_NAME, answer_schema
from cira_pipeline.extraction.azure_openai.question import system_prompt
from cira_pipeline.extraction.azure_openai.vocabulary import STANDARD, Vocabulary

# https://learn.microsoft.com/azure/foundry/openai/how-to/structured-outputs, "Nesting depth": Azure's own figures.
MOST_PROPERTIES = 100
MOST_LEVELS = 5
# https://developers.openai.com/api/docs/guides/structured-outputs, "Supported schemas". OpenAI has raised them since to
# 1,000 enum values and 120,000 characters; deployments of older models may still have the figures of 2024.
MOST_ENUM_VALUES = 500
MOST_CHARACTERS = 15_000
LARGE_ENUM = 250
MOST_CHARACTERS_OF_A_LARGE_ENUM = 7_500
KEYWORDS = {"type", "properties", "required", "additionalProperties", "items", "enum"}
"""Those of the supported subset that the schema needs; every other one is not supported by some model family."""

OWN = Vocabulary(
    Declarations(
        fields=(
            *(CustomField(name=f"own_field_{number}", description="a note") for number in range(MAX_FIELDS // 2)),
            *(CustomField(name=f"own_column_{number}", place=Place.LINE) for number in range(MAX_FIELDS // 2)),
        )
    )
)
"""As many own fields as can be declared."""


@pytest.fixture(params=[STANDARD, OWN], ids=["standard", "with own fields"])
def schema(request: pytest.FixtureRequest) -> dict[str, Any]:
    return answer_schema(request.param)


def nodes(node: dict[str, Any], level: int = 1) -> Iterator[tuple[dict[str, Any], int]]:
    """Each schema within a schema, with its level; lists count as levels too."""
    yield node, level
    for child in (*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])):
        yield from nodes(child, level + (child["type"] in ("object", "array")))


def test_the_schema_has_no_more_properties_and_levels_than_azure_accepts(schema: dict[str, Any]) -> None:
    assert sum(len(node.get("properties", ())) for node, _ in nodes(schema)) <= MOST_PROPERTIES
    assert max(level for _, level in nodes(schema)) <= MOST_LEVELS


def test_the_schema_has_no_more_names_than_openai_accepts(schema: dict[str, Any]) -> None:
    enums = [node["enum"] for node, _ in nodes(schema) if "enum" in node]
    names = [name for node, _ in nodes(schema) for name in node.get("properties", ())]
    assert sum(len(enum) for enum in enums) <= MOST_ENUM_VALUES
    assert sum(map(len, names)) + sum(len(value) for enum in enums for value in enum) <= MOST_CHARACTERS
    for enum in enums:
        assert len(enum) <= LARGE_ENUM or sum(map(len, enum)) <= MOST_CHARACTERS_OF_A_LARGE_ENUM
        assert len(set(enum)) == len(enum)


def test_the_schema_is_strict_and_uses_only_what_strict_mode_knows(schema: dict[str, Any]) -> None:
    for node, _ in nodes(schema):
        assert node.keys() <= KEYWORDS
        if node["type"] == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
    assert schema["type"] == "object"
    assert SCHEMA_NAME.replace("_", "").isalnum()
    assert len(SCHEMA_NAME) <= 64


def test_every_name_that_is_asked_for_is_in_the_schema_and_every_table_with_its_columns_in_the_prompt() -> None:
    for vocabulary in (STANDARD, OWN):
        text, sent = system_prompt(vocabulary), json.dumps(answer_schema(vocabulary))
        assert all(f'"{name}"' in sent for name in (*vocabulary.fields, *vocabulary.tables, *vocabulary.columns))
        assert "{" + "tables}" not in text
        assert "{" + "fields}" not in text
        assert all(f"`{name}`" in text for name in vocabulary.tables)
        assert all(name in text for name in vocabulary.columns)
        assert all(f"`{name}`" in text for name in (*vocabulary.own, *vocabulary.own_of_lines))
