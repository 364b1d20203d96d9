"""The page of a record that states more than most: what is there is shown, what is not is folded away."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal

from playwright.sync_api import Locator, Page, expect

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.invoice import AllowanceCharge, Attachment, LineItem, PaymentDiscount, TaxId, TaxLine
from cira_pipeline.models import AttachedFile
from tests.api.stored import ended_job


def _whole(api) -> str:
    return ended_job(
        api.services,
        payment_reference="RF18539007547034",
        payment_bic="COBADEFFXXX",
        delivery_date=date(2024, 4, 30),
        withholding_total=Decimal("15.00"),
        tax_breakdown=(
            TaxLine(name="CGST", category="S", rate=Decimal(9), net=Decimal("100.00"), tax=Decimal("9.00")),
            TaxLine(name="SGST", category="S", rate=Decimal(9), net=Decimal("100.00"), tax=Decimal("9.00")),
        ),
        line_items=(LineItem(description="Bolts", seller_item_id="B-77", net_amount=Decimal("100.00")),),
        allowances_charges=(AllowanceCharge(kind="charge", amount=Decimal("8.00"), reason="Freight"),),
        payment_discounts=(PaymentDiscount(percent=Decimal(2), days=Decimal(10)),),
        supplier_tax_ids=(TaxId(scheme="GSTIN", value="27AAPFU0939F1ZV"),),
        other_terms={"BT-33": ("Managing director: A. Berg",)},
    )


def _opened(visit, api) -> Page:
    job_id = _whole(api)
    page = visit("acme", Scope.READ, Scope.REVIEW)
    page.goto(f"{api.url}/invoices/{job_id}")
    return page


def _input(page: Page, name: str) -> Locator:
    return page.locator(f'[name="{name}"]')


def test_what_an_invoice_states_is_shown_and_what_it_does_not_is_folded_away(visit, api) -> None:
    page = _opened(visit, api)
    expect(_input(page, "payment_reference")).to_have_value("RF18539007547034")
    expect(_input(page, "delivery_date")).to_have_value("2024-04-30")
    expect(_input(page, "tax_breakdown.1.name")).to_have_value("SGST")
    expect(_input(page, "line_items.0.seller_item_id")).to_have_value("B-77")
    expect(_input(page, "allowances_charges.0.reason")).to_have_value("Freight")
    expect(_input(page, "supplier_tax_ids.0.scheme")).to_have_value("GSTIN")
    assert _input(page, "line_items.0.standard_item_id").count() == 0
    tip = _input(page, "tip_amount")
    expect(tip).to_be_hidden()
    page.get_by_role("group", name="Amounts").get_by_text("more fields, not stated").click()
    expect(tip).to_be_visible()
    page.get_by_text("Other terms of the e-invoice").click()
    expect(page.get_by_text("Managing director: A. Berg")).to_be_visible()


def test_an_attachment_can_be_saved_from_the_page(visit, api) -> None:
    content = b"hours;12"
    sha256 = hashlib.sha256(content).hexdigest()
    kept = Attachment(filename="hours <b>.csv", media_type="text/csv", size_bytes=Decimal(8), sha256=sha256)
    named = Attachment(reference="T-2", location="javascript:alert(1)")
    job_id = ended_job(api.services, attachments=(kept, named))
    api.services.documents.put_files(
        api.services.records.get(job_id).document_sha256, [AttachedFile(sha256=sha256, content=content)]
    )
    page = visit("acme", Scope.READ, Scope.REVIEW)
    page.goto(f"{api.url}/invoices/{job_id}")
    with page.expect_download() as download:
        page.get_by_role("link", name="hours <b>.csv").click()
    assert download.value.path().read_bytes() == content
    assert page.locator('a[href^="javascript"]').count() == 0


def test_a_person_adds_what_was_folded_away_and_nothing_else_changes(visit, api) -> None:
    page = _opened(visit, api)
    page.get_by_role("group", name="Amounts").get_by_text("more fields, not stated").click()
    _input(page, "tip_amount").fill("5.00")
    _input(page, "allowances_charges.0.reason").fill("Freight and packing")
    page.get_by_text("More tables, not stated").click()
    page.locator('[data-add="preceding_invoices"]').click()
    _input(page, "preceding_invoices.0.number").fill("RE-1")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("Confirmed by Anna Berg on").wait_for()
    job_id = page.url.rpartition("/")[2].partition("?")[0]
    kept = api.services.records.get(job_id).record.invoice
    before = api.services.confirmations.latest(job_id).changes
    assert set(before) == {"tip_amount", "allowances_charges", "preceding_invoices"}
    assert (kept.tip_amount, kept.allowances_charges[0].reason) == (Decimal("5.00"), "Freight and packing")
    assert kept.allowances_charges[0].amount == Decimal("8.00")
    assert [each.number for each in kept.preceding_invoices] == ["RE-1"]
    label = api.services.labels.get(api.services.records.get(job_id).document_sha256)
    assert "customer_email" not in label, "nobody looked for what was folded away"
    assert label["purchase_order"] is None
