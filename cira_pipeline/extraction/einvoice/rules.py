"""What this engine may complain about. Titles and effects are listed with all other rules in docs/validation.md."""

from __future__ import annotations

from enum import StrEnum


class XmlRule(StrEnum):
    SCHEMA = "CIRA-XML-01"
    UNUSUAL_ATTACHMENT = "CIRA-XML-02"
    VALUE_UNREADABLE = "CIRA-XML-03"
    OTHER_CURRENCY = "CIRA-XML-04"
    TOTALS_DO_NOT_ADD_UP = "CIRA-XML-05"
    DOCUMENT_LEVEL_AMOUNTS = "CIRA-XML-06"
    SEVERAL_ACCOUNTS = "CIRA-XML-07"
    SEVERAL_DUE_DATES = "CIRA-XML-08"
    PRICE_BASE_QUANTITY = "CIRA-XML-09"
    SUBTOTAL_LINE = "CIRA-XML-10"
    ACCOUNT_NOT_IBAN = "CIRA-XML-11"
    LINE_LEVEL_AMOUNTS = "CIRA-XML-12"
