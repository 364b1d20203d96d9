"""The reference to state with the payment, in the habits of each country, and what is none."""

from __future__ import annotations

import pytest

from tests.extraction.offline.invented import Placed, block, evidence, extracted, invoice, keyed, reading, right

# Habit -> line as printed, reference.
STATED = {
    "ISO 11649": ("Payment reference: RF18 5390 0754 7034", "RF18539007547034"),
    "Swiss QR": ("Referenz 21 00000 00003 13947 14300 09017", "210000000003139471430009017"),
    "Norway": ("KID: 1234567897", "1234567897"),
    "Sweden": ("OCR-nr: 9912346", "9912346"),
    "Finland": ("Viitenumero: 1234561", "1234561"),
    "Denmark": ("Betalingsid: 123456789012347", "123456789012347"),
    "Danish slip": ("+71<123456789012347+12345678<", "123456789012347"),
    "Swedish slip": ("# 9912346 # 1234 00 5 > 50501055#41#", "9912346"),
    "Belgium": ("Gestructureerde mededeling: +++090/9337/55493+++", "090933755493"),
    "Belgium, no label": ("+++090/9337/55493+++", "090933755493"),
    "Slovenia": ("Sklic: SI12 1234567890120", "SI121234567890120"),
    "Croatia": ("Poziv na broj: HR01 4711-2026", "HR014711-2026"),
    "Czechia": ("Variabilní symbol: 2026004711", "2026004711"),
    "Germany": ("Verwendungszweck: RE-2026-4711", "RE-2026-4711"),
    "please quote": ("Please quote FT/88123 with your payment", "FT/88123"),
}


# Words by which the language of a page shows.
SPOKEN = {
    "Norway": ("Fakturanummer", "Forfallsdato", "Betalingsbetingelser", "Beskrivelse"),
    "Sweden": ("Fakturanummer", "Förfallodatum", "Betalningsvillkor", "Fakturadatum"),
    "Slovenia": ("Številka računa", "Datum izdaje", "Rok plačila", "Prodajalec"),
}


def page(*lines: str, spoken: tuple[str, ...] = ()) -> list[Placed]:
    return [
        *((320, 400 + 15 * index, word) for index, word in enumerate(spoken)),
        *block(40, 40, "Fernhill Trading Ltd", "12 Market Street", "London W1A 1AA"),
        *block(320, 40, "Bill to:", "Hotel Lakeside Inc", "8 Shore Road", "Springfield, IL 62704"),
        *keyed(40, 160, 200, ("Invoice No.:", "R-4711"), ("Invoice date:", "12 May 2026")),
        (40, 300, "Total amount due"),
        right(500, 300, "119.00 EUR"),
        *block(40, 600, *lines),
    ]


@pytest.mark.parametrize("habit", STATED)
def test_the_reference_is_read(habit: str) -> None:
    line, reference = STATED[habit]
    found = extracted(reading(page(line, spoken=SPOKEN.get(habit, ()))))
    assert found.invoice.payment_reference == reference
    assert found.invoice.invoice_number == "R-4711"
    assert found.invoice.purchase_order is None
    assert evidence(found, "payment_reference").text in line


@pytest.mark.parametrize(
    "line",
    [
        "Article 21 00000 00003 13947 14300 09017",
        "Serial 9912346",
        "RF18 5390 0754 7034",
        "Referenz 21 00000 00003 13947 14300 09018",
        "Reference: 1234567897",
        "+++090/9337/55494+++",
        "+71<123456789012348+12345678<",
        "Payment reference: see above",
        "Please quote the invoice number with your payment",
        "Payment reference 12 May 2026",
    ],
)
def test_what_only_looks_like_a_reference_is_none(line: str) -> None:
    assert invoice(page(line)).payment_reference is None


def test_a_reference_with_a_wrong_check_digit_is_kept_beside_its_label_with_less_confidence() -> None:
    right_one, wrong = (
        extracted(reading(page(f"KID: {kid}", spoken=SPOKEN["Norway"]))) for kid in ("1234567897", "1234567895")
    )
    assert wrong.invoice.payment_reference == "1234567895"
    assert evidence(wrong, "payment_reference").confidence < 0.7 < evidence(right_one, "payment_reference").confidence


def test_two_references_that_both_hold_are_left_to_a_person() -> None:
    found = invoice(
        page("Payment reference: RF18 5390 0754 7034", "Reference: RF36 0191 0483 5", "+++090/9337/55493+++")
    )
    assert found.payment_reference is None


def test_bpay_has_a_biller_code_and_a_reference() -> None:
    found = invoice(page("Biller Code: 565572", "Ref: 1234 5678 97"))
    assert found.payment_reference == "1234567897"
    assert [(each.scheme, each.account) for each in found.payment_accounts] == [("BPAY", "565572")]
