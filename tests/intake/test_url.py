from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cira_pipeline.errors import UrlInvalid, UrlSchemeUnsupported
from cira_pipeline.intake.url import display_url, normalise_url, path_of, s3_location, s3_url


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("HTTP://Example.COM:80/a/../b?x=1#page=2", "http://example.com/b?x=1"),
        ("https://example.com:443", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com./a", "https://example.com/a"),
        ("  https://example.com/a  ", "https://example.com/a"),
        ("https://bücher.example/Rechnung 1.pdf", "https://xn--bcher-kva.example/Rechnung%201.pdf"),
        ("https://h/ü?q=ü", "https://h/%C3%BC?q=%C3%BC"),
        ("https://h/a/./b//c/%2E%2e/d/..", "https://h/a/b//"),
        ("https://h/../../etc", "https://h/etc"),
        ("https://h/100%/50%25", "https://h/100%25/50%25"),
        ("https://h/a;v=1/b;w", "https://h/a;v=1/b;w"),
        ("http://[2001:DB8:0::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://0177.0.0.1/", "http://127.0.0.1/"),
        ("http://１２７.0.0.1/", "http://127.0.0.1/"),
        ("file:///srv/in/../invoices/a%20b.pdf", "file:///srv/invoices/a%20b.pdf"),
        ("file://localhost/srv/a b.pdf", "file:///srv/a%20b.pdf"),
        ("file:////srv//a.pdf#x", "file:///srv/a.pdf"),
        ("s3://bucket/2026/Rechnung Nr. 1.pdf", "s3://bucket/2026/Rechnung%20Nr.%201.pdf"),
        ("S3://bucket/a%20b+c.pdf", "s3://bucket/a%20b+c.pdf"),
        ("s3://bucket/a#1.pdf", "s3://bucket/a%231.pdf"),
        ("s3://bucket/100%.pdf", "s3://bucket/100%25.pdf"),
        ("s3://bucket/a/../b", "s3://bucket/a/../b"),
        ("s3://bucket/a.pdf?versionId=x.1", "s3://bucket/a.pdf?versionId=x.1"),
    ],
)
def test_two_spellings_of_a_url_are_one_job(given: str, stored: str) -> None:
    assert normalise_url(given) == stored
    assert normalise_url(stored) == stored


def test_signatures_in_a_query_stay_as_they_were_made() -> None:
    signed = "https://store.example/a%2fb?sig=aB%2fc%2B%3d&se=2026-01-01T00%3A00Z&x=[1]&empty="
    assert normalise_url(signed) == signed


def test_a_relative_file_url_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert normalise_url("file:invoices/1.pdf") == (tmp_path / "invoices/1.pdf").as_uri()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "example.com/invoice.pdf",
        "//example.com/invoice.pdf",
        "/srv/invoice.pdf",
        "https:///invoice.pdf",
        "https:invoice.pdf",
        "https://",
        "https://exa mple.com/",
        "https://exa\nmple.com/",
        "https://example.com/\r\nX-Injected: 1",
        "https://example.com/\x00",
        "https://example.com/\u2028",
        "https://exam\tple.com/",
        "https://good.example\\.evil.example/",
        "https://ex%61mple.com/",
        "https://-a.example/",
        "https://a..b/",
        "https://.../",
        f"https://{'a' * 64}.example/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:8a/",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
        "https://\u202eexample.com/",
        f"https://example.com/{'a' * 9000}",
        f"https://example.com/{'ü' * 5000}",
        "https://example.com/\ud800",
        "file://server/share/a.pdf",
        "file://invoice.pdf",
        "file:",
        "file:///a.pdf?x=1",
        "file:///a%00.pdf",
        "s3://bucket",
        "s3://bucket/",
        "s3://bucket/folder/",
        "s3:///key",
        "s3:bucket/key",
        "s3://b/key",
        f"s3://bucket/{'k' * 1025}",
        "s3://bucket/%FF",
    ],
)
def test_what_is_no_url_is_refused_with_one_clear_error(url: str) -> None:
    with pytest.raises(UrlInvalid):
        normalise_url(url)


@pytest.mark.parametrize("url", ["ftp://h/a", "data:,x", "javascript:alert(1)", "gopher://h/", "localhost:8000/a"])
def test_other_schemes_are_refused_by_name(url: str) -> None:
    with pytest.raises(UrlSchemeUnsupported):
        normalise_url(url)


@pytest.mark.parametrize("url", ["https://me:s3cret@example.com/", "https://s3cret@example.com/", "https://@h/"])
def test_passwords_are_neither_taken_nor_repeated(url: str) -> None:
    with pytest.raises(UrlInvalid) as refused:
        normalise_url(url)
    assert "s3cret" not in str(refused.value)


def test_signatures_are_not_shown_to_people() -> None:
    assert display_url("https://h/a.pdf?sig=s3cret") == "https://h/a.pdf?..."
    assert display_url("https://h/a.pdf") == "https://h/a.pdf"


@pytest.mark.parametrize("key", ["a b.pdf", "100%.pdf", "a%20b", "a#b?c&d=e+f", "ü/€.pdf", "a/../b//c", "?versionId=1"])
def test_every_s3_key_survives_its_url(key: str) -> None:
    url = s3_url("bucket", key)
    assert s3_location(url) == ("bucket", key, None)
    assert normalise_url(url) == url
    assert s3_location(s3_url("bucket", key, "v/1")) == ("bucket", key, "v/1")


@pytest.mark.parametrize("name", ["a b.pdf", "100%.pdf", "a#b?c.pdf", "ü€.pdf", "a\nb.pdf", "\udcff.pdf"])
def test_every_file_name_survives_its_url(name: str) -> None:
    path = Path("/srv") / name
    assert path_of(normalise_url(path.as_uri())) == path


_PARTS = [
    "http",
    "https",
    "file",
    "s3",
    ":",
    "//",
    "/",
    "[",
    "]",
    "::1",
    "%",
    "@",
    "#",
    "?",
    "\uff03",
    "\u2100",
    "\x00",
    "\n",
]
_PARTS += [
    "example.com",
    "127.0.0.1",
    ":port",
    ":99999",
    "v1.x",
    "\ud800",
    "\u202e",
    ".",
    "..",
    "\\",
    " ",
    "xn--",
    "bucket",
]


@settings(max_examples=1_000, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_PARTS), max_size=10).map("".join)))
def test_whatever_is_submitted_as_a_url_is_normalised_or_refused_with_a_code(text: str) -> None:
    try:
        normalised = normalise_url(text)
    except (UrlInvalid, UrlSchemeUnsupported):
        return
    assert normalise_url(normalised) == normalised


@pytest.mark.parametrize(
    "url", ["file://[::1/a.pdf", "http://[::1", "http://[v1.x]/", "file://\u2100/a.pdf", "s3://[/x"]
)
def test_a_host_that_no_parser_takes_is_an_invalid_url(url: str) -> None:
    with pytest.raises(UrlInvalid):
        normalise_url(url)
