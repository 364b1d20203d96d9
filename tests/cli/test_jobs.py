"""status, show, retry and cancel: what an operator sees of jobs and does with them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from cira_pipeline.errors import DocumentEncrypted
from cira_pipeline.jobs import JobStatus, Stage
from tests.db.invoices import invoice, record

NO_JOB = "inv_00000000000000000000000000"


def test_status_counts_all_and_lists_the_newest_first(cira, queued, failed, finished) -> None:
    jobs = [finished("good.pdf"), failed("missing.pdf"), queued("waiting.pdf")]
    answer = cira("status")
    lines = answer.stdout.splitlines()
    assert answer.status == 0
    assert lines[0].split("  ")[:4] == ["1 queued", "0 running", "1 succeeded", "1 failed"]
    assert [line.split()[0] for line in lines[3:]] == jobs[::-1]
    assert [line.split()[-1] for line in lines[3:]] == ["waiting.pdf", "missing.pdf", "good.pdf"]
    assert "source_not_found" in lines[4]
    assert "accepted" in lines[5]
    assert len(cira("status", "--limit", "1").stdout.splitlines()) == 4


def test_status_as_json_is_one_object_a_line_for_programs(cira, queued, failed, finished) -> None:
    job_id = failed()
    queued(client="anna")
    finished()
    [job] = [json.loads(line) for line in cira("status", "--json", "--status", "failed").stdout.splitlines()]
    assert (job["job_id"], job["error_code"]) == (job_id, "source_not_found")
    [of_anna] = [json.loads(line) for line in cira("status", "--json", "--client", "anna").stdout.splitlines()]
    assert of_anna["client"] == "anna"
    assert cira("status", "--json", "--client", "nobody").stdout == ""


def test_an_empty_queue_says_what_to_do_next(cira, queued) -> None:
    assert "cira submit URL" in cira("status").stdout
    queued()
    assert "No matching jobs." in cira("status", "--status", "failed").stdout


@pytest.mark.parametrize(
    "command", [("status",), ("status", "--json"), ("show",), ("show", "--json"), ("retry",), ("cancel",)]
)
@pytest.mark.parametrize("name", [NO_JOB, "4711", "../../etc", "\udcff"])
def test_an_unknown_job_is_one_line_with_what_to_do(cira, command, name) -> None:
    answer = cira(*command, name)
    assert answer.status == 1
    error, hint = answer.stderr.splitlines()[:2]
    assert error.startswith("Error: there is no job ")
    assert error.endswith("[job_not_found]")
    assert "cira status" in hint


def test_show_tells_everything_about_an_invoice(cira, finished, spent) -> None:
    job_id = finished()
    spent(job_id, "0.00161")
    shown = cira("show", job_id)
    assert shown.status == 0
    for told in (
        job_id,
        "succeeded",
        "accepted",
        "0.0016 USD",
        "RE-2024/001",
        "page 1",
        "97%",
        "Schrauben",
        "0.0750",
        "off by 1.00",
    ):
        assert told in shown.stdout, told
    as_json = json.loads(cira("show", "--json", job_id.upper()).stdout)
    assert as_json["cost_usd"] == "0.00161"
    assert as_json["record"]["invoice"]["gross_total"] == "119.00"
    assert as_json["record"]["evidence"][0]["box"]["left"] == 10.5
    assert as_json["job"]["verdict"] == "accepted"


def test_show_of_a_failed_job_tells_why_and_what_to_do(cira, failed) -> None:
    job_id = failed()
    answer = cira("show", job_id)
    assert answer.status == 0
    assert "supplier.example answers 404 [source_not_found]" in answer.stdout
    assert "submit the correct URL" in answer.stdout
    told = json.loads(cira("show", "--json", job_id).stdout)
    assert (told["job"]["error_code"], told["record"], told["cost_usd"]) == ("source_not_found", None, "0")


def test_an_invoice_cannot_write_to_the_terminal_of_who_looks_at_it(cira, finished) -> None:
    kept = record(invoice(supplier_name="Evil\x1b]0;owned\x07 [red]GmbH[/red] :smile:\x9b2J\u202e"))
    shown = cira("show", finished(kept=kept)).stdout
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)
    assert "[red]GmbH[/red] :smile:" in shown


def test_retry_queues_what_failed_and_names_what_cannot_be_retried(cira, jobs, queued, failed, finished) -> None:
    bad, good, waiting = failed(), finished(), queued("waiting.pdf")
    rejected = queued("locked.pdf")
    jobs.start(rejected, Stage.RAW_DOCUMENT, "run-1")
    jobs.fail(rejected, Stage.RAW_DOCUMENT, DocumentEncrypted("it wants a password"))
    answer = cira("retry", good, bad, waiting, rejected, bad)
    assert (answer.status, answer.stdout) == (1, "2 jobs queued again.\n")
    assert f"Error: job {good} is succeeded [job_not_retryable]" in answer.stderr
    assert f"Error: job {waiting} is queued already and gets a run automatically [job_not_retryable]" in answer.stderr
    assert {jobs.get(job).status for job in (bad, waiting, rejected)} == {JobStatus.QUEUED}


def test_retry_failed_takes_all_failed_jobs_and_only_those(cira, jobs, failed, finished) -> None:
    wanted = [failed(f"{n}.pdf") for n in range(3)]
    good = finished()
    answer = cira("retry", "--failed")
    assert (answer.status, answer.stdout) == (0, "3 jobs queued again.\n")
    assert {jobs.get(job).status for job in wanted} == {JobStatus.QUEUED}
    assert jobs.get(good).status is JobStatus.SUCCEEDED
    assert cira("retry", "--failed").stdout == "0 jobs queued again.\n"


def test_cancel_takes_back_what_has_not_ended(cira, jobs, queued, finished) -> None:
    waiting, good = queued("waiting.pdf"), finished()
    answer = cira("cancel", good, waiting)
    assert (answer.status, answer.stdout) == (1, "1 job cancelled.\n")
    assert f"Error: job {good} is succeeded; only a queued, running or waiting job can be cancelled" in answer.stderr
    assert jobs.get(waiting).status is JobStatus.CANCELLED
    assert cira("cancel", waiting).status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("retry",),
        ("cancel",),
        ("show",),
        ("status", NO_JOB, "--client", "anna"),
        ("status", "--status", "lost"),
        ("status", "--limit", "0"),
        ("export", "--format", "xlsx"),
        ("export", "--since", "yesterday"),
        ("extract",),
        ("extract", "--jobs", "0", "a.pdf"),
        ("labels", "load"),
        ("submit", "--policy", "free", "https://a.example/1.pdf"),
    ],
)
def test_wrong_usage_is_told_from_failure_by_exit_status_2(without_services, arguments) -> None:
    answer = without_services(*arguments)
    assert (answer.status, answer.stdout) == (2, "")
    assert "Usage: " in answer.stderr or "cira" in answer.stderr


def test_costs_are_shown_with_four_decimals_and_never_as_nothing() -> None:
    from cira_pipeline.cli.screen import usd

    assert [usd(Decimal(each)) for each in ("0", "0.00161", "0.0000301", "1234.5")] == [
        "0.0000 USD",
        "0.0016 USD",
        "<0.0001 USD",
        "1234.5000 USD",
    ]
