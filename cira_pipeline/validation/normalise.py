"""Normalises identifiers and codes of an invoice: no separators, upper case."""

from __future__ import annotations

import re

from cira_pipeline.invoice import Invoice


def bare(text: str) -> str:
    """The letters and digits of `text`, case-folded: the form in which texts of an invoice are compared."""
    return "".join(filter(str.isalnum, text.casefold()))


_LAYOUT = re.compile(r"[\s.\-\u00ad\u2010-\u2015]+")


def normalised(invoice: Invoice) -> Invoice:
    """`invoice` with VAT ids, IBAN and currency code without spaces, dots and dashes, in upper case.

    Numbers that the supplier assigns (invoice, order) and texts stay as printed; the evidence of every field keeps the
    spelling of the document.
    """
    changed = {
        "supplier_vat_id": _identifier(invoice.supplier_vat_id),
        "customer_vat_id": _identifier(invoice.customer_vat_id),
        "payment_iban": _identifier(invoice.payment_iban),
        "currency": _identifier(invoice.currency),
    }
    return invoice.model_copy(update={name: value or None for name, value in changed.items()})


def _identifier(value: str | None) -> str | None:
    return None if value is None else _LAYOUT.sub("", value).upper()
