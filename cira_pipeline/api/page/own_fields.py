"""Declared fields of an invoice as a group of its form, and what a person typed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cira_pipeline.api.page.typed_values import NotUnderstood, typed_as
from cira_pipeline.custom.declaration import CustomField, CustomType
from cira_pipeline.custom.values import NotOfItsType, text_of, value_of
from cira_pipeline.fields import FieldKind

TITLE = "Own fields"
PREFIX = "custom."
_KINDS: Mapping[CustomType, FieldKind] = {
    CustomType.DATE: FieldKind.DATE,
    CustomType.AMOUNT: FieldKind.AMOUNT,
    CustomType.NUMBER: FieldKind.AMOUNT,
}


def own_inputs(values: Mapping[str, str], declared: Mapping[str, CustomField]) -> Sequence[CustomField]:
    """The declared fields, and those with values that are not declared any more, as texts."""
    earlier = [CustomField.model_construct(name=name) for name in values if name not in declared]
    return (*declared.values(), *earlier)


def input_kind(declared: CustomField) -> str:
    """How the page shows the input: `amount`, `date`, `long` or `text`."""
    kind = _KINDS.get(declared.type)
    if kind is not None:
        return "date" if kind is FieldKind.DATE else "amount"
    return "long" if declared.type is CustomType.TEXT else "text"


def own_changes(
    given: Mapping[str, str],
    before: Mapping[str, str],
    fields: Sequence[CustomField],
    path: str,
    errors: dict[str, str],
) -> dict[str, str]:
    """The values `before` with what a person changed in the inputs `custom.NAME`, whose names begin with `path`.

    Mistakes are put into `errors`, by the name of the input.
    """
    values = dict(before)
    for declared in fields:
        place = f"{path}{declared.path}"
        text = given.get(place)
        if text is None or text.replace("\r\n", "\n") == values.get(declared.name, ""):
            continue
        try:
            value = typed_as(_KINDS.get(declared.type, FieldKind.REFERENCE), text)
            if value is None:
                values.pop(declared.name, None)
            else:
                kept = str(value) if isinstance(value, int) else text_of(value)
                value_of(declared, kept)
                values[declared.name] = kept
        except NotUnderstood as error:
            errors[place] = str(error)
        except NotOfItsType as error:
            errors[place] = f"{str(error)[:1].upper()}{str(error)[1:]}."
    return values
