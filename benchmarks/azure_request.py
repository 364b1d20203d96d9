"""Holds what is sent to the model against Azure's published description of its API.

    python -m benchmarks.azure_request DESCRIPTION...

Each DESCRIPTION is an OpenAPI document (JSON) of Azure OpenAI's inference API; Microsoft publishes one for each API
version in the repository Azure/azure-rest-api-specs, below `specification/cognitiveservices/data-plane/AzureOpenAI`
and, for the version `v1`, `specification/ai/data-plane/OpenAI.v1`. They are not part of this project.

Requests in all forms in which the engine asks (`ModelCapabilities`) are validated against the schema of the request
body, and each parameter must be named there, except `model`, which the openai package sends although the deployment
stands in the path. A form that only OpenAI-compatible servers need is marked as such. Where a description requires a
property that it does not describe, that requirement is named and ignored: `2024-10-21` requires a `type` in
`json_schema`, which no example of Microsoft's has. Ends with exit code 1 when a form for Azure does not fit.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator, OAS31Validator

from cira_pipeline.extraction.azure_openai.model_capabilities import PARAMETERS, ModelCapabilities, without_parameter
from cira_pipeline.extraction.azure_openai.question import Correction, Parameters, Question
from cira_pipeline.models import Box, Line

_COMPATIBLE_ONLY = "json_object with the schema beside it"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptions", nargs="+", type=Path)
    failed = False
    for path in parser.parse_args().descriptions:
        description = json.loads(path.read_text(encoding="utf-8"))
        print(f"{description['info']['title']} {description['info']['version']}")
        schemas = description["components"]["schemas"].items()
        asked = {name: each for name, each in schemas if re.search("ResponseFormat|ChatCompletion", name)}
        for name in sorted(set(_undescribed(asked))):
            print(f"  ignored, required without being described: {name}")
        for name, request in _requests():
            wrong = list(_wrong(description, request))
            needed = name != _COMPATIBLE_ONLY
            print(f"  {name}: {'; '.join(wrong) or 'valid'}{'' if needed else ' (not sent to Azure)'}")
            failed = failed or bool(wrong and needed)
    sys.exit(failed)


def _requests() -> Iterator[tuple[str, dict[str, Any]]]:
    line = Line(number=1, page=1, text="Invoice 4711", box=Box(left=0, top=0, right=1, bottom=1), confidence=1)
    parameters = Parameters("azure", "invoices", "gpt-4.1-mini", 0.0, 1, 8_192)
    question = Question((line,), parameters)
    usual = ModelCapabilities()
    yield "usual", usual.request(question)
    yield "correction round", usual.request(Question((line,), parameters, correction=Correction(1, "{}", ("a", "b"))))
    for given in ("max_tokens", "temperature", "seed"):
        reduced = usual.without(given)
        assert reduced is not None
        yield f"without {given}", reduced.request(question)
    beside = usual.without_schema()
    assert beside is not None
    yield _COMPATIBLE_ONLY, beside.request(question)
    bare = beside.without_schema()
    assert bare is not None
    yield "json_object", bare.request(question)
    for name in PARAMETERS:
        body = without_parameter(json.dumps(usual.request(question)), name)
        assert body is not None
        yield f"line of a model batch without {name}", json.loads(body)


def _undescribed(node: Any, place: str = "") -> Iterator[str]:
    """Takes the names of properties that a schema requires and does not describe out of it; yields where they were."""
    if isinstance(node, list):
        for each in node:
            yield from _undescribed(each, place)
    elif isinstance(node, dict):
        required, properties = node.get("required"), node.get("properties")
        if (
            isinstance(required, list)
            and isinstance(properties, dict)
            and not node.keys() & {"allOf", "anyOf", "oneOf"}
        ):
            for name in [each for each in required if each not in properties]:
                required.remove(name)
                yield f"{place}/{name}"
        for key, child in node.items():
            yield from _undescribed(child, key if key not in ("properties", "items") else place)


def _wrong(description: Mapping[str, Any], request: Mapping[str, Any]) -> Iterator[str]:
    [path] = [each for each in description["paths"] if each.endswith("/chat/completions")]
    schema = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = OAS31Validator if description["openapi"].startswith("3.1") else OAS30Validator
    for error in validator({**description, **schema}).iter_errors(request):
        yield f"{'/'.join(map(str, error.absolute_path)) or 'the request'}: {error.message[:200]}"
    unknown = request.keys() - set(_properties(description, schema))
    if "{deployment-id}" in path:
        unknown -= {"model"}
    if unknown:
        yield f"no such parameter: {', '.join(sorted(unknown))}"


def _properties(description: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """The names of all properties of `schema`, also of those it is composed of."""
    if "$ref" in schema:
        found: Any = description
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        yield from _properties(description, found)
    yield from schema.get("properties", ())
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            yield from _properties(description, part)


if __name__ == "__main__":
    main()
