"""Signing in with Entra ID, against a place that issues tokens as Azure's App Service does (IDENTITY_ENDPOINT)."""

from __future__ import annotations

import builtins
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cira_pipeline.errors import ConfigurationError, ModelUnauthorised
from tests.azure_standin import AzureStandin
from tests.extraction.azure_openai.readings import INVOICE, document, reading


@dataclass
class TokenIssuer:
    token: str
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def issuer(azure: AzureStandin, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenIssuer]:
    issuer = TokenIssuer(azure.ad_token)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            issuer.asked.append(query["resource"][0])
            body = json.dumps(
                {"access_token": issuer.token, "expires_on": str(int(time.time()) + 86_400), "token_type": "Bearer"}
                if issuer.status == 200
                else {"statusCode": issuer.status, "message": "No managed identity is assigned"}
            ).encode()
            self.send_response(issuer.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "issued-here")
        yield issuer
        server.shutdown()


def test_without_a_key_the_machines_own_identity_signs_in(issuer: TokenIssuer, azure: AzureStandin, engine_for) -> None:
    engine = engine_for(azure_openai_api_key=None)
    for page in (INVOICE, (*INVOICE, "Danke")):
        assert engine.extract(document(), reading(page)).invoice.invoice_number == "30064443"
    assert issuer.asked == ["https://cognitiveservices.azure.com"], "a token is kept until it expires"
    assert len(azure.bill) == 2


def test_clouds_of_other_countries_have_their_own_scope(issuer: TokenIssuer, engine_for) -> None:
    engine = engine_for(
        azure_openai_api_key=None, azure_openai_entra_scope="https://cognitiveservices.azure.us/.default"
    )
    engine.extract(document(), reading(INVOICE))
    assert issuer.asked == ["https://cognitiveservices.azure.us"]


def test_a_key_is_used_before_any_identity(issuer: TokenIssuer, engine_for) -> None:
    engine_for().extract(document(), reading(INVOICE))
    assert issuer.asked == []


def test_a_machine_without_an_identity_is_told_so_and_nothing_is_asked_or_paid(
    issuer: TokenIssuer, azure: AzureStandin, engine_for
) -> None:
    issuer.status = 400
    with pytest.raises(ModelUnauthorised, match="Entra ID gave no token"):
        engine_for(azure_openai_api_key=None, azure_openai_attempts=1).extract(document(), reading(INVOICE))
    assert azure.requests == []


def test_a_token_that_azure_does_not_take_is_an_error_of_its_own(issuer: TokenIssuer, engine_for) -> None:
    issuer.token = "of-another-tenant"
    with pytest.raises(ModelUnauthorised, match="HTTP 401"):
        engine_for(azure_openai_api_key=None).extract(document(), reading(INVOICE))


def test_without_the_extra_the_error_says_what_to_install(engine_for, monkeypatch: pytest.MonkeyPatch) -> None:
    really_import: Any = builtins.__import__

    def without_azure(name: str, *args: Any, **kwargs: Any) -> object:
        if name.startswith("azure"):
            raise ImportError(name)
        return really_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_azure)
    with pytest.raises(ConfigurationError, match=r"CIRA_AZURE_OPENAI_API_KEY.*cira-pipeline\[entra\]"):
        engine_for(azure_openai_api_key=None)
