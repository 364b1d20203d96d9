from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FIELDS = {"invoice_number": "1", "gross_total": "119.00", "line_items": [{"description": "x", "net_amount": "5"}]}


@pytest.fixture
def labels(without_services) -> Path:
    """Three labelled documents that nobody reads: their results are given."""
    rows = []
    for name, kind in (("a.pdf", "pdf-text"), ("b.pdf", "pdf-text"), ("c.xml", "xml")):
        (without_services.folder / name).write_bytes(name.encode())
        rows.append({"file": name, "kind": kind, "fields": FIELDS | {"supplier_name": f"Supplier of {name}"}})
    file = without_services.folder / "labels.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return file


def _result(file: str, number: str, confidence: float = 0.9, **more: Any) -> dict[str, Any]:
    fields = {
        "invoice_number": number,
        "gross_total": "119",
        "supplier_name": f"Supplier of {Path(file).name}",
        "line_items": [{"description": "X", "net_amount": "5.00"}],
    }
    evidence = [{"field": "invoice_number", "engine": "offline", "text": number, "confidence": confidence}]
    outcome = {"verdict": "accepted", "engine": "offline", "cost_usd": "0.001", "seconds": 0.5}
    return {"file": file, "fields": fields, "evidence": evidence, **outcome, **more}


def _results(folder: Path, *rows: dict[str, Any], name: str = "results.jsonl") -> str:
    (folder / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(folder / name)


def _row(printed: str, first: str, table: str) -> list[str]:
    lines = printed[printed.index(table) :].splitlines()
    line = next(line for line in lines if line.startswith(f"| {first} "))
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_right_wrong_and_missing_are_told_apart(without_services, labels: Path) -> None:
    results = _results(without_services.folder, _result("a.pdf", "2"), _result("c.xml", "1"))
    answer = without_services("eval", "--labels", str(labels), "--results", results, "--fields")
    assert answer.status == 0
    assert _row(answer.stdout, "pdf-text", "accuracy by kind") == [
        *("pdf-text", "2", "0", "0.333", "0.167", "0.500", "0.667", "-", "-", "0.400", "0.0010", "0.50")
    ]
    assert _row(answer.stdout, "xml", "accuracy by kind")[1:7] == ["1", "1", "1.000", "0.000", "0.000", "1.000"]
    assert _row(answer.stdout, "pdf-text", "verdicts")[1:6] == ["1/2", "0.500", "0.6667", "1", "0"]
    assert _row(answer.stdout, "invoice_number", "fields: accuracy")[1:] == ["0.000 (0/1/1)", "1.000 (1/0/0)"]
    assert "accepted though wrong, pdf-text: a.pdf: invoice_number" in answer.stdout


def test_values_of_further_tables_and_own_fields_are_measured_by_country(without_services) -> None:
    account = {"account": "12345678", "routing": "200000", "scheme": "SORT_CODE"}
    fields = {"invoice_number": "1", "payment_accounts": [account], "custom": {"site": "Leeds", "floor": "2"}}
    rows = [{"file": f"{country}.pdf", "country": country, "fields": fields} for country in ("GB", "AU")]
    for row in rows:
        (without_services.folder / str(row["file"])).write_bytes(str(row["file"]).encode())
    labels = without_services.folder / "labels.jsonl"
    labels.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = fields | {"payment_accounts": [account | {"routing": "200001"}], "custom": {"site": "leeds"}}
    results = _results(without_services.folder, *({"file": f"{name}.pdf", "fields": found} for name in ("GB", "AU")))
    stored = without_services.folder / "figures.json"
    options = ("--by", "country", "--fields", "--json", str(stored))
    answer = _evaluated(without_services, labels, results, *options, "--require-values", "GB=0.6")
    assert answer.status == 0
    assert _row(answer.stdout, "GB", "accuracy by country")[4:10] == ["0.000", "0.000", "-", "-", "0.000", "0.667"]
    assert _row(answer.stdout, "payment_accounts.routing", "fields: accuracy")[1:] == ["0.000 (0/1/0)"] * 2
    assert _row(answer.stdout, "custom.floor", "fields: accuracy")[1:] == ["0.000 (0/0/1)"] * 2
    figures = json.loads(stored.read_text(encoding="utf-8"))
    assert figures["groups"]["AU"]["tables"] == {"payment_accounts": {"right": 0, "extra": 1, "lost": 1}}
    cells = figures["documents"]["GB.pdf"]["cells"]
    assert cells == {"wrong": ["payment_accounts[0].routing"], "missing": ["custom.floor"]}
    assert _evaluated(without_services, labels, results, "--by", "country", "--require-values", "GB=0.7").status == 1


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--require", "xml=1"), 0),
        (("--require", "pdf-text=0.2", "--require-lines", "xml=0.99"), 0),
        (("--require", "pdf-text=0.75"), 1),
        (("--require-lines", "pdf-text=0.99"), 1),
        (("--require", "photo=0.1"), 1),
        (("--require", "xml"), 2),
        (("--require", "xml=75"), 2),
        (("--engine", "offline", "--policy", "cheapest"), 2),
    ],
)
def test_a_required_accuracy_that_is_not_reached_fails_the_build(
    without_services, labels: Path, options: tuple[str, ...], status: int
) -> None:
    # Results made in another folder are matched by name.
    results = _results(without_services.folder, _result("elsewhere/a.pdf", "2"), _result("elsewhere/c.xml", "1"))
    assert without_services("eval", "--labels", str(labels), "--results", results, *options).status == status


def test_results_that_are_none_are_one_clear_error(without_services, labels: Path) -> None:
    answer = without_services(
        "eval", "--labels", str(labels), "--results", _results(without_services.folder, {"fields": {}})
    )
    assert answer.status == 1
    assert "results.jsonl, line 1" in answer.stderr
    assert "results_invalid" in answer.stderr


def _evaluated(cira: Any, labels: Path, results: str, *options: str) -> Any:
    return cira("eval", "--labels", str(labels), "--results", results, *options)


def test_a_run_that_reads_worse_than_the_baseline_is_named_and_fails(without_services, labels: Path) -> None:
    folder = without_services.folder
    good = _results(folder, _result("a.pdf", "1"), _result("b.pdf", "1"), _result("c.xml", "1"), name="good.jsonl")
    bad = _results(folder, _result("a.pdf", "2"), _result("b.pdf", "1"), _result("c.xml", "1"), name="bad.jsonl")
    assert _evaluated(without_services, labels, good, "--json", str(folder / "good.json")).status == 0
    assert _evaluated(without_services, labels, bad, "--json", str(folder / "bad.json")).status == 0

    worse = _evaluated(without_services, labels, bad, "--baseline", str(folder / "good.json"), "--fail-if-worse")
    assert worse.status == 1
    assert _row(worse.stdout, "a.pdf", "changes from the baseline") == [
        "a.pdf",
        "invoice_number",
        "right",
        "wrong",
        "WORSE",
    ]
    better = _evaluated(without_services, labels, good, "--baseline", str(folder / "bad.json"), "--fail-if-worse")
    assert better.status == 0
    assert _row(better.stdout, "a.pdf", "changes from the baseline")[-1] == "better"
    same = _evaluated(without_services, labels, good, "--baseline", str(folder / "good.json"), "--fail-if-worse")
    assert same.status == 0
    assert "WORSE" not in same.stdout


def test_a_baseline_that_is_none_is_one_clear_error(without_services, labels: Path) -> None:
    results = _results(without_services.folder, _result("a.pdf", "1"))
    answer = _evaluated(without_services, labels, results, "--baseline", results)
    assert answer.status == 1
    assert "results_invalid" in answer.stderr


def test_confidences_are_held_against_what_was_right(without_services, labels: Path) -> None:
    folder = without_services.folder
    results = _results(folder, _result("a.pdf", "2", 0.4), _result("b.pdf", "1", 0.97))
    answer = _evaluated(without_services, labels, results, "--json", str(folder / "now.json"))
    assert _row(answer.stdout, "0.95", "calibration of confidences")[1:] == ["1", "0.970", "1.000"]
    stored = json.loads((folder / "now.json").read_text())
    assert stored["reliability"][0] == {"least": 0.0, "values": 1, "confidence": 0.4, "right": 0.0}
    assert stored["documents"]["a.pdf"]["wrong"] == ["invoice_number"]
    assert stored["kinds"]["pdf-text"]["accepted"]["wrong_values"] == 1


def test_labelled_documents_are_read_once_and_their_misses_shown_on_the_page(
    without_services,
) -> None:
    """From documents to report: a label that the page contradicts is a miss, with what was expected and found."""
    folder = without_services.folder
    assert without_services("samples", str(folder / "s"), "--count", "2", "--kinds", "pdf-text").status == 0
    labels = folder / "s" / "labels.jsonl"
    rows = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    right = rows[0]["fields"]["gross_total"]
    rows[0]["fields"]["gross_total"] = "1.23"
    rows[1]["fields"]["supplier_name"] = "<script>alert(1)</script>"
    labels.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    options = ("--engine", "offline", "--readings", str(folder / "readings"), "--html", str(folder / "report.html"))

    first = without_services("eval", "--labels", str(labels), *options)
    assert first.status == 0, first.stderr
    kept = {file: file.stat().st_mtime_ns for file in (folder / "readings").iterdir()}
    assert len(kept) == 2
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") >= 1
    assert 'class="found"' in page
    assert right in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page

    again = without_services("eval", "--labels", str(labels), "--jobs", "2", *options)
    assert again.status == 0, again.stderr
    assert {file: file.stat().st_mtime_ns for file in (folder / "readings").iterdir()} == kept
    assert (
        _row(again.stdout, "pdf-text", "accuracy by kind")[:8] == _row(first.stdout, "pdf-text", "accuracy by kind")[:8]
    )
