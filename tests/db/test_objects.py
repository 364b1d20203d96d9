from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.errors import ConfigurationError, ObjectMissing, ServiceUnreachable, StoreUnavailable

_KEY = "documents/ab/abcd"


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """A real HTTP server that speaks S3, with one bucket."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="objects")
        yield endpoint
        server.stop()


@pytest.fixture(params=["folder", "file", "s3", "memory"])
def store(request, tmp_path) -> ObjectStore:
    if request.param == "s3":
        endpoint = request.getfixturevalue("s3_endpoint")
        return ObjectStore(f"s3://objects/{tmp_path.name}", s3_endpoint_url=endpoint)
    folder = tmp_path / "with space é"
    urls = {"folder": str(folder), "file": folder.as_uri(), "memory": f"memory://{tmp_path.name}"}
    return ObjectStore(urls[request.param])


def test_what_is_put_is_there_until_it_is_deleted(store):
    assert not store.exists(_KEY)
    store.put(_KEY, b"%PDF \x00\xff")
    assert store.exists(_KEY)
    assert store.get(_KEY) == b"%PDF \x00\xff"
    store.put(_KEY, b"%PDF \x00\xff")
    assert store.get(_KEY) == b"%PDF \x00\xff"
    store.delete(_KEY)
    store.delete(_KEY)
    assert not store.exists(_KEY)
    with pytest.raises(ObjectMissing) as caught:
        store.get(_KEY)
    assert caught.value.detail == {"key": _KEY}


def test_an_erased_object_leaves_no_version_behind_in_a_versioned_bucket(s3_endpoint, tmp_path):
    s3 = boto3.client("s3", endpoint_url=s3_endpoint)
    bucket = f"versioned-{os.getpid()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    store = ObjectStore(f"s3://{bucket}/kept", s3_endpoint_url=s3_endpoint)
    store.put(_KEY, b"first")
    store.put(_KEY, b"second")
    s3.delete_object(Bucket=bucket, Key=f"kept/{_KEY}")
    store.put(_KEY, b"third")
    store.put(f"{_KEY}-longer", b"another document")

    store.delete(_KEY)
    store.delete(_KEY)

    kept = s3.list_object_versions(Bucket=bucket)
    left = [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in kept.get(kind, ())]
    assert left == [f"kept/{_KEY}-longer"]
    assert store.get(f"{_KEY}-longer") == b"another document"


def test_an_empty_object_is_an_object(store):
    store.put(_KEY, b"")
    assert store.exists(_KEY)
    assert store.get(_KEY) == b""


def test_the_store_says_that_it_works_and_leaves_nothing_behind(store):
    store.ping()
    assert not store.exists("cira-doctor.txt")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/b/", "a\x00b", "s3://x/y"])
def test_no_key_leads_out_of_the_store(store, key):
    for call in (store.get, store.exists, store.delete, store.url_of):
        with pytest.raises(ValueError, match="not a valid object key"):
            call(key)


def test_people_find_an_object_by_its_url(tmp_path, s3_endpoint):
    local = ObjectStore(str(tmp_path / "a b"))
    local.put(_KEY, b"x")
    assert local.url_of(_KEY) == (tmp_path / "a b" / _KEY).as_uri()
    assert ObjectStore("s3://objects/kept/", s3_endpoint_url=s3_endpoint).url_of(_KEY) == f"s3://objects/kept/{_KEY}"


def test_a_reader_never_sees_half_an_object(tmp_path):
    store = ObjectStore(str(tmp_path))
    store.put(_KEY, b"a" * 1_000_000)
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [store.put(_KEY, letter * 1_000_000) for letter in (b"b", b"c") * 10])
        while not writing.done():
            assert len(set(store.get(_KEY))) == 1
        writing.result()
    assert [each.name for each in (tmp_path / _KEY).parent.iterdir()] == ["abcd"]


def test_a_write_that_fails_leaves_the_old_object(tmp_path, monkeypatch):
    store = ObjectStore(str(tmp_path))
    store.put(_KEY, b"old")

    def disk_is_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_is_full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        store.put(_KEY, b"new")
    assert store.get(_KEY) == b"old"
    assert [each.name for each in (tmp_path / _KEY).parent.iterdir()] == ["abcd"]


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "objects").write_text("a file")
    with pytest.raises((ServiceUnreachable, ConfigurationError), match="objects"):
        ObjectStore(str(tmp_path / "objects")).ping()


def test_a_missing_bucket_is_a_matter_of_configuration(s3_endpoint):
    store = ObjectStore("s3://no-such-bucket/x", s3_endpoint_url=s3_endpoint)
    with pytest.raises(ConfigurationError, match="no-such-bucket"):
        store.ping()


def test_an_s3_that_does_not_answer_can_be_tried_again(s3_endpoint):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        store = ObjectStore("s3://objects", s3_endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(StoreUnavailable) as caught:
            store.get(_KEY)
        assert caught.value.retryable
        with pytest.raises(ServiceUnreachable, match="s3://objects"):
            store.ping()


@pytest.mark.parametrize("url", ["ftp://host/x", "http://host/x", "s3://", "gopher://x"])
def test_a_store_of_another_kind_is_refused_at_once(url):
    with pytest.raises(ConfigurationError, match="CIRA_OBJECT_STORE"):
        ObjectStore(url)


def test_a_relative_folder_stays_where_it_was_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = ObjectStore("objects")
    monkeypatch.chdir("/")
    store.put(_KEY, b"x")
    assert (tmp_path / "objects" / Path(_KEY)).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [("s3://key:secret@bucket/prefix", None), ("s3://bucket", "http://key:secret@s3.internal:9000")],
)
def test_credentials_in_an_s3_address_are_refused_before_an_error_can_quote_them(url, endpoint):
    with pytest.raises(ConfigurationError, match="contains a user or password") as caught:
        ObjectStore(url, s3_endpoint_url=endpoint)
    assert "secret" not in str(caught.value)
