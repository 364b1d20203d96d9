from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cira_pipeline.invoice import HEADER_FIELDS
from cira_pipeline.models import Box, EngineName, Evidence, Extraction, Line, Page, Reading
from cira_pipeline.validation.checks.own_domain import domain_matches_name, other_name_printed
from cira_pipeline.validation.confidence.calibration import (
    DIRECTIONS,
    GROUPS,
    parse_calibration,
    shipped_calibration,
    terms_of,
)
from cira_pipeline.validation.confidence.features import ConfidenceFeatures, confidence_features
from cira_pipeline.validation.confidence.fitting import Observation, fit, fit_without_each_supplier
from cira_pipeline.validation.validate import ValidationContext, findings_of, validate, validation_input_of
from tests.validation.extractions import SOUND, TODAY, changed, extraction_of

PLAIN = ConfidenceFeatures(engine=EngineName.OFFLINE, engine_confidence=0.9)


def _signs(extraction: Extraction, reading: Reading | None = None) -> Any:
    subject = validation_input_of(extraction, ValidationContext(today=TODAY, reading=reading))
    return confidence_features(subject, findings_of(subject))


def _reading(*texts: str, source: str = "native", confidence: float = 1.0) -> Reading:
    box = Box(left=0, top=0, right=100, bottom=10)
    return Reading(
        reader="test",
        reader_version="1",
        pages=(Page(number=1, width=600, height=800, source=source),),
        lines=tuple(
            Line(number=index, page=1, text=text, box=box, confidence=confidence)
            for index, text in enumerate(texts, start=1)
        ),
        seconds=0,
    )


def test_what_is_shipped_knows_every_field_and_says_what_it_was_fitted_on() -> None:
    calibration = shipped_calibration()
    assert {calibration.confidence(name, PLAIN) < 1 for name in HEADER_FIELDS} == {True}
    assert calibration.about["values"]["wrong"] > 100
    assert calibration.about["fitted_on"] >= "2026-11-24"


@pytest.mark.parametrize("name", HEADER_FIELDS)
@pytest.mark.parametrize(
    "better",
    [
        replace(PLAIN, engine_confidence=0.97),
        replace(PLAIN, cross_checks=2),
        replace(PLAIN, check_digits=True),
        replace(PLAIN, own_domain=True),
        replace(PLAIN, repeated=True),
        replace(PLAIN, agreed=True),
    ],
)
def test_no_proof_ever_lowers_a_confidence(name: Any, better: ConfidenceFeatures) -> None:
    assert shipped_calibration().confidence(name, better) >= shipped_calibration().confidence(name, PLAIN)


@pytest.mark.parametrize("name", HEADER_FIELDS)
@pytest.mark.parametrize(
    "worse",
    [
        replace(PLAIN, engine_confidence=0.3),
        replace(PLAIN, ocr_confidence=0.5),
        replace(PLAIN, check_digits=False),
        replace(PLAIN, own_domain=False),
        replace(PLAIN, contradicted=True),
        replace(PLAIN, rival=True),
        replace(PLAIN, other_name=True),
        replace(PLAIN, doubts=1),
    ],
)
def test_no_doubt_ever_raises_a_confidence(name: Any, worse: ConfidenceFeatures) -> None:
    assert shipped_calibration().confidence(name, worse) <= shipped_calibration().confidence(name, PLAIN)


def test_the_record_says_how_likely_a_value_is_and_what_its_engine_thought() -> None:
    record = validate(extraction_of(SOUND, confidence=0.9), ValidationContext(today=TODAY))
    number = next(each for each in record.evidence if each.field == "invoice_number")
    assert number.engine_confidence == 0.9
    assert number.confidence == pytest.approx(shipped_calibration().confidence("invoice_number", PLAIN), abs=1e-4)
    xml = validate(extraction_of(SOUND, engine=EngineName.EINVOICE, confidence=1.0), ValidationContext(today=TODAY))
    assert {each.confidence for each in xml.evidence} == {1.0}


def test_amounts_that_prove_each_other_are_told_from_those_that_stand_alone() -> None:
    proved = _signs(extraction_of(SOUND))
    assert proved["net_total"].cross_checks == 3  # with tax and gross, from the lines, by the rate
    assert proved["gross_total"].cross_checks == 1
    alone = _signs(extraction_of(changed(net_total=None, tax_total=None, tax_breakdown=(), line_items=())))
    assert alone["gross_total"].cross_checks == 0


def test_an_amount_printed_twice_confirms_itself_only_from_two_places() -> None:
    invoice = changed(net_total=None, tax_total=None, tax_breakdown=(), line_items=())

    def placed(field: str, line: int) -> Evidence:
        box = Box(left=0, top=line, right=1, bottom=line + 1)
        return Evidence(field=field, engine=EngineName.OFFLINE, text="", page=1, line=line, box=box, confidence=0.9)

    extraction = extraction_of(invoice, without_evidence=("gross_total", "amount_due"))
    once = (placed("gross_total", 1), placed("amount_due", 1))
    twice = (placed("gross_total", 1), placed("amount_due", 2))
    assert (
        _signs(extraction.model_copy(update={"evidence": extraction.evidence + once}))["amount_due"].cross_checks == 0
    )
    assert (
        _signs(extraction.model_copy(update={"evidence": extraction.evidence + twice}))["amount_due"].cross_checks == 1
    )


def test_what_ocr_was_unsure_of_is_known_and_native_text_is_never_doubted() -> None:
    extraction = extraction_of(SOUND)
    evidence = tuple(each.model_copy(update={"line": 1, "page": 1}) for each in extraction.evidence)
    extraction = extraction.model_copy(update={"evidence": evidence})
    scanned = _signs(extraction, _reading("R-17", source="ocr", confidence=0.7))
    assert scanned["invoice_number"].ocr_confidence == 0.7
    assert _signs(extraction, _reading("R-17"))["invoice_number"].ocr_confidence is None


@pytest.mark.parametrize(
    ("lines", "name", "customer", "expected"),
    [
        (["www.holzwerk-nord.de"], "Holzwerk Nord GmbH", None, True),
        (["info@plaat-gronvall.se"], "Plåt Grönvall AB", None, True),
        (["shop@marketplace.com", "Sold by Tiny Traders"], "Tiny Traders Ltd", None, False),
        (["www.nordlieferant.example"], "Probelieferant GmbH", "Muster-Kunde GmbH", False),
        (["billing@jardin-sud.fr"], "Holzwerk Nord GmbH", "Jardin Sud SARL", None),
        (["someone@gmail.com", "http://localhost"], "Holzwerk Nord GmbH", None, None),
        (["https://www.shop.harcourt.co.uk/pay"], "Harcourt & Sons", None, True),
        ([], "Holzwerk Nord GmbH", None, None),
    ],
)
def test_a_platform_is_not_taken_for_the_supplier_whose_addresses_are_on_the_page(
    lines: list[str], name: str, customer: str | None, expected: bool | None
) -> None:
    assert domain_matches_name(lines, name, customer) is expected


@pytest.mark.parametrize(
    ("lines", "name", "expected"),
    [
        (["Customer Care: www.shopmarket.com/support", "Returns: at Shopmarket we try"], "Tiny Traders Ltd", True),
        (["MOYA", "contact@moyarooms.com"], "Borealis Stays Private Limited", True),
        (["www.tabletpoint.nl", "Tablet 10 inch"], "Bluedale B.V.", False),
        (["www.holzwerk-nord.de", "Holzwerk Nord GmbH"], "Holzwerk Nord GmbH", False),
        (["www.jardin-sud.fr", "Jardin Sud SARL"], "Holzwerk Nord GmbH", False),
    ],
)
def test_a_brand_printed_beside_its_addresses_is_told_from_an_address_alone(
    lines: list[str], name: str, *, expected: bool
) -> None:
    assert other_name_printed(lines, name, "Jardin Sud SARL") is expected


def test_a_vat_id_of_nobody_on_the_page_is_a_rival_of_the_suppliers() -> None:
    extraction = extraction_of(SOUND)
    alone = _signs(extraction, _reading("USt-IdNr. DE 136 695 976", "IBAN DE02120300000000202051"))
    assert not alone["supplier_vat_id"].rival
    contested = _signs(extraction, _reading("USt-IdNr. DE 136 695 976", "TVA FR 40 303 265 045"))
    assert contested["supplier_vat_id"].rival
    both = _signs(extraction_of(changed(customer_vat_id="FR40303265045")), _reading("DE136695976", "FR40303265045"))
    assert not both["supplier_vat_id"].rival


def test_a_number_that_is_printed_again_is_repeated() -> None:
    extraction = extraction_of(SOUND)
    assert _signs(extraction, _reading("Invoice R-17", "please quote R 17"))["invoice_number"].repeated
    assert not _signs(extraction, _reading("Invoice R-17"))["invoice_number"].repeated


def _observations(supplier: str, *, right: int, wrong: int, confidence: float) -> list[Observation]:
    signs = replace(PLAIN, engine_confidence=confidence)
    return [
        Observation("supplier_name", signs, index < right, supplier, f"{supplier}{index}")
        for index in range(right + wrong)
    ]


def test_a_fitted_confidence_is_the_share_that_was_right() -> None:
    observations = _observations("a", right=950, wrong=50, confidence=0.95)
    observations += _observations("b", right=600, wrong=400, confidence=0.4)
    calibration = fit(observations)
    for confidence, share in ((0.95, 0.95), (0.4, 0.6)):
        signs = replace(PLAIN, engine_confidence=confidence)
        assert calibration.confidence("supplier_name", signs) == pytest.approx(share, abs=0.02)


def test_a_kind_of_field_that_was_never_wrong_is_not_believed_infallible() -> None:
    observations = _observations("a", right=300, wrong=20, confidence=0.9)
    observations += [replace(each, name="issue_date") for each in _observations("b", right=50, wrong=0, confidence=0.9)]
    assert 0.9 < fit(observations).confidence("issue_date", PLAIN) < 0.999


@pytest.mark.parametrize("engine", [name for name in EngineName if name.reads_page and name is not EngineName.OFFLINE])
def test_an_engine_that_is_wrong_more_often_than_another_is_believed_less(engine: EngineName) -> None:
    observations = _observations("a", right=900, wrong=100, confidence=0.9)
    observations += [
        replace(each, features=replace(each.features, engine=engine))
        for each in _observations("b", right=500, wrong=500, confidence=0.9)
    ]
    calibration = fit(observations)
    assert calibration.confidence("supplier_name", PLAIN) > 0.85
    assert calibration.confidence("supplier_name", replace(PLAIN, engine=engine)) < 0.55


def test_a_supplier_is_judged_by_a_calibration_that_has_not_seen_it() -> None:
    observations = _observations("good", right=200, wrong=2, confidence=0.9)
    observations += _observations("fine", right=100, wrong=2, confidence=0.9)
    observations += _observations("bad", right=10, wrong=190, confidence=0.9)
    without = fit_without_each_supplier(observations)
    assert without["bad"].confidence("supplier_name", PLAIN) > 0.95
    assert without["good"].confidence("supplier_name", PLAIN) < 0.6


def test_nothing_is_fitted_to_documents_that_show_no_mistake() -> None:
    with pytest.raises(ValueError, match="wrong"):
        fit(_observations("a", right=50, wrong=0, confidence=0.9))


def test_a_calibration_of_another_version_is_refused() -> None:
    stored = {"about": {}, "accept_confidence": 0.5, "engines": {}, "intercepts": {}, "weights": {}}
    with pytest.raises(ValueError, match="version"):
        parse_calibration(json.dumps(stored))


def test_every_header_field_has_a_group_and_every_term_a_direction() -> None:
    assert set(GROUPS) == set(HEADER_FIELDS)
    assert set(terms_of("net_total", PLAIN)) == set(DIRECTIONS)
