"""`cira samples`: files and labels that the other commands take."""

from __future__ import annotations

import json
from pathlib import Path

from cira_pipeline.evaluation.labels import read_labels
from tests.cli.conftest import Cira


def test_what_it_writes_is_a_labels_file_with_all_its_documents(without_services: Cira) -> None:
    answer = without_services("samples", "out", "--count", "12", "--seed", "4", "--kinds", "pdf-text,xml")
    assert answer.status == 0, answer.stderr
    labels = read_labels(Path("out/labels.jsonl"))
    assert len(labels) == 12
    for label in labels:
        assert label.file is not None
        assert {"id", "kind", "layout", "split", "supplier", "language"} <= set(label.about)
    assert {str(label.about["kind"]) for label in labels} == {"pdf-text", "xml"}


def test_more_documents_of_a_seed_begin_with_the_same_ones(without_services: Cira) -> None:
    without_services("samples", "few", "--count", "3", "--seed", "9", "--kinds", "pdf-text")
    without_services("samples", "many", "--count", "5", "--seed", "9", "--kinds", "pdf-text", "--jobs", "2")
    few, many = (Path(folder, "labels.jsonl").read_text().splitlines() for folder in ("few", "many"))
    assert many[:3] == few


def test_one_side_of_the_split_holds_no_layout_of_the_other(without_services: Cira) -> None:
    for side in ("train", "test"):
        without_services("samples", side, "--count", "16", "--layouts", side, "--kinds", "xml")
        rows = [json.loads(line) for line in Path(side, "labels.jsonl").read_text().splitlines()]
        assert {row["split"] for row in rows} == {side}


def test_a_misspelt_kind_is_refused_with_the_right_names(without_services: Cira) -> None:
    answer = without_services("samples", "out", "--kinds", "pdf-txt")
    assert answer.status == 2
    assert "pdf-txt" in answer.stderr
    assert "pdf-text" in answer.stderr


def test_invoices_of_chosen_countries_state_their_ids(without_services: Cira) -> None:
    answer = without_services("samples", "out", "--count", "8", "--countries", "in,us", "--kinds", "pdf-text")
    assert answer.status == 0, answer.stderr
    labels = read_labels(Path("out/labels.jsonl"))
    assert {str(label.about["country"]) for label in labels} == {"IN", "US"}
    assert all("supplier_tax_ids" in label.fields for label in labels if label.about["country"] == "IN")


def test_a_country_or_kind_that_is_not_offered_is_refused_with_those_that_are(without_services: Cira) -> None:
    unknown = without_services("samples", "out", "--countries", "US,XX")
    assert unknown.status == 2
    assert "XX" in unknown.stderr
    assert "GB" in unknown.stderr
    electronic = without_services("samples", "out", "--countries", "US", "--kinds", "xml")
    assert electronic.status == 2
    assert "pdf-scan" in electronic.stderr


def test_a_folder_that_cannot_be_written_is_one_clear_line(without_services: Cira) -> None:
    Path("taken").write_text("a file")
    answer = without_services("samples", "taken", "--count", "1")
    assert answer.status == 1
    assert "export_failed" in answer.stderr
    assert "Traceback" not in answer.stderr
