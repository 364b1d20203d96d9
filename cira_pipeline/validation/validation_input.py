"""Input of the validation rules: one extraction, and the context that the document itself does not contain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property

from cira_pipeline.custom.rules import OwnRule
from cira_pipeline.invoice import Invoice, LineItem
from cira_pipeline.models import Extraction, Reading
from cira_pipeline.printed.numbers import decimals_of, is_printed_whole
from cira_pipeline.validation import rules
from cira_pipeline.validation.normalise import bare
from cira_pipeline.validation.printed_amounts import amounts_by_line
from cira_pipeline.validation.severities import Severities


@dataclass(frozen=True)
class ValidationContext:
    """Facts that validation needs and the document does not contain.

    `duplicate_job_ids`: the client's jobs with the same document, or the same supplier and invoice number;
    `duplicates_elsewhere`: whether another client has such jobs. `known_ibans`: accounts in the client's earlier
    records of this supplier; `ibans_elsewhere`: accounts in records of other clients, never shown in a message.
    `reading`: the text of the document, `None` where it was not read from pages. `accept_confidence` (0 to 1):
    payment-critical values below it need review; `None` takes the recommendation of the calibration. `severities`:
    overrides of this installation, by rule id. `own_rules`: declared rules of this installation.
    """

    today: date
    duplicate_job_ids: tuple[str, ...] = ()
    duplicates_elsewhere: bool = False
    known_ibans: frozenset[str] = frozenset()
    ibans_elsewhere: frozenset[str] = frozenset()
    reading: Reading | None = None
    accept_confidence: float | None = None
    severities: Severities = field(default_factory=dict)
    own_rules: tuple[OwnRule, ...] = ()


@dataclass(frozen=True)
class ValidationInput:
    """One extraction with its context.

    `sign_reversed`: the document is a credit note printed with minus signs, and its amounts are stated without them.
    """

    extraction: Extraction
    context: ValidationContext
    sign_reversed: bool = False

    @property
    def invoice(self) -> Invoice:
        return self.extraction.invoice

    @property
    def read_from_page(self) -> bool:
        """Whether values were read from a page, so that they may be misread."""
        return self.extraction.engine.reads_page

    @cached_property
    def ocr_confidences(self) -> Mapping[int, float]:
        """Line number -> OCR confidence (0 to 1), for lines that were recognised in an image."""
        reading = self.context.reading
        if reading is None:
            return {}
        ocr_pages = {page.number for page in reading.pages if page.source == "ocr"}
        return {line.number: line.confidence for line in reading.lines if line.page in ocr_pages}

    @cached_property
    def printed_lines(self) -> tuple[str, ...]:
        """The text lines of all pages, reduced to letters and digits (see `bare`)."""
        reading = self.context.reading
        return tuple(bare(line.text) for line in reading.lines) if reading is not None else ()

    def count_printed_elsewhere(self, amount: Decimal) -> int:
        """How often the absolute value of `amount` is printed on lines that are no evidence of any field."""
        taken = {evidence.line for evidence in self.extraction.evidence if evidence.line is not None}
        return sum(amounts[abs(amount)] for line, amounts in self._amounts_by_line.items() if line not in taken)

    @cached_property
    def _amounts_by_line(self) -> Mapping[int, Counter[Decimal]]:
        reading = self.context.reading
        if reading is None:
            return {}
        return amounts_by_line(reading, 0 if self._prints_whole_amounts else self.decimals, self.invoice.currency)

    @property
    def _prints_whole_amounts(self) -> bool:
        """Whether the totals are printed without decimals, in a currency for which that is usual."""
        totals = [each for each in (self.invoice.gross_total, self.invoice.amount_due) if each is not None]
        return is_printed_whole(self.invoice.currency) and all("." not in format(each, "f") for each in totals)

    @property
    def lines_with_amounts(self) -> Collection[int]:
        """Numbers of the lines on which an amount in the invoice's currency is printed."""
        return self._amounts_by_line.keys()

    @cached_property
    def minor_unit(self) -> Decimal:
        """The smallest amount of the invoice's currency: 0.01 EUR, 1 JPY, 0.001 KWD; 0.01 if it is unknown."""
        return Decimal(1).scaleb(-self.decimals)

    @cached_property
    def decimals(self) -> int:
        """Number of decimals of the invoice's currency."""
        return decimals_of(self.invoice.currency)

    @cached_property
    def invoiced_lines(self) -> tuple[tuple[int, LineItem], ...]:
        """Line items with their positions (from 0), without lines that only sum up or explain other lines."""
        subtotals = self._positions_named_by(rules.SUBTOTAL_LINE)
        return tuple((index, item) for index, item in enumerate(self.invoice.line_items) if index not in subtotals)

    @cached_property
    def lines_with_unknown_parts(self) -> frozenset[int]:
        """Positions of lines whose quantity times unit price need not be the net amount."""
        return self._positions_named_by(rules.PRICE_BASE_QUANTITY) | self._positions_named_by(rules.LINE_LEVEL_AMOUNTS)

    def explained(self, field: str) -> bool:
        """Whether the engine read document-level amounts contained in `field`, and checked the sum with them."""
        return field in self._fields_of(rules.DOCUMENT_LEVEL_AMOUNTS)

    def _fields_of(self, rule: rules.Rule) -> set[str]:
        return {name for finding in self.extraction.findings if finding.rule == rule.id for name in finding.fields}

    def _positions_named_by(self, rule: rules.Rule) -> frozenset[int]:
        paths = (re.match(r"line_items\[(\d+)\]", name) for name in self._fields_of(rule))
        return frozenset(int(match.group(1)) for match in paths if match)
