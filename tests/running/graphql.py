"""The Dagster UI's own GraphQL, as its buttons call it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

LOCATION = "cira"
REPOSITORY = "__repository__"
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message stack }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidSubsetError { message }
  }
}
"""

_BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message stack }
  }
}
"""

_BACKFILL_STATUS = """
query BackfillStatus($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}
"""

_PARTITIONS = """
query Partitions($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      assetPartitionStatuses {
        ... on DefaultPartitionStatuses { materializedPartitions failedPartitions unmaterializedPartitions }
      }
    }
  }
}
"""

_CHECK_EXECUTIONS = """
query Executions($key: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $key, checkName: $check, limit: 25) { evaluation { success partition } }
}
"""

_SENSORS = """
query Sensors($selector: RepositorySelector!) {
  sensorsOrError(repositorySelector: $selector) {
    ... on Sensors { results { name sensorState { status } } }
  }
}
"""

_RUNS = """
query Runs { runsOrError(limit: 50) { ... on Runs { results {
  runId status tags { key value } assetSelection { path } stats { ... on RunStatsSnapshot { startTime endTime } }
} } } }
"""

_MESSAGES = """
query Messages($runId: ID!) {
  logsForRun(runId: $runId) { ... on EventConnection { events { ... on MessageEvent { message } } } }
}
"""


@dataclass(frozen=True)
class DagsterUi:
    """`key` is one of CIRA's with the scope dagster_launch."""

    url: str
    key: str

    def query(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
            trust_env=False,
        )
        answer.raise_for_status()
        body = answer.json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def launch(self, partition_key: str | None, assets: Sequence[str], config: dict[str, Any] | None = None) -> str:
        """What the button Materialize does, for one partition where there are any. Returns the run's id."""
        params = {
            "mode": "default",
            "runConfigData": config or {},
            "selector": {
                "repositoryLocationName": LOCATION,
                "repositoryName": REPOSITORY,
                "jobName": "__ASSET_JOB",
                "assetSelection": [{"path": [asset]} for asset in assets],
            },
            "executionMetadata": {
                "tags": [{"key": "dagster/partition", "value": partition_key}] if partition_key else []
            },
        }
        launched = self.query(_LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def backfill(self, partition_keys: Sequence[str], assets: Sequence[str]) -> str:
        """What the dialog's «Backfill failed and missing» does. Returns the backfill's id."""
        params = {
            "assetSelection": [{"path": [asset]} for asset in assets],
            "partitionNames": list(partition_keys),
            "fromFailure": False,
            "tags": [],
        }
        launched = self.query(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def backfill_status(self, backfill_id: str) -> str:
        return str(self.query(_BACKFILL_STATUS, id=backfill_id)["partitionBackfillOrError"]["status"])

    def partitions(self, asset: str) -> dict[str, list[str]]:
        found = self.query(_PARTITIONS, key={"path": [asset]})["assetNodeOrError"]["assetPartitionStatuses"]
        return {
            "materialized": found["materializedPartitions"],
            "failed": found["failedPartitions"],
            "missing": found["unmaterializedPartitions"],
        }

    def check(self, asset: str, check: str) -> dict[str, bool]:
        """Partition -> whether the check passed, where it could be evaluated."""
        executions = self.query(_CHECK_EXECUTIONS, key={"path": [asset]}, check=check)["assetCheckExecutions"]
        evaluations = (each["evaluation"] for each in executions)
        return {each["partition"]: each["success"] for each in evaluations if each}

    def sensors(self) -> dict[str, str]:
        selector = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY}
        found = self.query(_SENSORS, selector=selector)["sensorsOrError"]["results"]
        return {sensor["name"]: sensor["sensorState"]["status"] for sensor in found}

    def runs(self) -> list[dict[str, Any]]:
        """Newest first; tags as a mapping."""
        found = self.query(_RUNS)["runsOrError"]["results"]
        return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def process_of(self, run_id: str) -> int:
        """The number of the process that does the run, as the run's page names it."""
        events = self.query(_MESSAGES, runId=run_id)["logsForRun"]["events"]
        named = (re.search(r"\(pid: (\d+)\)", event.get("message") or "") for event in events)
        (pid,) = {int(found.group(1)) for found in named if found}
        return pid

    def run_status(self, run_id: str) -> str:
        return next(str(run["status"]) for run in self.runs() if run["runId"] == run_id)


def wait_until(condition: Callable[[], object], what: str, *, timeout_s: float = 120) -> None:
    """Polls until `condition` holds; the daemon decides when, the test only how long is too long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain until {what}"
        time.sleep(0.3)
