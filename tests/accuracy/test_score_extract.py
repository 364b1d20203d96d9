from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import score_extract


def _run(folder: Path, results: list[dict[str, Any]], *options: str) -> int:
    labels = []
    for name, kind in (("a.pdf", "pdf-text"), ("b.pdf", "pdf-text"), ("c.xml", "xml")):
        (folder / name).write_bytes(name.encode())
        fields = {
            "invoice_number": "1",
            "gross_total": "119.00",
            "line_items": [{"description": "x", "net_amount": "5"}],
        }
        labels.append(json.dumps({"file": name, "kind": kind, "fields": fields}))
    (folder / "labels.jsonl").write_text("\n".join(labels), encoding="utf-8")
    (folder / "results.jsonl").write_text("\n".join(map(json.dumps, results)), encoding="utf-8")
    try:
        return score_extract.main([str(folder / "results.jsonl"), str(folder / "labels.jsonl"), *options])
    except SystemExit as refused:
        return int(refused.code or 0)


def _result(file: str, number: str, **more: Any) -> dict[str, Any]:
    fields = {
        "invoice_number": number,
        "gross_total": "119",
        "line_items": [{"description": "X", "net_amount": "5.00"}],
    }
    return {"file": file, "fields": fields, "verdict": "accepted", "cost_usd": "0.001", "seconds": 0.5, **more}


def _row(printed: str, name: str) -> list[str]:
    line = next(line for line in printed.splitlines() if line.startswith(f"| {name} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_tells_right_wrong_and_missing_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = [_result(str(tmp_path / "a.pdf"), "2"), _result(str(tmp_path / "c.xml"), "1")]
    assert _run(tmp_path, results, "--fields") == 0
    printed = capsys.readouterr().out
    assert _row(printed, "pdf-text") == [
        *("pdf-text", "2", "0", "0.250", "0.250", "0.500", "0.667", "-"),
        *("accepted 1, no result 1", "1", "0.0010", "0.50"),
    ]
    assert _row(printed, "xml")[1:7] == ["1", "1", "1.000", "0.000", "0.000", "1.000"]
    assert _row(printed, "invoice_number") == ["invoice_number", "0.000 (0/1/1)", "1.000 (1/0/0)"]


def test_a_wrong_value_that_was_accepted_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(tmp_path, [_result(str(tmp_path / "a.pdf"), "2")], "--kind", "pdf-text")
    printed = capsys.readouterr().out
    assert "accepted though wrong" in printed
    assert "a.pdf: invoice_number" in printed
    assert "| xml " not in printed


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--require", "xml=1"), 0),
        (("--require", "pdf-text=0.2", "--require-lines", "xml=0.99"), 0),
        (("--require", "pdf-text=0.75"), 1),
        (("--require-lines", "pdf-text=0.99"), 1),
        (("--require", "photo=0.1"), 1),
        (("--require", "xml"), 2),
        (("--require", "xml=75"), 2),
    ],
)
def test_a_required_accuracy_that_is_not_reached_fails_the_build(
    tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    # Results made in another folder are matched by name.
    results = [_result("elsewhere/a.pdf", "2"), _result("elsewhere/c.xml", "1")]
    assert _run(tmp_path, results, *options) == code


def test_results_that_are_none_are_one_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(tmp_path, [{"fields": {}}]) == 2
    assert "results.jsonl, line 1" in capsys.readouterr().err


def test_anyone_can_run_the_script_by_its_path() -> None:
    done = subprocess.run(
        [sys.executable, str(Path(score_extract.__file__)), "--help"], capture_output=True, text=True, check=True
    )
    assert "--require" in done.stdout
