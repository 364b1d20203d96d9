"""Registry of all validation rules: id, severity, effect on the verdict, and the EN 16931 rule behind each.

Every rule is registered here and nowhere else; the table in docs/validation.md is generated from this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cira_pipeline.custom.rules import UNDECIDED
from cira_pipeline.models import Finding, Severity


class Effect(StrEnum):
    """Effect of a finding on the verdict."""

    REJECTED = "rejected"
    REVIEW = "needs_review"
    REVIEW_IF_READ = "needs_review if read from a page"
    DOUBT = "lowers the confidence in its fields"
    NONE = "none"


@dataclass(frozen=True)
class Rule:
    """One validation rule.

    `standard`: the rule or term of EN 16931 it implements, or another standard. `raised_by`: `validation`, or the
    engine or stage that raises it.
    """

    id: str
    severity: Severity
    effect: Effect
    title: str
    standard: str = ""
    raised_by: str = "validation"

    def finding(self, message: str, *fields: str) -> Finding:
        """A finding of this rule about `fields` (field names or paths); `message` is shown to the reviewer."""
        return Finding(rule=self.id, severity=self.severity, message=message, fields=fields)


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_REVIEW, _IF_READ, _DOUBT, _NONE = Effect.REVIEW, Effect.REVIEW_IF_READ, Effect.DOUBT, Effect.NONE

NO_INVOICE = Rule(
    "CIRA-DOC-01",
    _ERROR,
    Effect.REJECTED,
    "The document is not an invoice: it has no invoice number, no total and no supplier",
)

PROFORMA = Rule(
    "CIRA-DOC-02", _ERROR, _REVIEW, "The document is a pro forma invoice: it asks for no payment", "BT-3, UNTDID 1001"
)

NUMBER_MISSING = Rule("CIRA-REQ-01", _ERROR, _REVIEW, "The invoice number is missing", "BR-02")
ISSUE_DATE_MISSING = Rule("CIRA-REQ-02", _ERROR, _REVIEW, "The issue date is missing", "BR-03")
SUPPLIER_MISSING = Rule("CIRA-REQ-03", _ERROR, _REVIEW, "The supplier's name is missing", "BR-06")
GROSS_TOTAL_MISSING = Rule("CIRA-REQ-04", _ERROR, _REVIEW, "The gross total is missing", "BR-14")
CURRENCY_MISSING = Rule("CIRA-REQ-05", _ERROR, _REVIEW, "The currency is missing", "BR-05")
CUSTOMER_MISSING = Rule("CIRA-REQ-06", _WARNING, _NONE, "The customer's name is missing", "BR-07")
LINES_MISSING = Rule("CIRA-REQ-07", _INFO, _NONE, "No line items were found", "BR-16")

TEXT_TOO_LONG = Rule("CIRA-TEXT-01", _WARNING, _REVIEW, "A text or table exceeds the permitted length and was left out")
TEXT_REORDERED = Rule(
    "CIRA-TEXT-02", _WARNING, _REVIEW, "A text contained characters that change its display order; they were removed"
)

NET_PLUS_TAX = Rule("CIRA-ARITH-01", _ERROR, _REVIEW, "Net total plus taxes is not the gross total", "BR-CO-15")
LINES_SUM = Rule("CIRA-ARITH-02", _WARNING, _REVIEW, "The line items do not sum to the net total", "BR-CO-10, BR-CO-13")
TAX_OF_RATE = Rule(
    "CIRA-ARITH-03", _ERROR, _REVIEW, "The tax of a rate is not its net amount times the rate", "BR-CO-17"
)
TAX_SUM = Rule("CIRA-ARITH-04", _ERROR, _REVIEW, "The tax breakdown does not sum to the tax total", "BR-CO-14")
TAX_NET_SUM = Rule(
    "CIRA-ARITH-05",
    _WARNING,
    _NONE,
    "The net amounts of the tax breakdown do not sum to the net total",
    "BT-116, BT-109",
)
LINE_PRODUCT = Rule(
    "CIRA-ARITH-06", _WARNING, _NONE, "Quantity times unit price is not the line's net amount", "BT-131"
)
AMOUNT_DUE = Rule(
    "CIRA-ARITH-07",
    _WARNING,
    _REVIEW,
    "The amount due is not the gross total less payments and withheld taxes, plus rounding and previous balance",
    "BR-CO-16",
)
UNCHECKABLE = Rule(
    "CIRA-ARITH-08",
    _WARNING,
    _IF_READ,
    "No two amounts confirm each other: no sum of independently read totals, and no line items with a total",
)

LINES_BEFORE_ALLOWANCES = Rule(
    "CIRA-ARITH-09",
    _INFO,
    _NONE,
    "The line items sum to a printed subtotal; its difference from the net total is not a field of the record",
    "BT-106, BT-107, BT-108",
)
DUE_EXPLAINED = Rule(
    "CIRA-ARITH-10",
    _INFO,
    _NONE,
    "The amount due differs from the gross total by amounts that the document names",
    "BT-113, BT-114",
)

BREAKDOWN_SUM = Rule(
    "CIRA-ARITH-11",
    _ERROR,
    _REVIEW,
    "The net amounts and taxes of the tax breakdown do not sum to the gross total",
    "BR-CO-14, BR-CO-15",
)
NET_OF_LINES = Rule(
    "CIRA-ARITH-12",
    _ERROR,
    _REVIEW,
    "The sum of the lines less allowances plus charges is not the net total",
    "BR-CO-13",
)
ROWS_SUM = Rule(
    "CIRA-ARITH-13",
    _ERROR,
    _REVIEW,
    "The rows of allowances, charges or withheld taxes do not sum to their total",
    "BR-CO-11, BR-CO-12",
)
WITHOUT_PLACE = Rule(
    "CIRA-ARITH-14",
    _WARNING,
    _REVIEW,
    "A discount, charge, payment, balance or withheld tax is stated, but not the total that contains it",
    "BR-CO-13, BR-CO-16",
)

SUPPLIER_VAT_ID = Rule(
    "CIRA-VAT-01", _WARNING, _DOUBT, "The supplier's VAT id has an invalid format or check digit", "BR-CO-09"
)
CUSTOMER_VAT_ID = Rule(
    "CIRA-VAT-02", _WARNING, _DOUBT, "The customer's VAT id has an invalid format or check digit", "BR-CO-09"
)
SUPPLIER_TAX_ID = Rule(
    "CIRA-VAT-03",
    _WARNING,
    _DOUBT,
    "A tax id of the supplier has an invalid format or check digit for its scheme",
    "BT-32",
)
CUSTOMER_TAX_ID = Rule(
    "CIRA-VAT-04", _WARNING, _DOUBT, "A tax id of the customer has an invalid format or check digit for its scheme"
)
IBAN_INVALID = Rule("CIRA-PAY-01", _ERROR, _REVIEW, "The IBAN has an invalid format or check digits", "ISO 13616")
IBAN_CHANGED = Rule(
    "CIRA-PAY-02", _WARNING, _REVIEW, "The IBAN is not among the accounts of this supplier's earlier records", "BT-84"
)

DUE_BEFORE_ISSUE = Rule("CIRA-DATE-01", _WARNING, _REVIEW, "The due date is before the issue date", "BT-2, BT-9")
ISSUED_IN_FUTURE = Rule("CIRA-DATE-02", _WARNING, _REVIEW, "The issue date is in the future", "BT-2")
ISSUED_LONG_AGO = Rule("CIRA-DATE-03", _WARNING, _DOUBT, "The issue date is more than ten years ago", "BT-2")
DUE_LONG_AFTER = Rule(
    "CIRA-DATE-04", _WARNING, _DOUBT, "The due date is more than two years after the issue date", "BT-9"
)

CURRENCY_UNKNOWN = Rule(
    "CIRA-CUR-01", _ERROR, _REVIEW, "The currency is not an ISO 4217 code in use at the issue date", "BR-CL-04"
)
TOO_MANY_DECIMALS = Rule(
    "CIRA-CUR-02", _WARNING, _DOUBT, "A total has more decimals than its currency has", "BR-DEC-12 to BR-DEC-18"
)

NEGATIVE_INVOICE = Rule(
    "CIRA-PLAUS-01",
    _WARNING,
    _REVIEW,
    "An invoice has a negative total: the supplier would owe the customer money",
    "BT-3, BT-112",
)
NEGATIVE_CREDIT_NOTE = Rule(
    "CIRA-PLAUS-02",
    _WARNING,
    _REVIEW,
    "A credit note has a negative total: it may mean a credit or a charge",
    "BT-3, BT-112",
)
IMPLAUSIBLE_AMOUNT = Rule("CIRA-PLAUS-03", _WARNING, _REVIEW, "A total is implausibly large", "BT-112")
ZERO_TOTAL = Rule("CIRA-PLAUS-04", _WARNING, _IF_READ, "The gross total is zero", "BT-112")
TAX_RATE_IMPLAUSIBLE = Rule(
    "CIRA-PLAUS-05", _WARNING, _REVIEW, "A tax rate is negative or above 50 percent", "BT-119, BT-152"
)
ZERO_QUANTITY = Rule(
    "CIRA-PLAUS-06", _WARNING, _NONE, "A line has an amount, but its quantity is zero", "BT-129, BT-131"
)
SAME_PARTIES = Rule("CIRA-PLAUS-07", _WARNING, _IF_READ, "Supplier and customer are the same", "BT-27, BT-44")
TAX_SIGN = Rule("CIRA-PLAUS-08", _WARNING, _REVIEW, "Net total and tax total have opposite signs", "BT-109, BT-110")
CREDIT_WITH_MINUS = Rule(
    "CIRA-PLAUS-09",
    _WARNING,
    _REVIEW,
    "A credit note prints minus signs: the record states the credited amounts without them",
    "BT-3, BT-112",
)

NUMBER_AMONG_ITEMS = Rule(
    "CIRA-PLAUS-10",
    _WARNING,
    _REVIEW,
    "The invoice number is in a column of similar numbers, each with an amount: it may be an item code",
    "BT-1",
)

CORRECTION_LOWERS = Rule(
    "CIRA-PLAUS-11",
    _INFO,
    _NONE,
    "A corrected invoice has negative totals: it reduces an amount invoiced before",
    "BT-3, BT-112",
)

DUPLICATE = Rule(
    "CIRA-DUP-01",
    _ERROR,
    _REVIEW,
    "The same document, or this invoice number of this supplier, was processed before",
    "BT-1, BT-27",
)

UNGROUNDED = Rule("CIRA-GROUND-01", _ERROR, _REVIEW, "A value does not occur in the document")
LOW_CONFIDENCE = Rule(
    "low_confidence",
    _WARNING,
    _REVIEW,
    "A payment-critical value is less likely to be correct than `CIRA_ACCEPT_CONFIDENCE` requires",
)

OWN_RULE_UNDECIDED = Rule(UNDECIDED, _WARNING, _REVIEW, "A rule of one's own cannot be decided for this invoice")

_VALIDATION_RULES: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Rule))

_EINVOICE, _OFFLINE, _CASCADE = "einvoice", "offline", "extraction"

DOCUMENT_LEVEL_AMOUNTS = Rule(
    "CIRA-XML-06",
    _INFO,
    _NONE,
    "Totals include document-level amounts, with which the engine checked them",
    "BT-107, BT-108, BT-113, BT-114",
    _EINVOICE,
)
PRICE_BASE_QUANTITY = Rule("CIRA-XML-09", _INFO, _NONE, "Unit prices are for more than one unit", "BT-149", _EINVOICE)
SUBTOTAL_LINE = Rule("CIRA-XML-10", _INFO, _NONE, "Some lines only sum up or explain other lines", "BT-X-8", _EINVOICE)
LINE_LEVEL_AMOUNTS = Rule(
    "CIRA-XML-12", _INFO, _NONE, "Lines have allowances or charges of their own", "BG-27, BG-28", _EINVOICE
)
RAISED_BY_ENGINES: Final = (
    Rule("CIRA-XML-01", _INFO, _NONE, "The XML deviates from the schema of its format", "EN 16931-3", _EINVOICE),
    Rule(
        "CIRA-XML-02",
        _WARNING,
        _REVIEW,
        "The name of the XML attachment does not identify it as this invoice, or there are several attachments",
        "ZUGFeRD 2",
        _EINVOICE,
    ),
    Rule("CIRA-XML-03", _WARNING, _REVIEW, "A value in the XML cannot be read", "", _EINVOICE),
    Rule("CIRA-XML-04", _WARNING, _REVIEW, "A total is stated in another currency only", "BT-5, BT-111", _EINVOICE),
    Rule(
        "CIRA-XML-05",
        _ERROR,
        _REVIEW,
        "Totals of the XML do not add up with its allowances, charges and prepayments",
        "BR-CO-10, BR-CO-13, BR-CO-16",
        _EINVOICE,
    ),
    DOCUMENT_LEVEL_AMOUNTS,
    Rule("CIRA-XML-07", _INFO, _NONE, "There are several payment accounts", "BT-84", _EINVOICE),
    Rule("CIRA-XML-08", _INFO, _NONE, "There are several due dates", "BT-9", _EINVOICE),
    PRICE_BASE_QUANTITY,
    SUBTOTAL_LINE,
    Rule(
        "CIRA-XML-11",
        _WARNING,
        _NONE,
        "The payment account is neither an IBAN nor an account number",
        "BT-84",
        _EINVOICE,
    ),
    LINE_LEVEL_AMOUNTS,
    Rule(
        "CIRA-XML-13",
        _WARNING,
        _REVIEW,
        "The type code contradicts the rest of the XML: credit note or not, self-billed or not",
        "BT-3, BT-24",
        _EINVOICE,
    ),
    Rule("CIRA-XML-14", _INFO, _NONE, "The XML states more terms than a record keeps beside its fields", "", _EINVOICE),
    Rule("CIRA-XML-15", _INFO, _NONE, "An attachment cannot be opened", "BT-125", _EINVOICE),
    Rule(
        "CIRA-XML-16",
        _INFO,
        _NONE,
        "An attachment is not kept: too many, or too large",
        "BT-125",
        _EINVOICE,
    ),
    Rule("offline.ambiguous", _WARNING, _DOUBT, "Two candidate values are equally likely", "", _OFFLINE),
    Rule(
        "offline.date_order_unknown",
        _WARNING,
        _REVIEW,
        "A date can mean two days, by the order of day and month or by the language of the month's name",
        "",
        _OFFLINE,
    ),
    Rule(
        "offline.currency_undecided",
        _WARNING,
        _REVIEW,
        "A printed sign is used for several currencies, and no code and no country on the page decides",
        "BT-5",
        _OFFLINE,
    ),
    Rule("offline.several_accounts", _WARNING, _DOUBT, "There are several payment accounts", "BT-84", _OFFLINE),
    Rule(
        "offline.lines_include_tax",
        _WARNING,
        _NONE,
        "The line amounts include tax, so no net amounts were taken",
        "BT-131",
        _OFFLINE,
    ),
    Rule(
        "offline.tax_breakdown_contradicts",
        _WARNING,
        _REVIEW,
        "The rows of the tax breakdown do not add up to the totals, so they were left out",
        "BG-23",
        _OFFLINE,
    ),
    Rule(
        "offline.marked_paid",
        _WARNING,
        _REVIEW,
        "The document is marked as paid, but its totals leave an amount due",
        "BT-115",
        _OFFLINE,
    ),
    Rule(
        "offline.not_an_invoice",
        _ERROR,
        _REVIEW,
        "The title names another paper: a reminder, a statement, a quotation, an order, a delivery note, a refund",
        "BT-3",
        _OFFLINE,
    ),
    Rule(
        "offline.not_payable",
        _ERROR,
        _REVIEW,
        "The document says that it is void, a draft, or not to be paid",
        "BT-3",
        _OFFLINE,
    ),
    Rule(
        "offline.credit_mark",
        _ERROR,
        _REVIEW,
        "A mark beside a total says that it is a credit, and the document is no credit note",
        "BT-115",
        _OFFLINE,
    ),
    Rule(
        "offline.check_digit_repair",
        _INFO,
        _NONE,
        "A character was corrected: no other correction makes the check digits valid",
        "",
        _OFFLINE,
    ),
    Rule(
        "offline.supplier_unconfirmed",
        _WARNING,
        _REVIEW,
        "Nothing but its place on the page says that a name is the supplier's",
        "BT-27",
        _OFFLINE,
    ),
    Rule("offline.copied_page", _INFO, _NONE, "A page repeats an earlier page and was not read", "", _OFFLINE),
    Rule(
        "offline.several_invoices",
        _ERROR,
        _REVIEW,
        "The pages have different invoice numbers: the file holds several invoices",
        "BT-1",
        _OFFLINE,
    ),
    Rule(
        "offline.remembered",
        _INFO,
        _NONE,
        "Confirmed invoices of the same supplier and layout were used to read this one",
        "",
        _OFFLINE,
    ),
    Rule(
        "offline.remembered_once",
        _WARNING,
        _REVIEW,
        "The meaning of a label is known from a single confirmed invoice",
        "",
        _OFFLINE,
    ),
    Rule(
        "offline.unfamiliar_account",
        _WARNING,
        _REVIEW,
        "The payment account is on no confirmed invoice of this supplier and layout",
        "BT-84",
        _OFFLINE,
    ),
    Rule("einvoice_unusable", _WARNING, _REVIEW, "The file contains e-invoice XML that cannot be used", "", _CASCADE),
    Rule(
        "model_failed",
        _WARNING,
        _REVIEW,
        "The model gave no answer; the values of another engine were used",
        "",
        _CASCADE,
    ),
    Rule("engines_disagree", _WARNING, _REVIEW, "Two engines read different values", "", _CASCADE),
    Rule(
        "answers_differ",
        _WARNING,
        _REVIEW,
        "Two answers of the model differ, and validation cannot decide between them",
        "",
        _CASCADE,
    ),
    Rule(
        "accounts_apart",
        _WARNING,
        _REVIEW,
        "Another bank account is printed elsewhere in the document",
        "BT-84",
        _CASCADE,
    ),
    Rule("correction_round", _INFO, _NONE, "The findings were sent to the model, and it was asked again", "", _CASCADE),
    Rule("corrected", _INFO, _NONE, "A later answer of the model gave another value", "", _CASCADE),
    Rule("escalated", _INFO, _NONE, "A stronger model deployment was asked", "", _CASCADE),
    Rule("filled_in", _INFO, _NONE, "A value that one engine left out was taken from another", "", _CASCADE),
    Rule("left_out", _WARNING, _REVIEW, "Another engine read a value that is missing from the record", "", _CASCADE),
    Rule("ungrounded", _WARNING, _REVIEW, "The model quoted a text that does not occur in the document", "", _CASCADE),
    Rule(
        "unreadable_value",
        _WARNING,
        _REVIEW,
        "A text of the document cannot be parsed as a value of its field",
        "",
        _CASCADE,
    ),
    Rule("several_values", _WARNING, _REVIEW, "The model named several values of one field", "", _CASCADE),
    Rule(
        "xml_differs_from_page",
        _WARNING,
        _REVIEW,
        "The XML states a value that the visible page does not show",
        "",
        _CASCADE,
    ),
    Rule(
        "xml_contradicts_page",
        _ERROR,
        _REVIEW,
        "The XML and the visible page state different values of a field that decides about the payment",
        "",
        _CASCADE,
    ),
)
"""Rules whose findings come with an extraction; an engine may raise them with a lower severity, then without effect."""

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {rule.id: rule for rule in (*_VALIDATION_RULES, *RAISED_BY_ENGINES)}
)
