"""What a document states by the habits of its country, as lines of text; each notes in the draft what it states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from cira_pipeline.invoice import PaymentAccount, PaymentDiscount, TaxId
from cira_pipeline.printed.tax_ids import SECONDARY, VAT
from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.national import National, StatedAccount, StatedId

FACTS: dict[str, str | None] = {
    "sales_order": "sales_order",
    "delivery_note": "delivery_note",
    "project_reference": "project_reference",
    "contract_reference": "contract_reference",
    "ship_via": None,
    "sales_rep": None,
    "place_of_supply": None,
    "vehicle": None,
}
"""Facts that only some countries' invoices state, each with its field, `None` where the record has none."""


def supplier_ids(draft: Draft, national: National) -> list[tuple[str, str]]:
    """Labels and values of the supplier's tax ids."""
    stated = national.side.ids
    if stated:
        draft.values["supplier_tax_ids"] = _tax_ids(stated)
        draft.values |= _main_id("supplier", stated)
    for each in stated:
        if each.form.scheme == VAT:
            draft.values["supplier_vat_id"] = _bare(each.value)
    return [(_label(draft, each.form.labels), each.value) for each in stated]


def supplier_id_lines(draft: Draft, national: National) -> list[str]:
    return [f"{label}{draft.layout.colon} {value}" for label, value in supplier_ids(draft, national)]


def customer_id_lines(draft: Draft, national: National) -> list[str]:
    stated = national.customer_ids
    if stated:
        draft.values["customer_tax_ids"] = _tax_ids(stated)
        draft.values |= _main_id("customer", stated)
    for each in stated:
        if each.form.scheme == VAT:
            draft.values["customer_vat_id"] = _bare(each.value)
    return [f"{_label(draft, each.form.labels)}{draft.layout.colon} {each.value}" for each in stated]


def registration_lines(draft: Draft, national: National) -> list[str]:
    if not national.side.registration:
        return []
    draft.values["supplier_registration"] = national.side.registration
    return [national.side.registration_text]


def account_lines(draft: Draft, national: National) -> list[str]:
    """All accounts, and the payment reference after the one it belongs to."""
    lines: list[str] = []
    rows = []
    for stated in national.side.accounts:
        rows.append(_row(stated))
        # The bank is named once.
        lines += [line for line in _lines_of(draft, stated) if line not in lines]
    draft.values["payment_accounts"] = tuple(rows)
    for row in rows:
        if row.scheme == "IBAN":
            draft.values["payment_iban"] = row.account
        if row.bic:
            draft.values["payment_bic"] = row.bic
    main = rows[0]
    if main.scheme != "IBAN":
        draft.values |= {"payment_account": main.account, "payment_account_scheme": main.scheme}
        if main.routing:
            draft.values["payment_routing"] = main.routing
    if main.name:
        draft.values["payment_account_name"] = main.name
    form = national.habits.reference
    if form is not None and national.reference:
        draft.values["payment_reference"] = _bare(national.reference)
        lines.append(f"{_label(draft, form.labels)}{draft.layout.colon} {national.reference}")
    return lines


def terms_text(draft: Draft, national: National) -> str:
    """The terms of payment, with the cash discount where there is one."""
    days = draft.bill.days
    if national.cash_discount is None:
        return draft.word("terms").format(days=days)
    percent, within = national.cash_discount
    draft.values["payment_discounts"] = (PaymentDiscount(percent=percent, days=within),)
    rate = draft.writing.rate(percent)
    return draft.word("terms_discount").format(percent=rate, within=within, days=days)


def state_party(draft: Draft, side: str) -> None:
    """Notes the parts of the address of `side` (supplier or customer)."""
    party = draft.bill.supplier if side == "supplier" else draft.bill.customer
    draft.values |= {
        f"{side}_street": party.street,
        f"{side}_postcode": party.postcode,
        f"{side}_city": party.city,
    }
    if party.region and party.region in party.town:
        draft.values[f"{side}_region"] = party.region


def _row(stated: StatedAccount) -> PaymentAccount:
    account = stated.account
    return PaymentAccount(
        account=_bare(account.account),
        routing=account.routing or None,
        scheme=account.scheme,
        bic=account.bic or None,
        name=account.name if account.name and stated.form.name else None,
    )


def _lines_of(draft: Draft, stated: StatedAccount) -> Iterator[str]:
    form, account, colon = stated.form, stated.account, draft.layout.colon
    if account.bank:
        yield account.bank
    if form.name and account.name:
        yield f"{_label(draft, form.name)}{colon} {account.name}"
    if account.routing:
        yield f"{_label(draft, form.routing)}{colon} {account.routing}"
    number = account.account
    if account.scheme == "IBAN" and draft.layout.iban_in_groups:
        number = " ".join(number[start : start + 4] for start in range(0, len(number), 4))
    yield f"{_label(draft, form.account or ('IBAN',))}{colon} {number}"
    if account.bic:
        yield f"{'SWIFT' if account.scheme == 'ABA' else 'BIC'}{colon} {account.bic}"


def _main_id(side: str, stated: Sequence[StatedId]) -> dict[str, str]:
    """The main tax id that is no VAT id, if one is stated."""
    others = [each for each in stated if each.form.scheme != VAT]
    main = next((each for each in others if each.form.scheme not in SECONDARY), others[0] if others else None)
    return {f"{side}_tax_id": _bare(main.value)} if main is not None else {}


def _tax_ids(stated: Iterable[StatedId]) -> tuple[TaxId, ...]:
    return tuple(TaxId(scheme=each.form.scheme, value=_bare(each.value)) for each in stated)


def _label(draft: Draft, labels: Sequence[str]) -> str:
    return labels[draft.layout.spelling % len(labels)]


def _bare(value: str) -> str:
    return re.sub(r"\s", "", value)
