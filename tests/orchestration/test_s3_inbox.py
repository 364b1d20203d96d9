"""What people put below an S3 prefix, over a real S3 server (moto's)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import boto3
import dagster as dg
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource
from resources.redis import RedisResource
from sensors import s3_inbox as sensor_module
from sensors.s3_inbox import s3_inbox_sensor


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    bucket = boto3.resource("s3", endpoint_url=endpoint).Bucket(f"inbox-{uuid4()}")
    bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return bucket


class Inbox:
    """The sensor, ticked by hand as Dagster's daemon does it: with the cursor of the tick before."""

    def __init__(self, prefix: str, endpoint: str, postgres_url: str, redis_url: str) -> None:
        self._sensor = s3_inbox_sensor(Settings(_env_file=None, s3_endpoint_url=endpoint), prefix)
        self._resources = {
            "postgres": PostgresResource(url=postgres_url),
            "redis": RedisResource(url=redis_url, status_ttl_s=3600),
        }
        self.cursor: str | None = None

    def tick(self) -> str:
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(instance=instance, cursor=self.cursor, resources=self._resources) as context,
        ):
            result = self._sensor(context)
        assert isinstance(result, dg.SensorResult)
        assert isinstance(result.skip_reason, dg.SkipReason)
        self.cursor = result.cursor
        return str(result.skip_reason.skip_message)


@pytest.fixture
def inbox(bucket: Any, endpoint: str, database: Database, migrated_database_url: str, redis_url: str) -> Inbox:
    return Inbox(f"s3://{bucket.name}/in/", endpoint, migrated_database_url, redis_url)


def test_each_object_becomes_one_job_and_one_written_anew_another(
    inbox: Inbox, bucket: Any, database: Database
) -> None:
    bucket.put_object(Key="in/a.pdf", Body=b"a")
    bucket.put_object(Key="elsewhere/b.pdf", Body=b"b")
    assert inbox.tick().startswith("1 new jobs from 1 objects below the prefix")
    assert inbox.tick().startswith("0 new jobs from 1 objects written lately")
    bucket.put_object(Key="in/a.pdf", Body=b"corrected")
    bucket.put_object(Key="in/ü c.pdf", Body=b"c")
    assert inbox.tick().startswith("2 new jobs")
    jobs = JobRepository(database).list()
    assert {job.source for job in jobs} == {"s3"}
    assert sorted(job.url.removeprefix(f"s3://{bucket.name}/") for job in jobs) == [
        "in/%C3%BC%20c.pdf",
        "in/a.pdf",
        "in/a.pdf",
    ]


def test_what_appears_with_an_old_date_is_found_by_the_next_full_pass(
    inbox: Inbox, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put_object(Key="in/new.pdf", Body=b"new")
    inbox.tick()
    # As if the newest object seen were far younger than what arrives now.
    monkeypatch.setattr(sensor_module, "OVERLAP", timedelta(days=-1))
    bucket.put_object(Key="in/replicated.pdf", Body=b"old")
    assert inbox.tick().startswith("0 new jobs")
    monkeypatch.setattr(sensor_module, "FULL_PASS_EVERY", timedelta(0))
    assert inbox.tick().startswith("1 new jobs from 2 objects below the prefix")


@pytest.mark.parametrize("cursor", ["", "nonsense", "[]", '{"newest": 3}', '{"newest": null, "full_pass": "x"}'])
def test_a_damaged_cursor_means_looking_at_everything_again(inbox: Inbox, bucket: Any, cursor: str) -> None:
    bucket.put_object(Key="in/a.pdf", Body=b"a")
    inbox.cursor = cursor
    assert inbox.tick().startswith("1 new jobs from 1 objects below the prefix")


def test_a_bucket_that_is_gone_fails_the_tick_with_its_name(
    endpoint: str, bucket: Any, migrated_database_url: str, redis_url: str
) -> None:
    inbox = Inbox("s3://no-such-bucket/in/", endpoint, migrated_database_url, redis_url)
    with pytest.raises(SourceNotFound, match="no-such-bucket"):
        inbox.tick()


def test_the_sensor_is_there_when_a_prefix_is_set(migrated_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cira_pipeline.definitions import definitions

    with_prefix = Settings(_env_file=None, s3_inbox="s3://bucket/in", postgres_url=SecretStr(migrated_database_url))
    without = with_prefix.model_copy(update={"s3_inbox": None})
    assert "s3_inbox" in {each.name for each in definitions(with_prefix).sensors or ()}
    assert "s3_inbox" not in {each.name for each in definitions(without).sensors or ()}
