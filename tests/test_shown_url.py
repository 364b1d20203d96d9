from __future__ import annotations

import pytest

from cira_pipeline.shown_url import HIDDEN, shown_host, shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://cira:hunter2@db.internal:5432/cira", "postgresql://db.internal:5432/cira"),
        ("postgresql://db/cira?password=hunter2", "postgresql://db/cira"),
        ("redis://:hunter2@127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("https://[2001:db8::1]:8443/v1", "https://[2001:db8::1]:8443/v1"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("file:///srv/objects", "file:///srv/objects"),
    ],
)
def test_people_see_where_a_service_is(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "postgresql://cira:hun/ter2@db/cira",
        "postgresql://cira:hun@ter2@db/cira",
        "postgresql://cira:hun?ter2@db/cira",
        "postgresql://db/cira?password=hun@ter2",
        "redis://:hun#ter2@cache/0",
        "http://me:1/ter2@host",
    ],
)
def test_a_password_with_unescaped_signs_is_not_taken_for_a_host_and_shown(url: str) -> None:
    assert shown_url(url) == HIDDEN
    assert "hun" not in shown_host(url)
    assert "ter2" not in shown_host(url)
