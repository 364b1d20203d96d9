"""Request parameters that a deployment or OpenAI-compatible server supports, detected from rejected requests.

Reasoning models take `max_completion_tokens` and neither `max_tokens` nor a temperature; older API versions support
only `max_tokens`; llama.cpp's server takes `json_object` with a schema but no `json_schema`. Rejected requests cost
nothing: the first request of a process may be rejected a few times, later ones have a supported form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cira_pipeline.extraction.azure_openai.answer import SCHEMA_NAME, answer_schema
from cira_pipeline.extraction.azure_openai.question import Question


@dataclass(frozen=True)
class ModelCapabilities:
    """Parameters that may still be tried, the preferred first.

    `response_formats`: `json_schema` (strict), `json_object` with the schema beside it, bare `json_object`.
    """

    response_formats: tuple[str, ...] = ("json_schema", "json_object_schema", "json_object")
    token_limits: tuple[str, ...] = ("max_tokens", "max_completion_tokens")
    temperature: bool = True
    seed: bool = True

    def request(self, question: Question) -> dict[str, Any]:
        """The arguments of a chat completion."""
        parameters = question.parameters
        request: dict[str, Any] = {
            "model": parameters.deployment,
            "messages": list(question.messages),
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": answer_schema(question.vocabulary)},
            },
            self.token_limits[0]: parameters.max_output_tokens,
        }
        if self.response_formats[0] != "json_schema":
            request |= _without_json_schema(request, beside=self.response_formats[0] == "json_object_schema")
        if self.temperature:
            request["temperature"] = parameters.temperature
        if self.seed:
            request["seed"] = question.seed
        return request

    def without(self, complaint: str) -> ModelCapabilities | None:
        """The capabilities to try after a rejection with `complaint` (parameter and message), `None` without any."""
        complaint = complaint.lower()
        if "max_tokens" in complaint or "max_completion_tokens" in complaint:
            return replace(self, token_limits=self.token_limits[1:]) if len(self.token_limits) > 1 else None
        if "temperature" in complaint:
            return replace(self, temperature=False) if self.temperature else None
        if "seed" in complaint:
            return replace(self, seed=False) if self.seed else None
        if any(word in complaint for word in ("response_format", "json_schema", "json_object", "schema", "grammar")):
            return self._next_format()
        return None

    def _next_format(self) -> ModelCapabilities | None:
        return replace(self, response_formats=self.response_formats[1:]) if len(self.response_formats) > 1 else None

    def without_schema(self) -> ModelCapabilities | None:
        """The next simpler response format, for servers that reject a request without naming a parameter."""
        return self._next_format()


def _without_json_schema(request: Mapping[str, Any], *, beside: bool = False) -> dict[str, Any]:
    """The parts of `request` that differ for a server without `json_schema`.

    The schema is put `beside` the format, or else into the system message: a model that answers with any JSON object
    must know the names, and OpenAI demands the word JSON there.
    """
    schema = request["response_format"]["json_schema"]["schema"]
    if beside:
        return {"response_format": {"type": "json_object", "schema": schema}}
    system, *others = request["messages"]
    told = f"{system['content']}\nThe answer is one JSON object of this schema:\n\n{json.dumps(schema)}\n"
    return {"response_format": {"type": "json_object"}, "messages": [system | {"content": told}, *others]}


# For questions in model batches, whose rejection is known only after the batch.
PARAMETERS = ("max_tokens", "temperature", "seed", "json_schema")
"""Parameters of a request that can be left out."""


def rejected_parameter(complaint: str) -> str | None:
    """The one of `PARAMETERS` that a server rejected, `None` when it is another one."""
    complaint = complaint.lower()
    if "max_tokens" in complaint:
        return "max_tokens"
    if any(word in complaint for word in ("response_format", "json_schema")):
        return "json_schema"
    return next((name for name in ("temperature", "seed") if name in complaint), None)


def without_parameter(body: str, name: str) -> str | None:
    """The request `body` (JSON) without the parameter `name`; `None` when it does not have it."""
    request: dict[str, Any] = json.loads(body)
    if name == "max_tokens" and "max_tokens" in request:
        request["max_completion_tokens"] = request.pop("max_tokens")
    elif name == "json_schema" and request.get("response_format", {}).get("type") == "json_schema":
        request |= _without_json_schema(request)
    elif name in ("temperature", "seed") and name in request:
        del request[name]
    else:
        return None
    return json.dumps(request)
