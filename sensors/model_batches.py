"""Sensor that requests a polling round over the model batches when there is work to do."""

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from assets.model_batches import model_batches
from cira_pipeline.db.answers.model_batches import ModelBatchRepository
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource

_UNDER_WAY = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def model_batches_sensor(settings: Settings) -> dg.SensorDefinition:
    """Requests one run at a time, at most every `settings.model_batch_poll_s` seconds."""

    @dg.sensor(
        name="model_batches_to_move",
        job=model_batches,
        minimum_interval_seconds=settings.model_batch_poll_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests a run while questions wait for a model batch or a batch is under way. Turn it off to "
        "send none; nothing is lost meanwhile.",
    )
    def model_batches_to_move(
        context: dg.SensorEvaluationContext, postgres: PostgresResource
    ) -> dg.RunRequest | dg.SkipReason:
        if not ModelBatchRepository(postgres.database()).has_work(settings):
            return dg.SkipReason("No question waits for a model batch, and no batch is under way.")
        if context.instance.get_run_records(RunsFilter(job_name=model_batches.name, statuses=_UNDER_WAY), limit=1):
            return dg.SkipReason("A polling round is under way.")
        return dg.RunRequest()

    return model_batches_to_move
