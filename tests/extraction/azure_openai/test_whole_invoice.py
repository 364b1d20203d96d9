"""Fields beyond the European header: what the model names of them is read by the kind of the field."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from cira_pipeline.custom.declaration import CustomField, CustomType, Declarations, Place
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.extraction.azure_openai.engine import AzureOpenAIEngine
from cira_pipeline.models import Extraction, Severity
from cira_pipeline.settings import Settings
from tests.azure_standin import AzureStandin, LabelAnswers, answer
from tests.extraction.azure_openai.conftest import settings_for
from tests.extraction.azure_openai.readings import document, reading

PAGE = (
    "Maple Tools Inc.",
    "12 King Street West",
    "Toronto, Ontario M5H 1A1",
    "Canada",
    "GST/HST No. 123456789 RT0001",
    "Invoice INV-2031",
    "Date: March 4, 2026",
    "Customer No. C-778",
    "Bill to: Prairie Supply Ltd.",
    "Item Description Qty Price Amount",
    "AX-1 Steel anchor 10 20.00 200.00",
    "AX-2 Wall plug 50 2.00 100.00",
    "Anchor discount 10% -20.00",
    "Freight 15.00",
    "Subtotal 295.00",
    "GST 5% on 295.00 14.75",
    "PST 7% on 295.00 20.65",
    "Total 330.40",
    "Less deposit (100.00)",
    "Balance due CAD 230.40",
    "Cost centre: 4711",
    "Pay to account 1234-567 transit 00011 (Royal Bank)",
    "2% 10 days, net 30",
)
LABEL = {
    "invoice_number": "INV-2031",
    "issue_date": "2026-03-04",
    "invoice_type": "380",
    "currency": "CAD",
    "supplier_name": "Maple Tools Inc.",
    "supplier_address": "12 King Street West, Toronto, Ontario M5H 1A1, Canada",
    "supplier_street": "12 King Street West",
    "supplier_city": "Toronto",
    "supplier_region": "Ontario",
    "supplier_postcode": "M5H 1A1",
    "supplier_country": "CA",
    "customer_name": "Prairie Supply Ltd.",
    "customer_number": "C-778",
    "net_total": "295.00",
    "gross_total": "330.40",
    "prepaid_amount": "100.00",
    "amount_due": "230.40",
    "payment_account": "1234-567",
    "payment_routing": "00011",
    "payment_account_scheme": "transit",
    "supplier_tax_ids": [{"scheme": "GST/HST", "value": "123456789 RT0001"}],
    "tax_breakdown": [
        {"name": "GST", "rate": "5", "net": "295.00", "tax": "14.75"},
        {"name": "PST", "rate": "7", "net": "295.00", "tax": "20.65"},
    ],
    "line_items": [
        {
            "seller_item_id": "AX-1",
            "description": "Steel anchor",
            "quantity": "10",
            "unit_price": "20.00",
            "net_amount": "200.00",
        },
        {
            "seller_item_id": "AX-2",
            "description": "Wall plug",
            "quantity": "50",
            "unit_price": "2.00",
            "net_amount": "100.00",
        },
    ],
    "allowances_charges": [
        {"kind": "allowance", "amount": "20.00", "percent": "10", "reason": "Anchor discount", "line": 1},
        {"kind": "charge", "amount": "15.00", "reason": "Freight"},
    ],
    "payment_discounts": [{"percent": "2", "days": "10"}],
}


@pytest.fixture
def extraction(azure: AzureStandin, engine_for) -> Extraction:
    azure.answering = LabelAnswers([LABEL])
    return engine_for().extract(document(), reading(PAGE))


def test_an_invoice_with_two_taxes_a_discount_and_freight_is_read_whole(extraction: Extraction) -> None:
    invoice = extraction.invoice
    assert (invoice.supplier_country, invoice.supplier_region, invoice.supplier_postcode) == (
        "CA",
        "Ontario",
        "M5H 1A1",
    )
    assert [(row.name, row.rate, row.tax) for row in invoice.tax_breakdown] == [
        ("GST", Decimal(5), Decimal("14.75")),
        ("PST", Decimal(7), Decimal("20.65")),
    ]
    assert [line.seller_item_id for line in invoice.line_items] == ["AX-1", "AX-2"]
    [discount] = invoice.payment_discounts
    assert (discount.percent, discount.days) == (Decimal(2), Decimal(10))
    assert invoice.tax_total is None, "no sum of the taxes is printed"
    assert extraction.findings == ()


def test_a_deduction_is_stored_without_the_sign_that_the_page_prints(extraction: Extraction) -> None:
    allowance, charge = extraction.invoice.allowances_charges
    assert (allowance.kind, allowance.amount, allowance.percent) == ("allowance", Decimal(20), Decimal(10))
    assert (charge.kind, charge.amount, charge.reason) == ("charge", Decimal(15), "Freight")
    assert extraction.invoice.prepaid_amount == Decimal(100)


def test_a_discount_of_a_position_names_its_row(extraction: Extraction) -> None:
    assert [row.line for row in extraction.invoice.allowances_charges] == [1, None]


def test_an_account_without_iban_and_a_tax_id_without_vat_are_listed_and_shown(extraction: Extraction) -> None:
    invoice = extraction.invoice
    assert (invoice.payment_account, invoice.payment_routing, invoice.payment_iban) == ("1234-567", "00011", None)
    [account] = invoice.payment_accounts
    assert (account.account, account.routing, account.scheme) == ("1234-567", "00011", "TRANSIT")
    [tax_id] = invoice.supplier_tax_ids
    assert (tax_id.scheme, tax_id.value) == ("GST/HST", "123456789RT0001")
    assert invoice.supplier_tax_id == "123456789RT0001"
    assert invoice.supplier_vat_id is None


def test_every_value_has_its_place_on_the_page(extraction: Extraction) -> None:
    places = {each.field: each.line for each in extraction.evidence}
    fields = extraction.invoice.model_dump(exclude_defaults=True)
    shown = {
        f"{name}[{index}].{column}"
        for name, rows in fields.items()
        if isinstance(rows, tuple)
        for index, row in enumerate(rows)
        for column, value in row.items()
        if value is not None
    } | {name for name, value in fields.items() if not isinstance(value, tuple)}
    assert shown - places.keys() == set()
    assert places["allowances_charges[0].kind"] == places["allowances_charges[0].amount"] == 13
    assert places["payment_accounts[0].account"] == places["payment_account"] == 22


def test_two_values_of_one_field_are_none_and_a_finding(azure: AzureStandin, engine_for) -> None:
    azure.answering = lambda _message: answer(
        gross_total=[{"text": "330.40", "line": 18}, {"text": "295.00", "line": 15}],
        invoice_number=[{"text": "INV-2031", "line": 6}, {"text": "INV-2031", "line": 6}],
        customer_number=[{"text": "C-778", "line": 8}, {"text": "4711", "line": 21}],
    )
    extraction = engine_for().extract(document(), reading(PAGE))
    assert extraction.invoice.gross_total is None
    assert extraction.invoice.customer_number is None
    assert extraction.invoice.invoice_number == "INV-2031"
    found = {finding.fields[0]: finding.severity for finding in extraction.findings if finding.rule == "several_values"}
    assert found == {"gross_total": Severity.WARNING, "customer_number": Severity.INFO}
    assert {each.field for each in extraction.evidence} == {"invoice_number"}


def test_an_account_that_is_no_iban_is_not_stored_as_one(azure: AzureStandin, engine_for) -> None:
    azure.answering = lambda _message: answer(payment_iban={"text": "1234-567", "line": 22})
    extraction = engine_for().extract(document(), reading(PAGE))
    assert extraction.invoice.payment_iban is None
    assert [finding.rule for finding in extraction.findings] == ["unreadable_value"]


def test_pages_that_repeat_their_footer_list_each_account_once_and_each_position(
    azure: AzureStandin, engine_for
) -> None:
    footer = "Account 1234-567 transit 00011"
    filling = tuple(f"Please note {number}" for number in range(7))
    pages = (("1 Bolt 5.00", footer, *filling), ("1 Bolt 5.00", "Total 10.00", footer, *filling))

    def by_page(message: str) -> dict:
        first = "\n1| " in message
        rows = [{"description": {"text": "Bolt", "line": 1 if first else 10}}]
        account = {"text": "1234-567", "line": 2 if first else 12}
        return answer(
            line_items=rows,
            payment_accounts=[{"account": account, "routing": {"text": "00011", "line": account["line"]}}],
            gross_total={"text": "5.00" if first else "10.00", "line": 1 if first else 11},
        )

    azure.answering = by_page
    engine = engine_for(azure_openai_max_output_tokens=400)
    invoice = engine.extract(document(), reading(*pages)).invoice
    assert len(azure.bill) == 2
    assert [line.description for line in invoice.line_items] == ["Bolt", "Bolt"]
    assert len(invoice.payment_accounts) == 1
    assert invoice.gross_total == Decimal(10), "the sum on the last page"


def test_fields_of_ones_own_are_asked_for_read_by_their_kind_and_kept_apart(azure: AzureStandin) -> None:
    own = Declarations(
        fields=(
            CustomField(name="cost_centre", type=CustomType.CODE, pattern="[0-9]{4}", description="who bears the cost"),
            CustomField(name="region", type=CustomType.CODE, codes=("east", "west")),
            CustomField(name="ordered", type=CustomType.DATE),
            CustomField(name="bin", type=CustomType.IDENTIFIER, place=Place.LINE),
        )
    )
    azure.answering = lambda _message: (
        answer(line_items=[{"description": {"text": "Steel anchor", "line": 11}, "bin": {"text": "AX-1", "line": 11}}])
        | {
            "fields": [
                {"field": "cost_centre", "text": "4711", "line": 21},
                {"field": "ordered", "text": "March 4, 2026", "line": 7},
                {"field": "region", "text": "Toronto", "line": 3},
            ]
        }
    )
    settings = Settings(_env_file=None, **settings_for(azure))
    engine = AzureOpenAIEngine(settings, AnswersInMemory(), own_fields=own)
    plain = AzureOpenAIEngine(settings, AnswersInMemory())
    extraction = engine.extract(document(), reading(PAGE))
    assert extraction is not None
    assert extraction.invoice.custom == {"cost_centre": "4711", "ordered": date(2026, 3, 4).isoformat()}
    assert extraction.invoice.line_items[0].custom == {"bin": "AX-1"}
    assert [finding.fields for finding in extraction.findings] == [("custom.region",)], "no code of that field"
    places = {each.field: each.line for each in extraction.evidence}
    assert "custom.region" not in places
    assert (places["custom.cost_centre"], places["line_items[0].custom.bin"]) == (21, 11)
    [request] = azure.requests
    assert "- `cost_centre`: Cost centre, who bears the cost" in request["messages"][0]["content"]
    schema = request["response_format"]["json_schema"]["schema"]["properties"]
    assert {"cost_centre", "ordered"} <= set(schema["fields"]["items"]["properties"]["field"]["enum"])
    assert engine.version != plain.version
    plain.close()
    engine.close()


def test_a_server_that_takes_any_json_object_is_told_the_names(azure: AzureStandin, engine_for) -> None:
    azure.rejects = frozenset({"json_schema"})
    azure.answering = LabelAnswers([LABEL])

    def refused(request: dict) -> bool:
        return "schema" in request["response_format"]

    engine = engine_for()
    engine.extract(document(), reading(PAGE))
    beside = azure.requests[-1]
    assert refused(beside), "the stand-in accepts a schema beside the format"
    chat = engine._chats[0]
    chat._capabilities = chat._capabilities.without_schema()
    engine.extract(document(), reading((*PAGE, "Thank you")))
    sent = azure.requests[-1]
    assert sent["response_format"] == {"type": "json_object"}
    assert '"enum"' in sent["messages"][0]["content"]
    assert "JSON" in sent["messages"][0]["content"]


def test_values_named_by_keys_are_understood(azure: AzureStandin, engine_for) -> None:
    """As smaller servers answer that are not held to the schema."""
    azure.answering = lambda _message: {
        "fields": {"invoice_number": {"text": "INV-2031", "line": 6}, "notes": None},
        "rows": {
            "line_items": [{"description": [{"text": "Steel anchor", "line": 11}], "quantity": 10}],
            "tax_breakdown": None,
        },
        "gross_total": {"text": "330.40", "line": 18},
        "payment_discounts": [{"percent": {"text": "2%", "line": 23}}],
    }
    invoice = engine_for().extract(document(), reading(PAGE)).invoice
    assert (invoice.invoice_number, invoice.gross_total) == ("INV-2031", Decimal("330.40"))
    assert [(line.description, line.quantity) for line in invoice.line_items] == [("Steel anchor", None)]
    assert [row.percent for row in invoice.payment_discounts] == [Decimal(2)]
