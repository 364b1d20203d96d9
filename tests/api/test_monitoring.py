"""Monitoring sees whether work proceeds: `/readyz`, `/metrics`, and the alerts and the dashboard over them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.settings import inherited_environment
from tests.conftest import temporary_database

MONITORING = Path(__file__).parents[2] / "deploy/monitoring"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing (Debian's package prometheus has it)")


@pytest.fixture
def migrated_database_url(postgres_url: str, template_with_dagster: str) -> Iterator[str]:
    """A fresh database with CIRA's and Dagster's tables, dropped afterwards."""
    yield from temporary_database(postgres_url, template=template_with_dagster)


def samples(api) -> dict[str, float]:
    """`name{label="value"}` -> value, of one scrape."""
    text = api.client("ops", Scope.ADMIN).get("/metrics").text
    return {
        sample.name + "".join(f'{{{key}="{value}"}}' for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_stopped_sensor_is_no_readiness(api, dagster):
    api.client("acme").post("/v1/jobs", json={"jobs": [{"url": "https://a.example/1.pdf"}]})
    dagster.stop("new_invoices")
    answer = api.client_with(None).get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    [problem] = answer.json()["problems"]
    assert (problem["code"], problem["severity"]) == ("sensor_stopped", "blocked")
    assert "acme" not in answer.text
    assert api.client_with(None).get("/healthz").status_code == 200
    seen = samples(api)
    assert seen['cira_sensor_running{name="new_invoices"}'] == 0
    assert seen["cira_work_can_proceed"] == 0
    assert seen['cira_jobs_queued{client="acme"}'] == 1
    assert seen['cira_problems{code="sensor_stopped"}{severity="blocked"}'] == 1


def test_work_that_proceeds_is_told_so(api, dagster):
    seen = samples(api)
    assert seen["cira_work_can_proceed"] == 1
    assert seen['cira_sensor_running{name="new_invoices"}'] == 1
    assert 0 <= seen['cira_daemon_heartbeat_age_seconds{daemon="SENSOR"}'] < 180
    assert seen["cira_jobs_run_dead"] == 0
    assert seen["cira_database_bytes"] > 0
    assert seen['cira_disk_free_bytes{place="home"}'] > 0


def test_a_full_disk_is_no_readiness(start_api, api_settings, dagster):
    answer = start_api(api_settings.model_copy(update={"least_free_mb": 10**13})).client_with(None).get("/readyz")
    assert answer.status_code == 503
    assert {problem["code"] for problem in answer.json()["problems"]} == {"disk_low"}
    assert str(api_settings.home) not in answer.text


def test_clients_beyond_the_first_fifty_are_one_label(api, dagster):
    api.services.jobs.submit([Submission(f"https://a.example/{n}.pdf", client=f"client-{n:02}") for n in range(60)])
    queued = {name: value for name, value in samples(api).items() if name.startswith("cira_jobs_queued")}
    assert len(queued) == 51
    assert queued['cira_jobs_queued{client="(others)"}'] == 10


def test_without_postgresql_metrics_still_say_that_it_is_away(start_api, api_settings):
    away = api_settings.model_copy(
        update={"postgres_url": SecretStr("postgresql://a@127.0.0.1:1/x"), "api_metrics_open": True}
    )
    text = start_api(away).client_with(None).get("/metrics").text
    assert "cira_postgresql_available 0.0" in text
    assert "cira_disk_free_bytes" in text


def test_a_database_without_tables_is_no_readiness_and_no_server_error(start_api, api_settings, database_url):
    empty = api_settings.model_copy(update={"postgres_url": SecretStr(database_url), "api_metrics_open": True})
    client = start_api(empty).client_with(None)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["postgresql"]) == (503, "not_migrated")
    assert "cira_postgresql_available 0.0" in client.get("/metrics").text


def test_a_frozen_postgresql_keeps_no_probe_waiting(start_api, api_settings, services_folder, tmp_path):
    """Its sockets still take connections; nothing ever answers. Promised are 10 seconds."""
    folder = services_folder / f"frozen-{tmp_path.name}"
    server = EmbeddedPostgres(folder, environment=inherited_environment(), marked_by=services_folder, durable=False)
    server.start()
    frozen: list[psutil.Process] = []
    try:
        database = Database(server.url())
        database.migrate()
        database.dispose()
        api = start_api(
            api_settings.model_copy(update={"postgres_url": SecretStr(server.url()), "api_metrics_open": True})
        )
        client = api.client_with(None)
        client.get("/readyz")
        time.sleep(2.1)
        postmaster = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
        frozen = [postmaster, *postmaster.children(recursive=True)]
        for process in frozen:
            os.kill(process.pid, signal.SIGSTOP)
        for path, status in (("/readyz", 503), ("/metrics", 200), ("/readyz", 503)):
            began = time.monotonic()
            answer = client.get(path)
            assert answer.status_code == status
            assert time.monotonic() - began < 10 + 5
        assert client.get("/readyz").json()["postgresql"] == "away"
    finally:
        for process in frozen:
            os.kill(process.pid, signal.SIGCONT)
        server.stop()


def names_in(promql: str) -> set[str]:
    return set(re.findall(r"\bcira_\w+", promql))


def expressions() -> list[str]:
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [rule["expr"] for group in rules for rule in group["rules"]] + [
        target["expr"] for panel in panels for target in panel["targets"]
    ]


def test_every_metric_of_the_alerts_and_the_dashboard_is_one_that_there_is(api, dagster):
    """A rule over a name that nobody exports never fires."""
    api.client().get("/v1/jobs")
    text = api.client("ops", Scope.ADMIN).get("/metrics").text
    exported = {name for name, _ in re.findall(r"^# TYPE (\w+) (\w+)", text, re.MULTILINE)}
    histograms = set(re.findall(r"^# TYPE (\w+) histogram", text, re.MULTILINE))
    exported |= {name + end for name in histograms for end in ("_bucket", "_count", "_sum")}
    wanted = set().union(*(names_in(each) for each in expressions()))
    assert len(wanted) > 20
    assert wanted <= exported, wanted - exported


def test_every_metric_of_the_work_is_documented(api, dagster):
    text = api.client("ops", Scope.ADMIN).get("/metrics").text
    page = (MONITORING.parents[1] / "docs/metrics.md").read_text()
    exported = set(re.findall(r"^# TYPE (cira_\w+?)(?:_created|_total)? ", text, re.MULTILINE))
    assert {name for name in exported if f"`{name}`" not in page and f"`{name}{{" not in page} == set()


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["for"]
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert len(rule["annotations"]["summary"]) > 10
            assert len(rule["annotations"]["runbook"]) > 30


def test_the_dashboards_panels_are_apart():
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


@needs_promtool
def test_the_alerts_fire_when_they_should_and_not_sooner():
    done = subprocess.run([str(PROMTOOL), "test", "rules", "rules_test.yaml"], cwd=MONITORING, capture_output=True)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@needs_promtool
def test_every_expression_is_promql(tmp_path):
    rules = [{"record": f"expression_{number}", "expr": each} for number, each in enumerate(expressions())]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    done = subprocess.run([str(PROMTOOL), "check", "rules", str(tmp_path / "all.yaml")], capture_output=True)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@needs_promtool
def test_what_is_scraped_is_prometheus_text(api, dagster):
    text = api.client("ops", Scope.ADMIN).get("/metrics").content
    done = subprocess.run([str(PROMTOOL), "check", "metrics"], input=text, capture_output=True)
    assert done.returncode in (0, 3), done.stderr.decode()
    assert b"error while linting" not in done.stderr
