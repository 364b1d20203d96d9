from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cira_pipeline.errors import RedirectRefused, SourceUntrusted
from tests.intake.conftest import NewFetcher
from tests.intake.hostile_server import HostileServer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for supplier.example, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "supplier.example")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("supplier.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "supplier.pem"
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(key_pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path


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
