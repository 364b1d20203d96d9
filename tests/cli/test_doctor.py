from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from tests.health.dagster_instance import dagster_over

CIRA = Path(sys.executable).with_name("cira")


def doctor(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CIRA_")}
    return subprocess.run(
        [CIRA, "doctor", *arguments],
        # Loading the OCR models takes seconds; the test of a healthy setup does it.
        env={**inherited, "CIRA_HOME": str(home), "COLUMNS": "200", "CIRA_READER": "docling_serve", **settings},
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def states(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {check["name"]: check["state"] for check in json.loads(done.stdout)}


def test_a_healthy_setup_passes(tmp_path: Path, migrated_database_url: str, redis_url: str) -> None:
    with dagster_over(migrated_database_url, tmp_path / "dagster") as dagster:
        dagster.works()
    done = doctor(
        tmp_path / ".cira",
        "--json",
        CIRA_POSTGRES_URL=migrated_database_url,
        CIRA_REDIS_URL=redis_url,
        CIRA_OBJECT_STORE=str(tmp_path / "objects"),
        CIRA_READER="local",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = states(done)
    assert {found[name] for name in ("PostgreSQL", "Redis/Valkey", "Object store", "Disk", "Reader")} == {"good"}
    assert found["Model"] == "unused"
    work = ("Sensors", "Daemons", "Queue", "Runs", "Services asked", "Sources", "Webhooks", "Model batches under way")
    assert {found[name] for name in work} == {"good"}


def test_a_stopped_sensor_with_jobs_queued_fails(tmp_path: Path, migrated_database_url: str) -> None:
    with dagster_over(migrated_database_url, tmp_path / "dagster") as dagster:
        dagster.works().stop("new_invoices")
    database = Database(migrated_database_url)
    JobRepository(database).submit([Submission("https://a.example/1.pdf")])
    database.dispose()
    done = doctor(tmp_path / ".cira", CIRA_POSTGRES_URL=migrated_database_url, CIRA_READER="local")
    assert done.returncode == 1
    assert "Sensor new_invoices: it is stopped; 1 jobs are queued" in done.stdout
    assert "Automation" in done.stdout


def test_each_broken_service_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = doctor(
        tmp_path / ".cira",
        "--json",
        CIRA_POSTGRES_URL="postgresql://cira:hunter2@127.0.0.1:1/cira",
        CIRA_REDIS_URL="redis://:hunter2@127.0.0.1:1/0",
        CIRA_OBJECT_STORE=str(tmp_path / "file" / "below"),
        CIRA_DOCLING_SERVE_URL="http://127.0.0.1:1",
        CIRA_AZURE_OPENAI_ENDPOINT="https://127.0.0.1:1",
        CIRA_AZURE_OPENAI_API_KEY="hunter2",
        CIRA_DAGSTER_UI_URL="http://127.0.0.1:1",
        CIRA_INBOX=str(tmp_path / "nowhere"),
    )
    assert done.returncode == 1
    checks = json.loads(done.stdout)
    broken = {check["name"]: check["advice"] for check in checks if check["state"] == "broken"}
    assert set(broken) == {
        "PostgreSQL",
        "Redis/Valkey",
        "Object store",
        "Reader (docling-serve)",
        "Model",
        "Inbox",
        "Dagster UI",
    }
    assert all(broken.values())


def test_a_database_without_tables_is_told_from_one_that_is_down(tmp_path: Path, database_url: str) -> None:
    done = doctor(tmp_path / ".cira", CIRA_POSTGRES_URL=database_url)
    assert done.returncode == 1
    assert "tables missing" in done.stdout


def test_no_secret_is_ever_printed(tmp_path: Path) -> None:
    for arguments in ((), ("--settings",)):
        done = doctor(
            tmp_path / ".cira",
            *arguments,
            CIRA_POSTGRES_URL="postgresql://cira:hunter2@127.0.0.1:1/cira?password=hunter2",
            CIRA_REDIS_URL="redis://:hunter2@127.0.0.1:1/0",
            CIRA_AZURE_OPENAI_API_KEY="hunter2",
            CIRA_OPENAI_BASE_URL="http://me:hunter2@127.0.0.1:1/v1",
            CIRA_OBJECT_STORE="s3://bucket/prefix",
            CIRA_S3_ENDPOINT_URL="http://me:hunter2@127.0.0.1:1",
            CIRA_DOCLING_SERVE_URL="http://me:hunter2@127.0.0.1:1",
            CIRA_DAGSTER_UI_URL="http://me:hunter2@127.0.0.1:1",
        )
        assert "hunter2" not in done.stdout + done.stderr
        assert "CIRA_AZURE_OPENAI_API_KEY" in done.stdout


def test_a_misspelt_setting_is_pointed_out(tmp_path: Path) -> None:
    done = doctor(tmp_path / ".cira", CIRA_POSTGRESS_URL="postgresql://somewhere/cira")
    assert "did you mean CIRA_POSTGRES_URL?" in done.stdout


def test_a_wrong_value_is_one_clear_line_without_the_value(tmp_path: Path) -> None:
    done = doctor(tmp_path / ".cira", CIRA_MAX_PAGES="hunter2")
    assert done.returncode == 1
    assert "CIRA_MAX_PAGES" in done.stderr
    assert "configuration_invalid" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        ("CIRA_REDIS_URL", "redis://:hunter2@[::1/0"),
        ("CIRA_REDIS_URL", "redis://:hunter2@host:port/0"),
        ("CIRA_OBJECT_STORE", "s3://[bucket/hunter2"),
        ("CIRA_S3_ENDPOINT_URL", "http://me:hunter2@[::1"),
        ("CIRA_DOCLING_SERVE_URL", "http://me:hunter2@host:99999"),
        ("CIRA_OPENAI_BASE_URL", "http://me:hunter2@[x]/v1"),
        ("CIRA_AZURE_OPENAI_ENDPOINT", "https://me:hunter2@host:0"),
        ("CIRA_DAGSTER_UI_URL", "http://me:hunter2@[::1"),
        ("CIRA_POSTGRES_URL", "postgresql://me:hunter2@[::1"),
    ],
)
def test_a_malformed_address_names_its_setting_and_repeats_no_password(
    tmp_path: Path, setting: str, address: str
) -> None:
    done = doctor(tmp_path / ".cira", **{setting: address})
    assert done.returncode == 1
    assert setting in done.stdout + done.stderr
    assert "internal_error" not in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("no-such-command",), ("doctor", "--no-such-option"), ()])
def test_wrong_usage_has_its_own_exit_status(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run([CIRA, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2


def test_help_needs_none_of_the_heavy_packages() -> None:
    script = (
        "import sys\nsys.argv = ['cira', '--help']\nfrom cira_pipeline.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'docling', 'dagster', 'sqlalchemy', 'pydantic', 'rich.console'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "doctor" in done.stdout


def test_an_unexpected_error_is_one_line_and_its_trace_in_a_log(tmp_path: Path) -> None:
    script = (
        "import sys\nsys.argv = ['cira', 'doctor']\nfrom cira_pipeline import cli\n"
        "cli.COMMANDS['doctor'] = cli.Command('operator:no_such_function', '')\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "internal_error" in done.stderr
    assert "no_such_function" in (tmp_path / ".cira/logs/cira.log").read_text()


def test_rules_weighed_otherwise_are_named_and_one_that_does_not_exist_is_broken(tmp_path: Path) -> None:
    def rules(text: str) -> dict[str, Any]:
        done = doctor(tmp_path / ".cira", "--json", CIRA_RULE_SEVERITY=text)
        return next(check for check in json.loads(done.stdout) if check["name"] == "Rules")

    milder = rules("CIRA-PAY-01=info")
    assert (milder["state"], milder["message"]) == (
        "warning",
        "changed by CIRA_RULE_SEVERITY: CIRA-PAY-01: error -> info",
    )
    assert rules("CIRA-REQ-06=error")["state"] == "good"
    wrong = rules("CIRA-PAY-1=info")
    assert wrong["state"] == "broken"
    assert "is CIRA-PAY-01 meant?" in wrong["message"]
