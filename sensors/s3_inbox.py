"""Sensor that submits the objects below an S3 prefix."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg

from cira_pipeline.clock import utc_now
from cira_pipeline.db.disk_space import disk_space
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.errors import DiskFull
from cira_pipeline.intake.s3_prefix import list_s3_prefix
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource
from resources.redis import RedisResource

# S3 dates an object by the start of its upload, and a replicated one by its original: objects that appear late are
# found by looking back a while on every tick, and through the whole prefix now and then.
OVERLAP = timedelta(minutes=15)
FULL_PASS_EVERY = timedelta(hours=1)


def s3_inbox_sensor(settings: Settings, prefix: str) -> dg.SensorDefinition:
    """Watches `prefix`, s3://bucket/prefix. Its cursor holds the times of the last full pass and the newest object."""

    @dg.sensor(
        name="s3_inbox",
        minimum_interval_seconds=settings.s3_inbox_interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Submits every object below {prefix}; an overwritten object is a new job. "
        "The objects stay where they are.",
    )
    def s3_inbox(
        context: dg.SensorEvaluationContext, postgres: PostgresResource, redis: RedisResource
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            disk_space(settings).demand()
        except DiskFull as full:
            return dg.SkipReason(f"No objects are submitted for now: {full.message}.")
        now = utc_now()
        newest, full_pass = _cursor(context.cursor)
        everything = newest is None or full_pass is None or now - full_pass >= FULL_PASS_EVERY
        changed_since = None if everything or newest is None else newest - OVERLAP
        found = list_s3_prefix(prefix, settings, changed_since=changed_since)
        jobs = JobRepository(postgres.database(), redis.status_cache())
        created = sum(each.created for each in jobs.submit(found.submissions))
        return dg.SensorResult(
            skip_reason=f"{created} new jobs from {len(found.submissions)} objects "
            f"{'below the prefix' if everything else 'written lately'}; new_invoices starts their runs.",
            cursor=json.dumps(
                {
                    "newest": found.last_change.isoformat() if found.last_change else None,
                    "full_pass": (now if everything or full_pass is None else full_pass).isoformat(),
                }
            ),
        )

    return s3_inbox


def _cursor(text: str | None) -> tuple[datetime | None, datetime | None]:
    """Time of the newest object and of the last full pass. A person may have written anything into the cursor."""
    try:
        kept = json.loads(text or "{}")
        newest, full_pass = (datetime.fromisoformat(kept[name]).astimezone(UTC) for name in ("newest", "full_pass"))
    except (ValueError, TypeError, KeyError):
        return None, None
    return newest, full_pass
