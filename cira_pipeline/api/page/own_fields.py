"""Declared fields of an invoice as a group of its form, and what a person typed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cira_pipeline.api.page.typed_values import NotUnderstood, typed_as
from cira_pipeline.custom.declaration import CustomField, CustomType, Declarations
from cira_pipeline.custom.values import NotOfItsType, text_of, value_of
from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import Invoice

TITLE = "Own fields"
PREFIX = "custom."
_KINDS: Mapping[CustomType, FieldKind] = {
    CustomType.DATE: FieldKind.DATE,
    CustomType.AMOUNT: FieldKind.AMOUNT,
    CustomType.NUMBER: FieldKind.AMOUNT,
}


def own_inputs(invoice: Invoice, own: Declarations) -> Sequence[CustomField]:
    """The declared fields, and those of the record that are not declared any more, as texts."""
    earlier = [CustomField.model_construct(name=name) for name in invoice.custom if name not in own.header]
    return (*own.header.values(), *earlier)


def input_kind(declared: CustomField) -> str:
    """How the page shows the input: `amount`, `date`, `long` or `text`."""
    kind = _KINDS.get(declared.type)
    if kind is not None:
        return "date" if kind is FieldKind.DATE else "amount"
    return "long" if declared.type is CustomType.TEXT else "text"


def own_changes(
    given: Mapping[str, str], invoice: Invoice, own: Declarations, errors: dict[str, str]
) -> dict[str, str]:
    """`invoice.custom` with what a person changed in the inputs `custom.NAME`; mistakes are put into `errors`."""
    values = dict(invoice.custom)
    for declared in own_inputs(invoice, own):
        text = given.get(declared.path)
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
            errors[declared.path] = str(error)
        except NotOfItsType as error:
            errors[declared.path] = f"{str(error)[:1].upper()}{str(error)[1:]}."
    return values
