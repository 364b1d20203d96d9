from __future__ import annotations

import json
from pathlib import Path

import pytest

from cira_pipeline.models import Box, Line, Page, Reading, Word
from cira_pipeline.pipeline.lossy_reading import with_lost_words
from cira_pipeline.validation.confidence.calibration import parse_calibration


def test_confidences_are_fitted_to_labelled_documents_and_say_to_which(without_services) -> None:
    folder = without_services.folder
    made = without_services("samples", str(folder / "s"), "--count", "8", "--kinds", "pdf-text", "--seed", "3")
    assert made.status == 0
    labels = folder / "s" / "labels.jsonl"
    rows = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    for row in rows[:3]:
        row["fields"]["invoice_number"] = "what the page does not say"
    labels.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")

    out, images = folder / "calibration.json", folder / "images"
    answer = without_services(
        *("calibrate", str(labels), "--readings", str(folder / "r"), "--out", str(out)),
        *("--losses", "1", "--folds", "3", "--images", str(images)),
    )
    assert answer.status == 0, answer.stderr
    calibration = parse_calibration(out.read_text(encoding="utf-8"))
    assert calibration.about["documents"] == {"generated": 8, "lossy": 8}
    assert calibration.about["values"]["wrong"] >= 3
    assert f"accepted from confidence {calibration.accept_confidence}" in answer.stdout
    for name in ("reliability.svg", "touchless.svg"):
        assert (images / name).read_text(encoding="utf-8").startswith("<svg")


def test_documents_without_any_mistake_are_refused_with_a_reason(without_services, tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text("", encoding="utf-8")
    answer = without_services(
        "calibrate", str(tmp_path / "labels.jsonl"), "--readings", str(tmp_path), "--out", str(tmp_path / "c.json")
    )
    assert answer.status == 1
    assert "labels_invalid" in answer.stderr
    assert not (tmp_path / "c.json").exists()


def _reading(*texts: str) -> Reading:
    box = Box(left=0, top=0, right=1, bottom=1)
    lines = tuple(
        Line(
            number=number,
            page=1,
            text=text,
            box=box,
            confidence=1,
            words=tuple(Word(text=word, box=box) for word in text.split()),
        )
        for number, text in enumerate(texts, start=1)
    )
    page = Page(number=1, width=600, height=800, source="native")
    return Reading(reader="test", reader_version="1", pages=(page,), lines=lines, seconds=0)


@pytest.mark.parametrize("seed", ["a", "b"])
def test_lost_words_lead_to_values_and_are_never_the_values(seed: str) -> None:
    reading = _reading("Invoice number RE-17", "Holzwerk Nord GmbH", "Total amount 119.00", "Thank you for your order")
    lossy = with_lost_words(reading, 0.6, seed, keep=["Holzwerk Nord GmbH"])
    text = " ".join(line.text for line in lossy.lines)
    assert all(value in text for value in ("RE-17", "Holzwerk Nord GmbH", "119.00"))
    assert len(text.split()) < 14
    assert lossy == with_lost_words(reading, 0.6, seed, keep=["Holzwerk Nord GmbH"])
    assert [line.text for line in lossy.lines] == [" ".join(word.text for word in line.words) for line in lossy.lines]


def test_what_begins_a_code_is_a_part_of_the_value_and_is_not_lost() -> None:
    reading = _reading("Our VAT number DE 434 964 964")
    lossy = [with_lost_words(reading, 0.9, str(seed), keep=["DE434964964"]) for seed in range(20)]
    assert all("DE 434 964 964" in " ".join(line.text for line in each.lines) for each in lossy)
