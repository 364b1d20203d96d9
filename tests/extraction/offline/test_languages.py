"""Invoices in each language, as its companies print them: those that cannot be read are typed in by hand."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import combinations

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import Entries, lexicon
from cira_pipeline.languages import LANGUAGES, words_of
from tests.extraction.offline.invented import Placed, block, extracted, invoice, keyed, reading, right


@dataclass(frozen=True, kw_only=True)
class Paper:
    """The words of one invoice. `currency` is as printed; `table` and `sums` are its heads and labels in this order:
    description, quantity, unit price, net amount; net, tax, gross.
    """

    locale: str
    title: str
    number: str
    issued: str
    due: str
    seller: tuple[str, str, str, str]
    buyer: tuple[str, str, str, str]
    tax_id: tuple[str, str]
    table: tuple[str, str, str, str]
    items: tuple[str, str]
    sums: tuple[str, str, str]
    rate: int
    currency: tuple[str, str]
    dates: str = "long"


PAPERS = (
    Paper(
        locale="hu",
        title="SZÁMLA",
        number="Számla sorszáma",
        issued="Számla kelte",
        due="Fizetési határidő",
        seller=("Eladó", "Fenyves Faipari Kft.", "Kossuth Lajos utca 12.", "6720 Szeged"),
        buyer=("Vevő", "Tavasz Szálloda Zrt.", "Duna sétány 4.", "1054 Budapest"),
        tax_id=("Adószám", "12892312-2-42"),
        table=("Megnevezés", "Mennyiség", "Nettó egységár", "Nettó érték"),
        items=("Íróasztal", "Forgószék"),
        sums=("Nettó összesen", "ÁFA 27%", "Bruttó összesen"),
        rate=27,
        currency=("Ft", "HUF"),
    ),
    Paper(
        locale="tr",
        title="FATURA",
        number="Fatura No",
        issued="Fatura Tarihi",
        due="Vade Tarihi",
        seller=("Satıcı", "Çınar Mobilya San. ve Tic. Ltd. Şti.", "Atatürk Caddesi No: 14", "35210 İzmir"),
        buyer=("Alıcı", "Deniz Otelcilik A.Ş.", "Sahil Caddesi No: 7", "07100 Antalya"),
        tax_id=("Vergi No", "4540536920"),
        table=("Açıklama", "Miktar", "Birim Fiyat", "Mal Hizmet Tutarı"),
        items=("Çalışma masası", "Ofis koltuğu"),
        sums=("Mal Hizmet Toplam Tutarı", "Hesaplanan KDV (%20)", "Vergiler Dahil Toplam Tutar"),
        rate=20,
        currency=("TRY", "TRY"),
    ),
    Paper(
        locale="hr",
        title="RAČUN",
        number="Broj računa",
        issued="Datum izdavanja",
        due="Datum dospijeća",
        seller=("Prodavatelj", "Drvodjelac Lika d.o.o.", "Ulica kralja Tomislava 8", "53000 Gospić"),
        buyer=("Kupac", "Hotel Galeb d.d.", "Obala 3", "21000 Split"),
        tax_id=("OIB", "33392005961"),
        table=("Naziv robe", "Količina", "Cijena", "Iznos"),
        items=("Radni stol", "Uredska stolica"),
        sums=("Osnovica", "PDV 25%", "Ukupno s PDV-om"),
        rate=25,
        currency=("EUR", "EUR"),
    ),
    Paper(
        locale="sl",
        title="RAČUN",
        number="Številka računa",
        issued="Datum izdaje",
        due="Rok plačila",
        seller=("Prodajalec", "Mizarstvo Bohinj d.o.o.", "Triglavska cesta 9", "4264 Bohinjska Bistrica"),
        buyer=("Kupec", "Hotel Jezero d.d.", "Slovenska cesta 20", "1000 Ljubljana"),
        tax_id=("ID za DDV", "SI50223054"),
        table=("Naziv blaga", "Količina", "Cena brez DDV", "Vrednost brez DDV"),
        items=("Pisalna miza", "Pisarniški stol"),
        sums=("Osnova za DDV", "DDV 22%", "Skupaj z DDV"),
        rate=22,
        currency=("EUR", "EUR"),
    ),
    Paper(
        locale="sr_Latn",
        title="FAKTURA",
        number="Broj fakture",
        issued="Datum izdavanja",
        due="Datum dospeća",
        seller=("Prodavac", "Stolarija Zlatibor d.o.o.", "Bulevar oslobođenja 40", "21000 Novi Sad"),
        buyer=("Kupac", "Hotel Morava d.o.o.", "Ulica Nemanjina 6", "11000 Beograd"),
        tax_id=("PIB", "101134702"),
        table=("Naziv robe", "Količina", "Cena bez PDV", "Iznos bez PDV"),
        items=("Radni sto", "Kancelarijska stolica"),
        sums=("Osnovica za PDV", "PDV 20%", "Ukupno sa PDV"),
        rate=20,
        currency=("RSD", "RSD"),
    ),
    Paper(
        locale="ro",
        title="FACTURĂ",
        number="Număr factură",
        issued="Data emiterii",
        due="Data scadenței",
        seller=("Furnizor", "Tâmplăria Bucovina S.R.L.", "Strada Mihai Eminescu 15", "720019 Suceava"),
        buyer=("Client", "Hotel Carpați S.A.", "Bulevardul Eroilor 2", "500007 Brașov"),
        tax_id=("CIF", "RO18547290"),
        table=("Denumire produs", "Cantitate", "Preț unitar", "Valoare"),
        items=("Birou de lucru", "Scaun rotativ"),
        sums=("Total fără TVA", "TVA 19%", "Total cu TVA"),
        rate=19,
        currency=("RON", "RON"),
    ),
    Paper(
        locale="sk",
        title="FAKTÚRA",
        number="Číslo faktúry",
        issued="Dátum vystavenia",
        due="Dátum splatnosti",
        seller=("Dodávateľ", "Stolárstvo Orava s.r.o.", "Hlavná ulica 21", "027 44 Tvrdošín"),
        buyer=("Odberateľ", "Hotel Dunaj a.s.", "Nábrežie 5", "811 02 Bratislava"),
        tax_id=("IČ DPH", "SK2022749619"),
        table=("Popis", "Množstvo", "Cena za MJ", "Spolu bez DPH"),
        items=("Písací stôl", "Kancelárska stolička"),
        sums=("Základ dane", "DPH 23%", "Spolu s DPH"),
        rate=23,
        currency=("EUR", "EUR"),
    ),
    Paper(
        locale="lt",
        title="PVM SĄSKAITA FAKTŪRA",
        number="Sąskaitos nr.",
        issued="Išrašymo data",
        due="Apmokėti iki",
        seller=("Pardavėjas", "UAB Medžio namai", "Laisvės alėja 18", "44238 Kaunas"),
        buyer=("Pirkėjas", "UAB Baltijos viešbutis", "Gedimino prospektas 5", "01103 Vilnius"),
        tax_id=("PVM mokėtojo kodas", "LT119511515"),
        table=("Prekės pavadinimas", "Kiekis", "Vieneto kaina", "Suma be PVM"),
        items=("Rašomasis stalas", "Biuro kėdė"),
        sums=("Iš viso be PVM", "PVM 21%", "Iš viso su PVM"),
        rate=21,
        currency=("EUR", "EUR"),
    ),
    Paper(
        locale="lv",
        title="RĒĶINS",
        number="Rēķina numurs",
        issued="Rēķina datums",
        due="Apmaksas termiņš",
        seller=("Piegādātājs", "SIA Koka galdnieki", "Brīvības iela 33", "LV-1010 Rīga"),
        buyer=("Pircējs", "SIA Jūras viesnīca", "Jomas iela 7", "LV-2015 Jūrmala"),
        tax_id=("PVN reģ. nr.", "LV40003521600"),
        table=("Nosaukums", "Daudzums", "Cena bez PVN", "Summa bez PVN"),
        items=("Rakstāmgalds", "Biroja krēsls"),
        sums=("Kopā bez PVN", "PVN 21%", "Kopā ar PVN"),
        rate=21,
        currency=("EUR", "EUR"),
    ),
    Paper(
        locale="et",
        title="ARVE",
        number="Arve number",
        issued="Arve kuupäev",
        due="Maksetähtaeg",
        seller=("Müüja", "Võru Puutöö OÜ", "Jüri tänav 11", "65605 Võru"),
        buyer=("Ostja", "Mere Hotell AS", "Pikk tänav 4", "10123 Tallinn"),
        tax_id=("KMKR nr", "EE100931558"),
        table=("Nimetus", "Kogus", "Ühikuhind", "Summa km-ta"),
        items=("Kirjutuslaud", "Kontoritool"),
        sums=("Kokku km-ta", "Käibemaks 22%", "Kokku km-ga"),
        rate=22,
        currency=("EUR", "EUR"),
    ),
    Paper(
        locale="vi",
        title="HÓA ĐƠN GIÁ TRỊ GIA TĂNG",
        number="Số hóa đơn",
        issued="Ngày lập",
        due="Hạn thanh toán",
        seller=("Đơn vị bán hàng", "Công ty TNHH Gỗ Hòa Bình", "12 đường Lê Lợi", "Đà Nẵng"),
        buyer=("Đơn vị mua hàng", "Công ty TNHH Khách sạn Biển Xanh", "7 đường Trần Phú", "Nha Trang"),
        tax_id=("Mã số thuế", "0100233488"),
        table=("Tên hàng hóa, dịch vụ", "Số lượng", "Đơn giá", "Thành tiền"),
        items=("Bàn làm việc", "Ghế xoay"),
        sums=("Cộng tiền hàng", "Tiền thuế GTGT", "Tổng cộng tiền thanh toán"),
        rate=10,
        currency=("VND", "VND"),
        dates="'Ngày' dd 'tháng' MM 'năm' y",
    ),
    Paper(
        locale="id",
        title="FAKTUR",
        number="Nomor Faktur",
        issued="Tanggal Faktur",
        due="Jatuh Tempo",
        seller=("Penjual", "PT Jati Makmur", "Jalan Sudirman 18", "Semarang 50131"),
        buyer=("Pembeli", "PT Hotel Pantai Indah", "Jalan Diponegoro 3", "Denpasar 80113"),
        tax_id=("NPWP", "01.312.166.0-091.000"),
        table=("Nama Barang", "Kuantitas", "Harga Satuan", "Jumlah Harga"),
        items=("Meja kerja", "Kursi putar"),
        sums=("Dasar Pengenaan Pajak", "PPN 11%", "Total Tagihan"),
        rate=11,
        currency=("IDR", "IDR"),
    ),
    Paper(
        locale="cs",
        title="FAKTURA",
        number="Číslo faktury",
        issued="Datum vystavení",
        due="Datum splatnosti",
        seller=("Dodavatel", "Truhlářství Rybín s.r.o.", "Polní ulice 9", "602 00 Brno"),
        buyer=("Odběratel", "Penzion Hrad a.s.", "Zámecká ulice 20", "602 00 Brno"),
        tax_id=("DIČ", "CZ25123891"),
        table=("Popis", "Množství", "Cena za MJ", "Cena bez DPH"),
        items=("Psací stůl", "Kancelářská židle"),
        sums=("Základ daně", "DPH 21%", "Celkem s DPH"),
        rate=21,
        currency=("Kč", "CZK"),
    ),
    Paper(
        locale="fi",
        title="LASKU",
        number="Laskun numero",
        issued="Laskun päiväys",
        due="Eräpäivä",
        seller=("Myyjä", "Saimaan Puu Oy", "Rantakatu 9", "53100 Lappeenranta"),
        buyer=("Ostaja", "Hotelli Koivu Oy", "Asemakatu 2", "00100 Helsinki"),
        tax_id=("ALV-tunniste", "FI20774740"),
        table=("Kuvaus", "Määrä", "Yksikköhinta", "Veroton summa"),
        items=("Työpöytä", "Toimistotuoli"),
        sums=("Veroton yhteensä", "ALV 25,5 %", "Verollinen yhteensä"),
        rate=0,
        currency=("EUR", "EUR"),
    ),
    Paper(
        locale="nb",
        title="FAKTURA",
        number="Fakturanummer",
        issued="Fakturadato",
        due="Forfallsdato",
        seller=("Selger", "Lofoten Snekkeri AS", "Havnegata 4", "8300 Svolvær"),
        buyer=("Kjøper", "Hotell Fjord AS", "Storgata 12", "9008 Tromsø"),
        tax_id=("Org.nr.", "NO988077917MVA"),
        table=("Beskrivelse", "Antall", "Enhetspris", "Beløp"),
        items=("Skrivebord", "Kontorstol"),
        sums=("Sum eks. mva", "Mva 25 %", "Sum inkl. mva"),
        rate=25,
        currency=("NOK", "NOK"),
    ),
    Paper(
        locale="es_CL",
        title="FACTURA ELECTRÓNICA",
        number="Folio N°",
        issued="Fecha emisión",
        due="Fecha vencimiento",
        seller=("Emisor", "Muebles Araucanía SpA", "Avenida Alemania 450", "Temuco"),
        buyer=("Señor(es)", "Hotel Cordillera Ltda.", "Calle Prat 81", "Santiago"),
        tax_id=("R.U.T.", "76.086.428-5"),
        table=("Detalle", "Cantidad", "Precio unitario", "Valor"),
        items=("Escritorio", "Silla giratoria"),
        sums=("Monto neto", "I.V.A. 19%", "Monto total"),
        rate=19,
        currency=("CLP", "CLP"),
    ),
    Paper(
        locale="es_MX",
        title="COMPROBANTE FISCAL DIGITAL",
        number="Serie y folio",
        issued="Fecha de emisión",
        due="Fecha de vencimiento",
        seller=("Emisor", "Maderas del Bajío S.A. de C.V.", "Calle Hidalgo 112", "37000 León"),
        buyer=("Receptor", "Hotelera Sol S.A. de C.V.", "Avenida Juárez 9", "06000 Ciudad de México"),
        tax_id=("RFC", "GODE561231GR8"),
        table=("Descripción", "Cantidad", "Valor unitario", "Importe"),
        items=("Escritorio", "Silla giratoria"),
        sums=("Subtotal", "IVA trasladado 16%", "Total MXN"),
        rate=16,
        currency=("MXN", "MXN"),
    ),
    Paper(
        locale="pt_BR",
        title="NOTA FISCAL ELETRÔNICA",
        number="Número da nota fiscal",
        issued="Data de emissão",
        due="Vencimento",
        seller=("Emitente", "Móveis Serra Gaúcha Ltda", "Rua Marechal Floriano 300", "95020-370 Caxias do Sul"),
        buyer=("Destinatário", "Hotel Copacabana Eireli", "Avenida Atlântica 20", "22010-000 Rio de Janeiro"),
        tax_id=("CNPJ", "16.727.230/0001-97"),
        table=("Descrição do produto", "Qtde", "Valor unitário", "Valor total"),
        items=("Escrivaninha", "Cadeira giratória"),
        sums=("Base de cálculo", "Valor do ICMS", "Valor total da nota"),
        rate=18,
        currency=("R$", "BRL"),
    ),
)


ISSUED, DUE = date(2024, 10, 5), date(2024, 11, 19)


def page_of(paper: Paper) -> list[Placed]:
    def money(value: Decimal) -> str:
        return format_decimal(value, "#,##0.00", locale=paper.locale)

    def day(value: date) -> str:
        return format_date(value, paper.dates, locale=paper.locale)

    net, tax = Decimal("1850.00"), tax_of(paper)
    quantities = ((paper.items[0], "2", "650.00", "1300.00"), (paper.items[1], "5", "110.00", "550.00"))
    edges = (330.0, 430.0, 545.0)
    rows: list[Placed] = [(40, 300, paper.table[0])]
    rows += [right(edge, 300, head) for edge, head in zip(edges, paper.table[1:], strict=True)]
    for top, (text, quantity, price, amount) in zip((318, 336), quantities, strict=True):
        cells = (quantity, money(Decimal(price)), money(Decimal(amount)))
        rows += [(40, top, text), *(right(edge, top, cell) for edge, cell in zip(edges, cells, strict=True))]
    sums = zip((420, 436, 452), paper.sums, (net, tax, net + tax), strict=True)
    for top, label, value in sums:
        rows += [(320, top, label), right(545, top, f"{money(value)} {paper.currency[0]}")]
    return [
        (40, 30, paper.title),
        *block(40, 60, *paper.seller, f"{paper.tax_id[0]}: {paper.tax_id[1]}"),
        *block(320, 60, *paper.buyer),
        *keyed(40, 230, 180, (paper.number, "2024-0417"), (paper.issued, day(ISSUED)), (paper.due, day(DUE))),
        *rows,
    ]


def tax_of(paper: Paper) -> Decimal:
    rate = Decimal("25.5") if paper.locale == "fi" else Decimal(paper.rate)
    return (Decimal("1850.00") * rate / 100).quantize(Decimal("0.01"))


def without_accents(text: str) -> str:
    """As OCR reads it that knows no accents."""
    decomposed = unicodedata.normalize("NFD", text.translate(str.maketrans("đĐı", "dDi")))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@pytest.mark.parametrize("accents", [True, False], ids=["text", "ocr without accents"])
@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.locale)
def test_an_invoice_of_the_country_is_read(paper: Paper, accents: bool) -> None:
    spelt = str if accents else without_accents
    page = [(left, top, spelt(text)) for left, top, text in page_of(paper)]
    found = invoice(page, source="native" if accents else "ocr")
    net, tax = Decimal("1850.00"), tax_of(paper)
    assert (found.invoice_number, found.issue_date, found.due_date) == ("2024-0417", ISSUED, DUE)
    assert (found.invoice_type, found.currency) == ("380", paper.currency[1])
    assert (found.supplier_name, found.customer_name) == (spelt(paper.seller[1]), spelt(paper.buyer[1]))
    assert found.supplier_vat_id == "".join(char for char in paper.tax_id[1] if char.isalnum())
    assert (found.net_total, found.tax_total, found.gross_total) == (net, tax, net + tax)
    assert [(item.description, item.quantity, item.net_amount) for item in found.line_items] == [
        (spelt(paper.items[0]), 2, Decimal("1300.00")),
        (spelt(paper.items[1]), 5, Decimal("550.00")),
    ]


@pytest.mark.parametrize(
    "printed",
    [
        "CUIT: 20-05536168-2",
        "NIT 213.123.432-1",
        "R.U.C. 20512333797",
        "CNPJ/MF: 16.727.230/0001-97",
        "RUT 76.086.428-5",
        "Adószám: 12892312-2-42",
        "MST: 0100233488",
    ],
)
def test_a_tax_number_without_a_prefix_is_read_where_its_check_digits_hold(printed: str) -> None:
    number = "".join(char for char in printed.split()[-1] if char.isdigit())
    page = block(40, 60, "Nordwood", "Main Street 4", printed)
    assert invoice([*page, (40, 200, "INVOICE")]).supplier_vat_id == number
    # The last part of a Hungarian number has no check digit.
    last = printed.index("-2-42") - 1 if printed.endswith("-2-42") else len(printed) - 1
    wrong = f"{printed[:last]}{(int(printed[last]) + 1) % 10}{printed[last + 1 :]}"
    assert invoice([*block(40, 60, "Nordwood", "Main Street 4", wrong), (40, 200, "INVOICE")]).supplier_vat_id is None


@pytest.mark.parametrize(
    ("tax_id", "currency"), [("R.U.T.", "CLP"), ("RFC", "MXN"), ("CUIT", "ARS"), ("NIT", "COP"), ("Registro", None)]
)
def test_the_dollar_of_a_spanish_invoice_is_that_of_the_suppliers_country(tax_id: str, currency: str | None) -> None:
    [chilean] = [paper for paper in PAPERS if paper.locale == "es_CL"]
    paper = replace(chilean, tax_id=(tax_id, "76.086.428-5"), currency=("", ""))
    page = [(left, top, f"$ {text}" if text.endswith(",00 ") else text) for left, top, text in page_of(paper)]
    assert invoice(page).currency == currency


@pytest.mark.parametrize(
    ("labels", "issued"),
    [
        (("Broj računa", "Datum izdavanja", "Datum dospijeća"), date(2024, 10, 15)),
        (("Numer faktury", "Data wystawienia", "Termin płatności"), date(2024, 11, 15)),
        (("Invoice number", "Invoice date", "Due date"), None),
    ],
)
def test_a_month_with_two_meanings_is_decided_by_the_labels_or_goes_to_review(
    labels: tuple[str, str, str], issued: date | None
) -> None:
    keys = keyed(320, 480, 60, *zip(labels, ("77/2024", "15 listopad 2024", "31.12.2024"), strict=True))
    extraction = extracted(reading([(40, 60, "Nordwood d.o.o."), *keys]))
    doubted = any(finding.rule == "offline.date_order_unknown" for finding in extraction.findings)
    assert doubted == (issued is None)
    if issued is not None:
        assert extraction.invoice.issue_date == issued


@pytest.mark.parametrize(
    ("tax_id", "currency"),
    [("ABN 51 824 753 556", "AUD"), ("RFC: GODE561231GR8", "MXN"), ("UEN 200312345A", "SGD"), ("VAT 77", "USD")],
)
def test_the_dollar_of_an_english_invoice_is_that_of_the_country_whose_tax_number_it_names(
    tax_id: str, currency: str
) -> None:
    sums = keyed(320, 460, 400, ("Subtotal", "$100.00"), ("Tax", "$10.00"), ("Total", "$110.00"))
    assert invoice([*block(40, 60, "Nordwood Ltd", "Main Street 4", tax_id), *sums]).currency == currency


# Lists of the lexicon that are searched for all languages at once, with what a word in both of them would confuse.
SEARCHED_TOGETHER = ("labels", "columns", "breakdown", "titles", "rows")


def concepts_by_language(entries: Entries, key: str) -> Mapping[str, frozenset[str]]:
    spoken = frozenset[str]().union(*(meaning.languages for meaning in entries[key]))
    return {
        language: frozenset(meaning.concept for meaning in entries[key] if language in meaning.languages)
        for language in spoken
    }


def contradictions(entries: Entries) -> dict[str, Mapping[str, frozenset[str]]]:
    """The words that mean quite different things in two languages, with their meanings by language."""
    found = {key: concepts_by_language(entries, key) for key in entries}
    return {
        key: meanings
        for key, meanings in found.items()
        if any(not first & second for first, second in combinations(meanings.values(), 2))
    }


def page_in(language: str) -> list[Placed]:
    """The labels of one language under each other."""
    words = [label for labels in words_of(language)["labels"].values() for label in labels[:4] if len(label) > 6]
    return [(40.0 + 280 * (index % 2), 20.0 + 6 * index, f"{word}:") for index, word in enumerate(words)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_means_in_a_document_what_the_documents_language_says(language: str) -> None:
    facts = Facts(reading(page_in(language)))
    misread = {}
    for table in SEARCHED_TOGETHER:
        entries: Entries = getattr(lexicon(), table)
        for key, meanings in contradictions(entries).items():
            found = frozenset(meaning.concept for meaning in facts.meant(entries[key], len(key)))
            if language in meanings and found != meanings[language]:
                misread[f"{table}: {key}"] = {"means": sorted(meanings[language]), "is taken for": sorted(found)}
    assert not misread, f"leave the word out of a language, or give both the same meaning: {misread}"


def test_titles_and_rows_mean_the_same_in_all_languages() -> None:
    assert {table: contradictions(getattr(lexicon(), table)) for table in ("titles", "rows")} == {
        "titles": {},
        "rows": {},
    }


def test_no_word_says_that_tax_is_included_in_one_language_and_excluded_in_another() -> None:
    both = lexicon().words["including"] & lexicon().words["excluding"]
    assert not both, f"the words are in the lists of several languages: {sorted(both)}"


def test_a_short_word_of_another_language_is_no_label() -> None:
    """`km` is VAT in Estonian, and a distance on the invoice of a German fitter."""
    page = [
        *block(40, 60, "Verkäufer: Nordlicht Bürotechnik GmbH", "Rechnungsnummer: 77", "Rechnungsdatum: 5.3.2026"),
        *keyed(320, 460, 400, ("Gesamtbetrag netto", "100,00"), ("Umsatzsteuer", "19,00"), ("Gesamtbetrag", "119,00")),
        *keyed(320, 460, 300, ("km", "40,00")),
    ]
    assert invoice(page).tax_total == Decimal("19.00")
    facts = Facts(reading(page))
    assert all(label.span.text != "km" for labels in facts.labels.values() for label in labels)


# What only some countries have.
OPTIONAL = frozenset(
    {
        ("labels", "iban"),
        ("other", "po_box"),
        ("titles", "326"),
        ("titles", "383"),
        ("titles", "384"),
        ("titles", "386"),
        ("titles", "389"),
        ("weak", "due_date"),
        ("weak", "amount_due"),
        ("words", "barcode"),
        ("words", "commodity"),
        ("words", "debited"),
        ("words", "greeting"),
        ("words", "self_billing"),
        ("words", "tax_name"),
        ("words", "trading_name"),
    }
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_words_of_every_group(language: str) -> None:
    def groups(of: str) -> set[tuple[str, str]]:
        tables = {section: table for section, table in words_of(of).items() if isinstance(table, dict)}
        return {(section, group) for section, table in tables.items() if section != "dates" for group in table}

    missing = groups("en") - groups(language) - OPTIONAL
    assert not missing, f"{language}.toml has no words for {sorted(missing)}"
