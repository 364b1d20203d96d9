from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from cira_pipeline.errors import RedirectRefused, SourceUntrusted
from tests.certificates import certificate_for
from tests.intake.conftest import NewFetcher
from tests.intake.hostile_server import HostileServer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_for("supplier.example", tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[HostileServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    started = HostileServer(tls=context)
    yield started
    started.close()


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.mark.usefixtures("trusted")
def test_the_certificate_is_checked_for_the_name_and_not_for_the_pinned_address(
    tls_server: HostileServer, new_fetcher: NewFetcher
) -> None:
    tls_server.serve("/", b"document")
    fetcher = new_fetcher(resolver=loopback)
    assert fetcher.fetch(tls_server.url("/", "supplier.example", "https")).content == b"document"
    assert tls_server.hosts == [f"supplier.example:{tls_server.port}"]
    for other in ("127.0.0.1", "impostor.example"):
        with pytest.raises(SourceUntrusted, match=other):
            fetcher.fetch(tls_server.url("/", other, "https"))


def test_a_certificate_nobody_vouches_for_is_refused_at_once(
    tls_server: HostileServer, new_fetcher: NewFetcher
) -> None:
    tls_server.serve("/", b"document")
    with pytest.raises(SourceUntrusted, match="self-signed"):
        new_fetcher(resolver=loopback, fetch_attempts=3).fetch(tls_server.url("/", "supplier.example", "https"))
    assert tls_server.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_redirect_does_not_take_an_invoice_out_of_https(
    server: HostileServer, tls_server: HostileServer, new_fetcher: NewFetcher
) -> None:
    plain = server.serve("/", b"document with another IBAN")
    tls_server.redirect("/", plain)
    with pytest.raises(RedirectRefused, match="from https to http"):
        new_fetcher(resolver=loopback).fetch(tls_server.url("/", "supplier.example", "https"))
    assert server.requests == []
