"""What makes two invoices the same for payment: the supplier and the number, however they are printed."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cira_pipeline.invoice import Invoice

# Longer texts are no names or numbers; the bound keeps them inside an index entry.
MAX_KEY_CHARS = 200


@dataclass(frozen=True)
class InvoiceIdentity:
    """Letters and digits of the number and of the supplier's VAT id and name, case folded; empty where unknown."""

    number_key: str
    vat_key: str
    name_key: str

    @classmethod
    def of(cls, invoice: Invoice) -> InvoiceIdentity:
        return cls(_key(invoice.invoice_number), _key(invoice.supplier_vat_id), _key(invoice.supplier_name))


def _key(text: str | None) -> str:
    """`RE-2024/001` and `re 2024 001` are one number; so are full-width and plain digits (Unicode NFKC)."""
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    return "".join(char for char in folded if char.isalnum())[:MAX_KEY_CHARS]
