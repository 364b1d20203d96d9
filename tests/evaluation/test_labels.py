from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cira_pipeline.errors import LabelsInvalid
from cira_pipeline.evaluation.labels import read_labels
from cira_pipeline.evaluation.score import score
from cira_pipeline.invoice import Invoice


def _write(folder: Path, *rows: str | dict[str, Any]) -> Path:
    (folder / "a.pdf").write_bytes(b"first")
    (folder / "b.pdf").write_bytes(b"second")
    path = folder / "labels.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_each_label_belongs_to_the_bytes_of_its_document(tmp_path: Path) -> None:
    path = _write(tmp_path, {"file": "a.pdf", "kind": "pdf-text", "fields": {"invoice_number": "1"}}, "")
    (label,) = read_labels(path)
    assert label.sha256 == hashlib.sha256(b"first").hexdigest()
    assert label.file == tmp_path / "a.pdf"
    assert label.fields == {"invoice_number": "1"}
    assert label.about == {"kind": "pdf-text"}


def test_a_label_may_name_its_document_by_hash(tmp_path: Path) -> None:
    (label,) = read_labels(_write(tmp_path, {"sha256": "0" * 64, "fields": {"currency": "EUR"}}))
    assert (label.sha256, label.file) == ("0" * 64, None)


def test_numbers_in_a_label_lose_no_cent(tmp_path: Path) -> None:
    (label,) = read_labels(_write(tmp_path, '{"file": "a.pdf", "fields": {"net_total": 12345678901234567.89}}'))
    assert label.fields["net_total"] == "12345678901234567.89"


def test_a_label_that_was_read_can_be_scored(tmp_path: Path) -> None:
    fields = {"currency": "EUR", "due_date": None, "line_items": [{"description": "Pears", "net_amount": "7"}]}
    (label,) = read_labels(_write(tmp_path, {"file": "a.pdf", "fields": fields}))
    result = score(Invoice(currency="EUR"), label.fields)
    assert result.header_accuracy == 1
    assert result.lines is not None
    assert result.lines.lost == 1


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("not json", "line 1: not JSON"),
        ("[1]", "not a JSON object"),
        ({"file": "a.pdf"}, "`fields` is not an object"),
        ({"file": "a.pdf", "fields": {}}, "no header field is labelled"),
        ({"file": "a.pdf", "fields": {"line_items": []}}, "no header field is labelled"),
        ({"file": "a.pdf", "fields": {"invoice_no": "1"}}, "no such invoice field: invoice_no"),
        ({"file": "a.pdf", "fields": {"net_total": "1.000,00"}}, "`net_total` is not a decimal"),
        ({"file": "a.pdf", "fields": {"net_total": "NaN"}}, "`net_total` is not a decimal"),
        ({"file": "a.pdf", "fields": {"issue_date": "31.01.2026"}}, "`issue_date` is not a date"),
        ({"file": "a.pdf", "fields": {"issue_date": "20260131"}}, "`issue_date` is not a date"),
        ({"file": "a.pdf", "fields": {"currency": ["EUR"]}}, "`currency` is not a string"),
        ({"file": "a.pdf", "fields": {"currency": "EUR", "line_items": {}}}, "`line_items` is not a list"),
        ({"file": "a.pdf", "fields": {"currency": "EUR", "line_items": [{"net": "1"}]}}, "has no field net"),
        ({"file": "a.pdf", "fields": {"currency": "EUR", "tax_breakdown": [{"rate": "x"}]}}, "is not a decimal number"),
        ({"fields": {"currency": "EUR"}}, "neither `file` nor `sha256`"),
        ({"sha256": "abc", "fields": {"currency": "EUR"}}, "64 lower-case"),
        ({"file": "gone.pdf", "fields": {"currency": "EUR"}}, "cannot be read"),
        ({"file": "a.pdf", "sha256": "0" * 64, "fields": {"currency": "EUR"}}, "not the document that was labelled"),
    ],
)
def test_a_bad_label_is_refused_with_its_line_and_reason(
    tmp_path: Path, row: str | dict[str, Any], complaint: str
) -> None:
    with pytest.raises(LabelsInvalid) as caught:
        read_labels(_write(tmp_path, row))
    assert complaint in caught.value.message
    assert "labels.jsonl, line 1" in caught.value.message


def test_two_different_truths_of_one_document_are_refused(tmp_path: Path) -> None:
    first = {"file": "a.pdf", "fields": {"currency": "EUR"}}
    assert len(read_labels(_write(tmp_path, first, first))) == 1
    with pytest.raises(LabelsInvalid, match="labels this document differently"):
        read_labels(_write(tmp_path, first, {"file": "a.pdf", "fields": {"currency": "USD"}}))


def test_an_unreadable_labels_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(LabelsInvalid, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl")
