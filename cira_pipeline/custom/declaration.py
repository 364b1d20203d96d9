"""Declarations of fields and rules of one's own, as the file of `CIRA_CUSTOM_FIELDS` states them.

Everything is bounded: the declarations take part in the extraction of every document and in every validation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Annotated, Final, Literal

import re2
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from cira_pipeline.invoice import ROW_TERMS, TERMS
from cira_pipeline.invoice_bounds import visible
from cira_pipeline.languages import LANGUAGES
from cira_pipeline.models import Severity

MAX_FIELDS: Final = 100
MAX_RULES: Final = 200
MAX_LABELS: Final = 100
MAX_LABEL_WORDS: Final = 8
MAX_CODES: Final = 2_000
ALL_LANGUAGES: Final = "all"


RESERVED: Final = frozenset(
    (
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
        "custom",
        "today",
        "size",
        "sum",
        "abs",
        "round",
        "date",
        "has",
    )
)
"""Names that expressions use for something else."""


@lru_cache(maxsize=2 * MAX_FIELDS)
def compiled(pattern: str) -> re2._Regexp:
    """The expression, whose time to match is linear in the text. Raises: re2.error."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


class CustomType(StrEnum):
    """Type of a value: how it is parsed from the page, written in `custom`, and compared."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    DATE = "date"
    AMOUNT = "amount"
    NUMBER = "number"
    CODE = "code"

    @property
    def is_number(self) -> bool:
        return self in (CustomType.AMOUNT, CustomType.NUMBER)


class Place(StrEnum):
    """What a field belongs to: the invoice, or each of its lines."""

    HEADER = "header"
    LINE = "line"


_BUSINESS_TERM: Final = re.compile(r"BT-(?:X-)?[0-9]{1,3}(?:-[0-9]{1,2})?")
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CustomField(_Declared):
    """One field of one's own.

    `labels`: printed labels, or column headings of a line's field, by language (CLDR code) or `all`. `codes` and
    `pattern` (RE2, matched against the whole value) restrict the values of a code, `pattern` also those of an
    identifier. `einvoice`: what has the value in an e-invoice, the number of a business term (`BT-18`) or a name of
    `other_terms`.
    """

    name: Name
    type: CustomType = CustomType.TEXT
    place: Place = Place.HEADER
    title: str = Field("", max_length=60)
    description: str = Field("", max_length=500)
    labels: Mapping[str, Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS)]] = Field(default_factory=dict)
    codes: Annotated[tuple[Code, ...], Field(max_length=MAX_CODES)] = ()
    pattern: str = Field("", max_length=200)
    einvoice: str = Field("", max_length=200)

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in TERMS or name in ROW_TERMS["line_items"]:
            raise ValueError(f"`{name}` is a field of every invoice already; choose another name")
        if name in RESERVED:
            raise ValueError(f"`{name}` has a meaning in expressions; choose another name")
        return name

    @field_validator("title", "description")
    @classmethod
    def _visible(cls, text: str) -> str:
        if text and visible(text) != text.strip():
            raise ValueError("contains invisible or control characters")
        return text.strip()

    @field_validator("labels")
    @classmethod
    def _known_languages(cls, labels: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        unknown = sorted(set(labels) - {ALL_LANGUAGES, *LANGUAGES})
        if unknown:
            raise ValueError(f"unknown language {', '.join(unknown)}; known: {ALL_LANGUAGES}, {', '.join(LANGUAGES)}")
        for label in (label for each in labels.values() for label in each):
            if not any(map(str.isalpha, label)) or visible(label) != label:
                raise ValueError(f"the label {label!r} has no letter, or invisible characters")
            if len(label.split()) > MAX_LABEL_WORDS:
                raise ValueError(f"the label {label!r} has more than {MAX_LABEL_WORDS} words")
        return labels

    @field_validator("einvoice")
    @classmethod
    def _names_a_term(cls, term: str) -> str:
        if term and (
            visible(term) != term or (term[:3].upper() in ("BT-", "BG-") and not _BUSINESS_TERM.fullmatch(term))
        ):
            raise ValueError("expected the number of a business term, such as BT-18, or a name of `other_terms`")
        return term

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            compiled(pattern)
        except re2.error as error:
            reason = error.args[0] if error.args else "invalid"
            reason = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
            raise ValueError(f"not a regular expression of RE2: {reason}") from None
        return pattern

    @model_validator(mode="after")
    def _restricted(self) -> CustomField:
        if self.codes and self.type is not CustomType.CODE:
            raise ValueError(f"`codes` is for fields of type code, not {self.type}")
        if self.pattern and self.type not in (CustomType.CODE, CustomType.IDENTIFIER):
            raise ValueError(f"`pattern` is for fields of type code or identifier, not {self.type}")
        if self.type is CustomType.CODE and not (self.codes or self.pattern):
            raise ValueError("a field of type code needs `codes`, a `pattern`, or both")
        return self

    @property
    def path(self) -> str:
        """How evidence of a header field, expressions and the lexicon name it."""
        return f"custom.{self.name}"

    @property
    def shown(self) -> str:
        """The name for people."""
        return self.title or self.name.replace("_", " ").capitalize()

    def permits(self, text: str) -> bool:
        """Whether `codes` and `pattern` permit this text."""
        if self.codes and text not in self.codes:
            return False
        return not self.pattern or compiled(self.pattern).fullmatch(text) is not None


class CustomRule(_Declared):
    """One rule of one's own: where `expression` is true for an invoice, it has a finding with `text`.

    `text` may name header fields in braces, such as `{gross_total}` or `{custom.cost_centre}`. `fields`: names or paths
    that the finding is about.
    """

    id: RuleId
    expression: str = Field(min_length=1, max_length=2_000)
    severity: Literal["info", "warning", "error"] = "warning"
    text: str = Field(min_length=1, max_length=500)
    fields: Annotated[tuple[str, ...], Field(max_length=20)] = ()

    @property
    def level(self) -> Severity:
        return Severity(self.severity)

    @property
    def placeholders(self) -> tuple[str, ...]:
        return tuple(PLACEHOLDER.findall(self.text))


PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")


class Declarations(_Declared):
    """All declarations of one file. `source`: the file, empty for none."""

    fields: Annotated[tuple[CustomField, ...], Field(max_length=MAX_FIELDS)] = ()
    rules: Annotated[tuple[CustomRule, ...], Field(max_length=MAX_RULES)] = ()
    source: str = ""

    def of(self, place: Place) -> tuple[CustomField, ...]:
        return tuple(each for each in self.fields if each.place is place)

    @cached_property
    def header(self) -> Mapping[str, CustomField]:
        return {each.name: each for each in self.of(Place.HEADER)}

    @cached_property
    def line(self) -> Mapping[str, CustomField]:
        return {each.name: each for each in self.of(Place.LINE)}

    @cached_property
    def version(self) -> str:
        """Hash of what extraction depends on, part of the engines' versions; empty without fields."""
        if not self.fields:
            return ""
        stated = "\n".join(each.model_dump_json() for each in self.fields)
        return hashlib.sha256(stated.encode()).hexdigest()[:12]

    def labelled(self, place: Place) -> Iterator[tuple[CustomField, str, str]]:
        """Each field of `place` with its labels and their languages."""
        for each in self.of(place):
            for language, labels in each.labels.items():
                for label in labels:
                    yield each, language, label


NO_DECLARATIONS: Final = Declarations()
