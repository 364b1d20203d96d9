"""Compares the XML of a hybrid invoice with its visible page, to detect forged files.

Software pays by the XML, people read the page, and a forger can put two different invoices into one file. So the amount
to pay and the invoice number of the XML are looked up in the text of the page.
"""

from __future__ import annotations

from decimal import Decimal

from cira_pipeline.models import Extraction, Finding, Line, Reading, Severity
from cira_pipeline.printed.numbers import values_in

RULE = "xml_differs_from_page"

# Letters that OCR confuses with digits.
_LOOKALIKES = str.maketrans("OolIS", "00115")


def page_findings(extraction: Extraction, reading: Reading) -> tuple[Finding, ...]:
    """Warnings for `invoice_number` and the gross total of `extraction` that `reading` does not show.

    No findings without lines, as for standalone XML and for pages that could not be read.
    """
    if not reading.lines:
        return ()
    invoice = extraction.invoice
    missing: list[tuple[str, str]] = []
    if invoice.invoice_number and not shows_text(reading, invoice.invoice_number):
        missing.append(("invoice_number", invoice.invoice_number))
    name = "gross_total" if invoice.gross_total is not None else "amount_due"
    amount = getattr(invoice, name)
    if amount is not None and not shows_amount(reading, amount):
        missing.append((name, f"{amount:f}"))
    return tuple(
        Finding(
            rule=RULE,
            severity=Severity.WARNING,
            message=f"{field} is {value} in the XML, but the visible page does not show this value: "
            "compare XML and page, and ask the supplier",
            fields=(field,),
        )
        for field, value in missing
    )


def shows_text(reading: Reading, text: str) -> bool:
    """Whether `text` is printed, whatever spaces and punctuation it is printed with."""
    wanted = bare(text)
    return wanted in bare("".join(line.text for line in reading.lines)) if wanted else True


def bare(text: str) -> str:
    """Letters and digits of `text`, in lower case."""
    return "".join(char for char in text.casefold() if char.isalnum())


def shows_amount(reading: Reading, amount: Decimal) -> bool:
    """Whether any printed number may mean `amount`, of either sign."""
    wanted = abs(amount)
    return any(wanted == value for line in reading.lines for text in _texts(line) for value in values_in(text))


def _texts(line: Line) -> tuple[str, ...]:
    return (line.text,) if line.confidence >= 1 else (line.text, line.text.translate(_LOOKALIKES))
