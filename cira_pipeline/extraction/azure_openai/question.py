"""One question to the model, with the request hash that identifies it in the answer cache."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

from cira_pipeline.extraction.azure_openai.answer import SCHEMA_NAME, SCHEMA_VERSION, answer_schema
from cira_pipeline.extraction.azure_openai.vocabulary import STANDARD, Vocabulary
from cira_pipeline.extraction.azure_openai.windows import Window, estimate_tokens, numbered, one_line

PROMPT_VERSION = "invoice_spans_2"
CORRECTION_VERSION = "invoice_spans_correction_2"


@dataclass(frozen=True)
class Parameters:
    """Parameters that determine the answer besides the text. `deployment`: its name; `model`: the model behind it."""

    provider: str
    deployment: str
    model: str
    temperature: float
    seed: int
    max_output_tokens: int


@dataclass(frozen=True)
class Correction:
    """Content of a correction round: the previous answer (JSON) and the messages of validation's findings."""

    round: int
    previous: str
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A question about one window. `attempt` counts from 1: after an invalid answer, seed and hash change with it."""

    window: Window
    parameters: Parameters
    attempt: int = 1
    correction: Correction | None = None
    vocabulary: Vocabulary = STANDARD

    @cached_property
    def messages(self) -> tuple[dict[str, str], ...]:
        """System prompt and document, and in a correction round the findings.

        A correction begins like the first question, so that the provider's prompt cache applies. Data is enclosed in
        markers made of its own hash, which it cannot contain.
        """
        document = "\n".join(numbered(line) for line in self.window)
        messages = [
            {"role": "system", "content": system_prompt(self.vocabulary)},
            {"role": "user", "content": _between_markers("document", document)},
        ]
        if self.correction is not None:
            messages.append({"role": "user", "content": _complaint(self.correction)})
        return tuple(messages)

    @property
    def seed(self) -> int:
        return self.parameters.seed + self.attempt - 1

    @cached_property
    def request_hash(self) -> str:
        """SHA-256 over prompt, schema, parameters and content."""
        parts: dict[str, Any] = {
            "messages": self.messages,
            "prompt": PROMPT_VERSION,
            "schema": answer_schema(self.vocabulary),
            "schema_version": SCHEMA_VERSION,
            "provider": self.parameters.provider,
            "deployment": self.parameters.deployment,
            "model": self.parameters.model,
            "temperature": self.parameters.temperature,
            "seed": self.seed,
            "max_output_tokens": self.parameters.max_output_tokens,
        }
        if self.correction is not None:
            parts |= {"correction": CORRECTION_VERSION, "round": self.correction.round}
        canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def estimated_tokens(self) -> int:
        """Upper estimate of the tokens of the question."""
        return sum(estimate_tokens(message["content"]) for message in self.messages) + overhead_tokens(self.vocabulary)


@lru_cache(maxsize=2)
def prompt(version: str) -> str:
    """Text of the prompt file of `version`."""
    source = files(__package__) / "prompts" / f"{version}.md"
    return source.read_text(encoding="utf-8")


@lru_cache(maxsize=8)
def system_prompt(vocabulary: Vocabulary) -> str:
    """The prompt with the names of `vocabulary`."""
    text = prompt(PROMPT_VERSION)
    fields = vocabulary.described_fields(text)
    return text.replace("{tables}", vocabulary.described_tables()).replace("{fields}", fields)


@lru_cache(maxsize=8)
def overhead_tokens(vocabulary: Vocabulary) -> int:
    """Tokens of the schema, which is part of every question."""
    return estimate_tokens(json.dumps({"name": SCHEMA_NAME, "schema": answer_schema(vocabulary)}))


def _complaint(correction: Correction) -> str:
    findings = "\n".join(f"- {one_line(finding)}" for finding in correction.findings)
    return "\n".join(
        (
            prompt(CORRECTION_VERSION).rstrip(),
            _between_markers("previous answer", one_line(correction.previous)),
            _between_markers("findings", findings),
        )
    )


def _between_markers(name: str, data: str) -> str:
    marker = hashlib.sha256(data.encode()).hexdigest()[:24]
    return f"<<<{name} {marker}>>>\n{data}\n<<<end of {name} {marker}>>>"
