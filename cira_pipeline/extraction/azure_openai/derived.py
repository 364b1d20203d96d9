"""Completes tables and fields that follow from others, so that the model names each printed value once.

A VAT id is a row of its party's tax ids too; a party's tax id is the first of its table that is no VAT id, of a scheme
that it may be taxed under where there is one; the account to pay to is a row of the accounts.
"""

from __future__ import annotations

from typing import Any

from cira_pipeline.extraction.offline.parse.identifiers import bare
from cira_pipeline.invoice import PaymentAccount, TaxId
from cira_pipeline.models import Evidence, Extraction
from cira_pipeline.printed.tax_ids import SECONDARY, VAT

_PARTIES = ("supplier", "customer")
_ACCOUNT = {"routing": "payment_routing", "bic": "payment_bic", "name": "payment_account_name"}


def completed(extraction: Extraction) -> Extraction:
    """`extraction` with the values that follow from its own, each with the evidence of the value it was taken from."""
    invoice = extraction.invoice
    by_field: dict[str, list[Evidence]] = {}
    for each in extraction.evidence:
        by_field.setdefault(each.field, []).append(each)
    values: dict[str, Any] = {}
    copied: list[Evidence] = []

    def copy(source: str, target: str) -> None:
        copied.extend(each.model_copy(update={"field": target}) for each in by_field.get(source, ()))

    for party in _PARTIES:
        table, main = f"{party}_tax_ids", f"{party}_tax_id"
        rows: tuple[TaxId, ...] = getattr(invoice, table)
        for name, scheme in ((f"{party}_vat_id", VAT), (main, None)):
            value = getattr(invoice, name)
            if value is not None and bare(value) not in {bare(row.value or "") for row in rows}:
                copy(name, f"{table}[{len(rows)}].value")
                rows = (*rows, TaxId(scheme=scheme, value=value))
        vat_id = bare(getattr(invoice, f"{party}_vat_id") or "")
        others = [index for index, row in enumerate(rows) if row.value and bare(row.value) != vat_id]
        first = next((index for index in others if rows[index].scheme not in SECONDARY), next(iter(others), None))
        if getattr(invoice, main) is None and first is not None:
            values[main] = rows[first].value
            copy(f"{table}[{first}].value", main)
        values[table] = rows
    account = "payment_iban" if invoice.payment_iban is not None else "payment_account"
    if not invoice.payment_accounts and getattr(invoice, account) is not None:
        columns = {"account": account, **_ACCOUNT}
        found = {column: getattr(invoice, name) for column, name in columns.items()}
        scheme = "IBAN" if invoice.payment_iban is not None else invoice.payment_account_scheme
        values["payment_accounts"] = (PaymentAccount(**found, scheme=scheme),)
        for column, name in {**columns, "scheme": "payment_account_scheme"}.items():
            copy(name, f"payment_accounts[0].{column}")
    return extraction.model_copy(
        update={"invoice": invoice.model_copy(update=values), "evidence": (*extraction.evidence, *copied)}
    )
