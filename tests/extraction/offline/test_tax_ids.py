"""Tax ids of any country: by the label that names their scheme, to the party in whose place they are printed."""

from __future__ import annotations

import pytest

from cira_pipeline.invoice import Invoice
from tests.extraction.offline.invented import Placed, block, extracted, invoice, keyed, reading

# Scheme -> label as printed, id as printed, the same with a wrong check digit (none where the scheme has no digits).
STATED = {
    "GSTIN": ("GSTIN", "27AAPFU0939F1ZV", "27AAPFU0939F1ZX"),
    "PAN": ("PAN No", "ACUPA7085R", None),
    "ABN": ("ABN", "83 914 571 673", "83 914 571 674"),
    "EIN": ("Federal Tax ID", "91-1144442", None),
    "UEN": ("UEN", "00192200M", "00192200N"),
    "TRN": ("TRN", "100354627800003", None),
    "CNPJ": ("CNPJ", "16.727.230/0001-97", "16.727.230/0001-98"),
    "CPF": ("CPF", "390.533.447-05", "390.533.447-06"),
    "RFC": ("RFC", "GODE561231GR8", None),
    "NIT": ("NIT", "213.123.432-1", "213.123.432-2"),
    "RUC": ("RUC", "20512333797", "20512333798"),
    "RUT": ("R.U.T.", "76.086.428-5", "76.086.428-6"),
    "CUIT": ("CUIT", "20-05536168-2", "20-05536168-3"),
    "GST/HST": ("GST/HST No.", "12302 6635 RT0001", None),
    "QST": ("QST No.", "1012345678 TQ0001", None),
    "GST": ("GST No.", "49-091-850", "49-091-851"),
    "VAT": ("VAT Reg No", "4710109879", None),
    "SIRET": ("SIRET", "732 829 320 00074", "732 829 320 00075"),
    "SIREN": ("SIREN", "732 829 320", "732 829 321"),
    "CF": ("Codice fiscale", "RCCMNL83S18D969H", "RCCMNL83S18D969I"),
    "STNR": ("Steuernummer", "151/815/08156", None),
    "ORGNR": ("Organisationsnummer", "123456-7897", "123456-7898"),
    "NPWP": ("NPWP", "01.300.066.6-091.000", "01.300.067.6-091.000"),
    "MST": ("MST", "0100233488", "0100233489"),
    "JCT": ("Registration No.", "T7000012050002", "T7000012050003"),
    "BRN": ("Business Registration No.", "116-82-00276", None),
    "CVR": ("CVR-nr.", "13 58 56 28", "13 58 56 29"),
    "YTUNNUS": ("Y-tunnus", "2077474-0", "2077474-1"),
    "UID": ("UID", "CHE-100.155.212", "CHE-100.155.213"),
    "OSS": ("OSS VAT No", "EU372022452", None),
}


def page(*lines: str, customer: tuple[str, ...] = ()) -> list[Placed]:
    """A supplier at the top, a customer under its heading, and `lines` under the supplier's address."""
    return [
        *block(40, 40, "Fernhill Trading Ltd", "12 Market Street", "London W1A 1AA", *lines),
        *block(320, 40, "Bill to:", "Hotel Lakeside Inc", "8 Shore Road", "Springfield, IL 62704", *customer),
        *keyed(40, 120, 200, ("Invoice No.:", "R-4711"), ("Total:", "119.00")),
    ]


def stated(found: Invoice, side: str = "supplier") -> list[tuple[str | None, str | None]]:
    return [(each.scheme, each.value) for each in getattr(found, f"{side}_tax_ids")]


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


@pytest.mark.parametrize("scheme", STATED)
def test_an_id_is_read_with_its_scheme(scheme: str) -> None:
    label, value, _ = STATED[scheme]
    assert stated(invoice(page(f"{label}: {value}"))) == [(scheme, letters(value))]


@pytest.mark.parametrize("scheme", STATED)
def test_a_number_of_the_same_form_without_label_is_none(scheme: str) -> None:
    _, value, _ = STATED[scheme]
    assert stated(invoice(page(f"Article {value}"))) == []


@pytest.mark.parametrize("scheme", [scheme for scheme, (_, _, wrong) in STATED.items() if wrong])
def test_a_wrong_check_digit_lowers_the_confidence(scheme: str) -> None:
    label, value, wrong = STATED[scheme]
    right, damaged = (extracted(reading(page(f"{label}: {each}"))) for each in (value, wrong))
    assert stated(damaged.invoice) == [(scheme, letters(wrong or ""))]
    sure, unsure = (
        min(each.confidence for each in extraction.evidence if each.field == "supplier_tax_ids[0].value")
        for extraction in (right, damaged)
    )
    assert unsure < 0.7 < sure


def test_each_party_has_the_ids_of_its_own_block() -> None:
    found = invoice(page("ABN: 83 914 571 673", "ACN 004 085 616", customer=("ABN: 53 004 085 616",)))
    assert stated(found) == [("ABN", "83914571673")]
    assert stated(found, "customer") == [("ABN", "53004085616")]
    assert (found.supplier_tax_id, found.customer_tax_id) == ("83914571673", "53004085616")
    assert found.supplier_vat_id is None


def test_a_word_of_the_label_says_whose_id_it_is() -> None:
    keys = keyed(40, 200, 250, ("Customer GSTIN:", "27AAPFU0939F1ZV"), ("Our GSTIN:", "29AAGCB7383J1Z4"))
    found = invoice([*page(), *keys])
    assert stated(found, "customer") == [("GSTIN", "27AAPFU0939F1ZV")]
    assert stated(found) == [("GSTIN", "29AAGCB7383J1Z4")]


def test_two_ids_that_nothing_assigns_are_left_out() -> None:
    keys = keyed(40, 200, 250, ("GSTIN:", "27AAPFU0939F1ZV"), ("GSTIN:", "29AAGCB7383J1Z4"))
    found = invoice([*page(), *keys])
    assert (stated(found), stated(found, "customer")) == ([], [])


def test_the_only_id_of_a_page_is_the_suppliers() -> None:
    found = extracted(reading([*page(), *keyed(40, 200, 250, ("EIN:", "91-1144442"))]))
    assert stated(found.invoice) == [("EIN", "911144442")]
    assert {each.field for each in found.evidence} >= {
        "supplier_tax_id",
        "supplier_tax_ids[0].scheme",
        "supplier_tax_ids[0].value",
    }


def test_a_vat_id_is_listed_with_the_others_and_stays_in_its_field() -> None:
    found = invoice(page("USt-IdNr. DE136695976", "Steuernummer: 151/815/08156"))
    assert found.supplier_vat_id == "DE136695976"
    assert stated(found) == [("VAT", "DE136695976"), ("STNR", "15181508156")]
    assert found.supplier_tax_id == "15181508156"


def test_a_norwegian_vat_number_is_a_vat_id_without_its_country() -> None:
    found = invoice(page("Org.nr: 995 525 828 MVA"))
    assert found.supplier_vat_id == "NO995525828MVA"
    assert stated(found) == [("VAT", "NO995525828MVA")]


def test_a_tax_number_of_unknown_scheme_is_kept_beside_its_label_only() -> None:
    assert stated(invoice(page("Tax No: 1456-88123"))) == [("TIN", "145688123")]
    assert stated(invoice(page("Tax No: see below", "1456-88123"))) == []


def test_an_amount_beside_the_name_of_a_tax_is_no_id() -> None:
    found = invoice(
        [*page(), *keyed(320, 500, 300, ("GST", "1,204.50"), ("GST 10%", "120,450.00"), ("HST", "123 456"))]
    )
    assert stated(found) == []
