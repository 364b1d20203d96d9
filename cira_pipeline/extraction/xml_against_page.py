"""Whether a hybrid invoice's page shows what its XML says.

Software pays by the XML, people look at the page. A forger can send two invoices in one file, so the amount to pay and
the invoice number of the XML are looked up in the page's text.
"""

from __future__ import annotations

from decimal import Decimal

from cira_pipeline.models import Extraction, Finding, Line, Reading, Severity
from cira_pipeline.printed.numbers import values_in

RULE = "xml_differs_from_page"

# What OCR puts for a digit.
_LOOKALIKES = str.maketrans("OolIS", "00115")


def page_findings(extraction: Extraction, reading: Reading) -> tuple[Finding, ...]:
    """Warnings for `invoice_number` and the gross total of `extraction` that `reading` does not show.

    No lines, as in standalone XML and in pages that could not be read, is no evidence: no findings.
    """
    if not reading.lines:
        return ()
    invoice = extraction.invoice
    missing: list[tuple[str, str]] = []
    if invoice.invoice_number and not _shows_text(reading, invoice.invoice_number):
        missing.append(("invoice_number", invoice.invoice_number))
    name = "gross_total" if invoice.gross_total is not None else "amount_due"
    amount = getattr(invoice, name)
    if amount is not None and not _shows_amount(reading, amount):
        missing.append((name, f"{amount:f}"))
    return tuple(
        Finding(
            rule=RULE,
            severity=Severity.WARNING,
            message=f"the XML says {field} is {value}, and the visible page shows no such value",
            fields=(field,),
        )
        for field, value in missing
    )


def _shows_text(reading: Reading, text: str) -> bool:
    wanted = _bare(text)
    return wanted in _bare("".join(line.text for line in reading.lines)) if wanted else True


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _shows_amount(reading: Reading, amount: Decimal) -> bool:
    wanted = abs(amount)
    return any(wanted == value for line in reading.lines for text in _texts(line) for value in values_in(text))


def _texts(line: Line) -> tuple[str, ...]:
    return (line.text,) if line.confidence >= 1 else (line.text, line.text.translate(_LOOKALIKES))
