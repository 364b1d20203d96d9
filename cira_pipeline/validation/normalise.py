"""One spelling for values that are compared and joined: codes in capitals, identifiers without layout."""

from __future__ import annotations

import re

from cira_pipeline.invoice import Invoice

# How texts of an invoice are compared: by their letters and digits, whatever stands between them.


def bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


_LAYOUT = re.compile(r"[\s.\-\u00ad\u2010-\u2015]+")


def normalised(invoice: Invoice) -> Invoice:
    """`invoice` with VAT ids and IBAN without spaces, dots and dashes, and all codes in capitals.

    Numbers that a supplier made up (invoice, order) and texts stay as the document has them; the evidence of every
    field keeps the spelling of the document.
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
