"""Reads the file of `CIRA_CUSTOM_FIELDS`; every mistake in it ends in one error with file, position and hint.

[[field]]
name = "cost_centre"
type = "code"                         # text, identifier, date, amount, number or code
pattern = "[0-9]{4}"                  # or codes = ["4711", "4712"]
description = "who bears the cost"
labels = { all = ["Cost centre"], de = ["Kostenstelle", "KSt."] }

[[rule]]
id = "order_required"
expression = "gross_total > 10000 && purchase_order == null"
severity = "warning"                  # info, warning or error
text = "{gross_total} without a purchase order"
fields = ["purchase_order"]
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from cira_pipeline.custom.declaration import NO_DECLARATIONS, CustomField, CustomRule, Declarations
from cira_pipeline.custom.rules import OwnRule, mistakes_in
from cira_pipeline.errors import CustomFieldsInvalid

MAX_BYTES: Final = 1_000_000
_MOST_SHOWN: Final = 20
_HEADS: Final = {"field": "fields", "rule": "rules"}


@lru_cache(maxsize=32)
def declarations(path: Path | None) -> Declarations:
    """The declarations of the file at `path`, read once in a process; none without a path.

    Raises: CustomFieldsInvalid naming the file and every mistake in it.
    """
    return NO_DECLARATIONS if path is None else read_declarations(path)


@lru_cache(maxsize=32)
def own_rules(path: Path | None) -> tuple[OwnRule, ...]:
    """The compiled rules of the file at `path`. Raises: as `declarations`."""
    found = declarations(path)
    return tuple(OwnRule(rule, found) for rule in found.rules)


def read_declarations(path: Path) -> Declarations:
    """As `declarations`, without a memory."""
    text = _text(path)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CustomFieldsInvalid(f"{path}: not valid TOML: {error}", path=str(path)) from error
    except RecursionError as error:
        raise CustomFieldsInvalid(f"{path}: not valid TOML: nested too deeply", path=str(path)) from error
    lines = {head: _lines_of(head, text) for head in _HEADS}
    mistakes = [f"`{name}` is unknown; a file has [[field]] and [[rule]]" for name in parsed if name not in _HEADS]
    mistakes += [
        f"`{head}` must be written [[{head}]]"
        for head in _HEADS
        if not isinstance(parsed.get(head, []), list)
        or not all(isinstance(each, dict) for each in parsed.get(head, []))
    ]
    if mistakes:
        raise _invalid(path, mistakes)
    stated = {_HEADS[head]: parsed.get(head, []) for head in _HEADS}
    try:
        found = Declarations.model_validate({**stated, "source": str(path)})
    except ValidationError as error:
        raise _invalid(path, (_mistake(problem, stated, lines) for problem in error.errors())) from None
    mistakes = [*_repeated(found, lines), *_wrong_rules(found, lines)]
    if mistakes:
        raise _invalid(path, mistakes)
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise CustomFieldsInvalid(f"{path} is larger than {MAX_BYTES:,} bytes", path=str(path))
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CustomFieldsInvalid(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise CustomFieldsInvalid(f"{path} is not UTF-8: byte {error.start}", path=str(path)) from error


def _lines_of(head: str, text: str) -> list[int]:
    """The lines, from 1, on which the tables `[[head]]` begin."""
    start = re.compile(rf"\s*\[\[\s*\"?{head}\"?\s*\]\]")
    return [number for number, line in enumerate(text.split("\n"), start=1) if start.match(line)]


def _where(head: str, index: int, name: object, lines: dict[str, list[int]]) -> str:
    known = lines[head]
    line = f"line {known[index]}, " if index < len(known) else ""
    named = f" `{name}`" if isinstance(name, str) and name else ""
    return f"{line}{head} {index + 1}{named}"


def _mistake(problem: Any, stated: dict[str, list[dict[str, Any]]], lines: dict[str, list[int]]) -> str:
    kind, *rest = problem["loc"]
    head = next(head for head, plural in _HEADS.items() if plural == kind)
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not rest:
        return f"[[{head}]]: {message}"
    index, *parts = rest
    of = stated[kind][index]
    place = ".".join(map(str, parts))
    where = _where(head, index, of.get("name" if head == "field" else "id"), lines)
    return f"{where}{f', {place}' if place else ''}: {_explained(problem, head, message)}"


def _explained(problem: Any, head: str, message: str) -> str:
    model = CustomField if head == "field" else CustomRule
    match problem["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is unknown; a {head} has {', '.join(model.model_fields)}"
        case "string_pattern_mismatch":
            return "must be snake_case: letters a to z, digits and underscores, at most 50"
        case _:
            return message


def _repeated(found: Declarations, lines: dict[str, list[int]]) -> Iterator[str]:
    for head, names in (("field", [each.name for each in found.fields]), ("rule", [each.id for each in found.rules])):
        counted = Counter(names)
        for index, name in enumerate(names):
            if counted[name] > 1 and name in names[:index]:
                yield f"{_where(head, index, name, lines)}: declared twice"


def _wrong_rules(found: Declarations, lines: dict[str, list[int]]) -> Iterator[str]:
    for index, rule in enumerate(found.rules):
        for mistake in mistakes_in(rule, found):
            yield f"{_where('rule', index, rule.id, lines)}, {mistake}"


def _invalid(path: Path, mistakes: Iterable[str]) -> CustomFieldsInvalid:
    named = list(mistakes)
    shown = "; ".join(named[:_MOST_SHOWN])
    more = f"; and {len(named) - _MOST_SHOWN} more" if len(named) > _MOST_SHOWN else ""
    return CustomFieldsInvalid(f"{path}: {shown}{more}", path=str(path), mistakes=tuple(named))
