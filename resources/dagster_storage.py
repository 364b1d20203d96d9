"""Dagster's PostgreSQL storage with bulk writes of a run's planned events (dagster.yaml, `storage`).

For a run of 500 partition keys, Dagster plans 2,000 materialisations and 1,500 checks. Its own storage writes the
former one by one, with three statements and two transactions each, and with each of the latter a list of all 500 keys:
half a minute on a busy machine, within a tick of the sensor, during which no other run is requested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterEventType
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorageTable
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._serdes import ConfigurableClassData, serialize_value
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import get_token_provider_from_config, pg_url_from_config


class BatchedEventLogStorage(PostgresEventLogStorage):
    """Event log storage with the same content as Dagster's own, written in fewer statements."""

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Writes planned materialisations in two statements and one for each asset, everything else as Dagster does."""
        planned = [
            event for event in events if event.dagster_event_type is DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        ]
        if len(planned) < 2:
            super().store_event_batch(events)
            return
        with self._connect() as connection:
            statement = self.prepare_insert_event_batch(planned).returning(SqlEventLogStorageTable.c.id)
            event_ids = [int(row[0]) for row in connection.execute(statement)]
        # The newest run of an asset is stored beside its events.
        last = {
            event.get_dagster_event().asset_key: (event, event_id)
            for event, event_id in zip(planned, event_ids, strict=True)
        }
        with self.index_transaction() as connection:
            for event, event_id in last.values():
                self._store_asset_event(connection, event, event_id)
        for event in events:
            if event.dagster_event_type is not DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
                self.store_event(event)

    def _store_asset_check_evaluation_planned(self, event: dg.EventLogEntry, event_id: int | None) -> None:
        """Writes one row for each partition; the event beside it need not list all of them."""
        dagster_event = event.get_dagster_event()
        planned = dagster_event.asset_check_planned_data
        subset = planned.partitions_subset
        alone = AssetCheckEvaluationPlanned(asset_key=planned.asset_key, check_name=planned.check_name)
        written = serialize_value(event._replace(dagster_event=dagster_event._replace(event_specific_data=alone)))
        row = {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": written,
            "evaluation_event_timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "evaluation_event_storage_id": event_id,
        }
        keys: Sequence[str | None] = list(subset.get_partition_keys()) if subset else [None]
        with self.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.insert(), [{**row, "partition": key} for key in keys])

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> BatchedEventLogStorage:
        return cls(inst_data=inst_data, **_arguments(config_value))


class BatchedPostgresStorage(DagsterPostgresStorage):
    """Storage with the same configuration as `storage: postgres`."""

    def __init__(self, inst_data: ConfigurableClassData | None = None, **arguments: Any) -> None:
        super().__init__(inst_data=inst_data, **arguments)
        self._event_log_storage = BatchedEventLogStorage(**arguments)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> BatchedPostgresStorage:
        return cls(inst_data=inst_data, **_arguments(config_value))

    @property
    def event_storage_data(self) -> ConfigurableClassData | None:
        if self.inst_data is None:
            return None
        return ConfigurableClassData(__name__, BatchedEventLogStorage.__name__, self.inst_data.config_yaml)


def _arguments(config_value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "postgres_url": pg_url_from_config(config_value),
        "should_autocreate_tables": config_value.get("should_autocreate_tables", True),
        "token_provider": get_token_provider_from_config(config_value),
    }
