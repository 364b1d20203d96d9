from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from cira_pipeline.errors import (
    DocumentTooLarge,
    DownloadTimedOut,
    SourceForbidden,
    SourceNotFound,
    SourceUnavailable,
    UrlInvalid,
)
from cira_pipeline.intake.s3_prefix import S3Listing, list_s3_prefix
from cira_pipeline.settings import Settings
from tests.intake.conftest import NewFetcher
from tests.intake.hostile_server import HostileServer

KEYS = ("in/2026/Rechnung Nr. 1.pdf", "in/100%.pdf", "in/a#b?c=d+e&f.pdf", "in/ü.xml")

LISTING = """<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>invoices</Name><Prefix>in/</Prefix>
<KeyCount>1</KeyCount><MaxKeys>1</MaxKeys><IsTruncated>{truncated}</IsTruncated>
<NextContinuationToken>more</NextContinuationToken><Contents><Key>{key}</Key><ETag>"1"</ETag><Size>1</Size>
<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> Any:
    resource = boto3.resource(
        "s3", endpoint_url=endpoint, region_name="eu-central-1", aws_access_key_id="t", aws_secret_access_key="t"
    )
    bucket = resource.Bucket("invoices")
    bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    bucket.Versioning().enable()
    for key in KEYS:
        bucket.put_object(Key=key, Body=f"content of {key}".encode(), ContentType="application/pdf")
    return bucket


@pytest.fixture
def settings(endpoint: str) -> Settings:
    return Settings(_env_file=None, s3_endpoint_url=endpoint)


def test_every_object_below_a_prefix_can_be_fetched_by_its_url(
    bucket: Any, settings: Settings, endpoint: str, new_fetcher: NewFetcher
) -> None:
    for name in ("in/", "in/empty-folder/", "in/.hidden.pdf", "in/upload.pdf.part", "in/__MACOSX/a.pdf", "other/a.pdf"):
        bucket.put_object(Key=name, Body=b"")
    submissions = list_s3_prefix("s3://invoices/in/", settings).submissions
    fetcher = new_fetcher(s3_endpoint_url=endpoint)
    contents = {fetcher.fetch(each.url).content.decode() for each in submissions}
    assert contents == {f"content of {key}" for key in KEYS}
    assert {each.source for each in submissions} == {"s3"}
    fetched = fetcher.fetch("s3://invoices/in/2026/Rechnung Nr. 1.pdf")
    assert (fetched.file_name, fetched.declared_media_type) == ("Rechnung Nr. 1.pdf", "application/pdf")


def test_a_changed_object_is_a_new_job_and_the_same_one_is_not(bucket: Any, settings: Settings) -> None:
    def submitted() -> list[tuple[str, str]]:
        return [
            (each.url, each.idempotency_key) for each in list_s3_prefix("s3://invoices/changing/", settings).submissions
        ]

    bucket.put_object(Key="changing/a.pdf", Body=b"first")
    first = submitted()
    bucket.put_object(Key="changing/a.pdf", Body=b"first")
    assert submitted() == first
    bucket.put_object(Key="changing/a.pdf", Body=b"second")
    assert submitted() != first


def test_a_prefix_of_many_pages_is_listed_to_its_end_though_the_store_hangs_up(server: HostileServer) -> None:
    def page(handler: BaseHTTPRequestHandler) -> None:
        last = "continuation-token=more" in handler.path
        if last and sum("continuation-token" in request for request in server.requests) == 1:
            return
        content = LISTING.format(truncated=str(not last).lower(), key="in/2.pdf" if last else "in/1.pdf").encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    server.behave("/invoices", page)
    found = list_s3_prefix("s3://invoices/in/", Settings(_env_file=None, s3_endpoint_url=server.url("")))
    assert [each.url for each in found.submissions] == ["s3://invoices/in/1.pdf", "s3://invoices/in/2.pdf"]


def test_one_version_of_an_object_can_be_named(bucket: Any, endpoint: str, new_fetcher: NewFetcher) -> None:
    first_version = bucket.put_object(Key="versioned.pdf", Body=b"first").version_id
    bucket.put_object(Key="versioned.pdf", Body=b"second")
    fetcher = new_fetcher(s3_endpoint_url=endpoint)
    assert fetcher.fetch("s3://invoices/versioned.pdf").content == b"second"
    assert fetcher.fetch(f"s3://invoices/versioned.pdf?versionId={first_version}").content == b"first"


@pytest.mark.usefixtures("bucket")
def test_what_is_not_there_is_not_found(endpoint: str, settings: Settings, new_fetcher: NewFetcher) -> None:
    fetcher = new_fetcher(s3_endpoint_url=endpoint)
    for url in ("s3://invoices/missing.pdf", "s3://no-such-bucket/a.pdf"):
        with pytest.raises(SourceNotFound):
            fetcher.fetch(url)
    with pytest.raises(SourceNotFound):
        list_s3_prefix("s3://no-such-bucket/in/", settings)
    assert list_s3_prefix("s3://invoices/nothing-here/", settings) == S3Listing((), None)


def test_a_giant_is_refused(bucket: Any, endpoint: str, new_fetcher: NewFetcher) -> None:
    bucket.put_object(Key="giant.pdf", Body=bytes(100_001))
    with pytest.raises(DocumentTooLarge):
        new_fetcher(s3_endpoint_url=endpoint).fetch("s3://invoices/giant.pdf")


def test_refused_credentials_are_told_from_a_missing_object(server: HostileServer, new_fetcher: NewFetcher) -> None:
    server.serve("/bucket/a.pdf", b"<Error><Code>AccessDenied</Code></Error>", status=403)
    with pytest.raises(SourceForbidden, match="AccessDenied"):
        new_fetcher(s3_endpoint_url=server.url("")).fetch("s3://bucket/a.pdf")


def test_missing_credentials_say_so(
    server: HostileServer, new_fetcher: NewFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(SourceForbidden, match="no AWS credentials"):
        new_fetcher(s3_endpoint_url=server.url("")).fetch("s3://bucket/a.pdf")


def test_a_store_that_is_busy_is_asked_again(server: HostileServer, new_fetcher: NewFetcher) -> None:
    server.serve("/bucket/a.pdf", b"<Error><Code>SlowDown</Code></Error>", status=503)
    with pytest.raises(SourceUnavailable):
        new_fetcher(s3_endpoint_url=server.url(""), fetch_attempts=2).fetch("s3://bucket/a.pdf")
    assert len(server.requests) == 2


def test_a_store_that_drips_does_not_hold_a_worker(server: HostileServer, new_fetcher: NewFetcher) -> None:
    server.drips("/bucket/a.pdf", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\nETag: x\r\n\r\n", b"x")
    with pytest.raises(DownloadTimedOut):
        new_fetcher(s3_endpoint_url=server.url(""), fetch_timeout_s=1).fetch("s3://bucket/a.pdf")


@pytest.mark.parametrize("url", ["s3:/bucket", "https://bucket/in", "s3://", "s3://buc ket/in"])
def test_what_is_no_prefix_is_refused(url: str, settings: Settings) -> None:
    with pytest.raises(UrlInvalid):
        list_s3_prefix(url, settings)
