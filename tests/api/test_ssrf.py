"""A client chooses URLs that CIRA's machine connects to: none of them leads into the network it stands in.

Over the running service: submitted with a key, processed as a run does it, and asked for as a client does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest

from cira_pipeline.intake.addresses import system_resolver
from cira_pipeline.intake.fetch import Fetcher
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.pipeline.stream import stream
from tests.intake.hostile_server import HostileServer
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.pipeline.worker import opened
from tests.webhooks.receiver import Receiver


@pytest.fixture
def inside() -> Iterator[HostileServer]:
    """A server of our own network, with something that a stranger must not read."""
    server = HostileServer()
    server.serve("/secret.pdf", invoice_pdf("SECRET-1"))
    yield server
    server.close()


@pytest.fixture
def ended(api, api_settings):
    """Submits a URL over HTTP, lets a run work on it, and asks how it ended."""
    with ExitStack() as closing:

        def submit_and_process(url: str, *, resolver=system_resolver, allowed: Sequence[str] = ()) -> dict:
            client = api.client()
            answer = client.post("/v1/jobs", json={"jobs": [{"url": url}]}, headers={"Idempotency-Key": str(url)})
            if not answer.is_success:
                [wrong] = answer.json()["errors"]
                return {"status": "refused", "error": {"code": wrong["detail"].rpartition("[")[2].rstrip("]")}}
            [job] = answer.json()["jobs"]
            settings = api_settings.model_copy(
                update={"fetch_allowed_hosts": tuple(allowed), "fetch_attempts": 1, "fetch_timeout_s": 20}
            )
            processor = closing.enter_context(opened(settings))
            fetcher = Fetcher(settings, resolver=resolver)
            closing.callback(fetcher.close)
            list(stream(replace(processor, fetcher=fetcher), [JobId(job["job_id"])], tuple(Stage), run_id="run"))
            return client.get(f"/v1/jobs/{job['job_id']}").json()

        yield submit_and_process


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
    ],
)
def test_a_url_into_our_own_network_is_not_fetched(ended, inside, host):
    job = ended(f"http://{host}:{inside.port}/secret.pdf")
    assert (job["status"], job["error"]["code"]) == ("failed", "url_address_refused")
    assert inside.requests == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "s3://bucket/key", "gopher://127.0.0.1/", "upload:" + "0" * 64])
def test_a_url_of_another_kind_is_not_even_taken(ended, url):
    assert ended(url) == {"status": "refused", "error": {"code": "url_scheme_unsupported"}}


@pytest.mark.parametrize("where", ["http://127.0.0.1:{port}/secret.pdf", "//localhost:{port}/secret.pdf"])
def test_a_redirect_into_our_own_network_is_not_followed(ended, inside, where):
    outside = HostileServer()
    try:
        outside.redirect("/1.pdf", where.format(port=inside.port))
        job = ended(
            outside.url("/1.pdf", host="supplier.example"),
            resolver=lambda host, port: ["127.0.0.1"],
            allowed=("supplier.example",),
        )
        assert (job["status"], job["error"]["code"]) == ("failed", "url_address_refused")
        assert outside.requests == ["/1.pdf"], "it was asked, and its redirect was not followed"
        assert inside.requests == []
    finally:
        outside.close()


def test_a_name_that_changes_its_address_between_look_and_connection_gains_nothing(ended, inside):
    """DNS rebinding: each connection goes to the very address that was looked at, and is looked at anew."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        # The first answer stands for a public address here.
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.5"]

    inside.redirect("/again.pdf", f"http://supplier.example:{inside.port}/secret.pdf")
    job = ended(inside.url("/again.pdf", host="supplier.example"), resolver=rebinding, allowed=("127.0.0.1",))
    assert (job["status"], job["error"]["code"]) == ("failed", "url_address_refused")
    assert asked == ["supplier.example", "supplier.example"], "once for each connection and never between"
    assert inside.requests == ["/again.pdf"]


def test_a_callback_into_our_own_network_is_never_called(start_api, api_settings, database):
    receiver = Receiver()
    try:
        api = start_api(api_settings.model_copy(update={"webhook_allow_http": True}))
        api.services.webhook_secrets.create("acme", api.services.pepper.pepper_id)
        client = api.client()
        body = {"jobs": [{"url": "https://a.example/1.pdf", "callback": receiver.url(host="localhost")}]}
        [job] = client.post("/v1/jobs", json=body).json()["jobs"]
        client.delete(f"/v1/jobs/{job['job_id']}")
        ends = time.monotonic() + 60
        while not (told := client.get(f"/v1/jobs/{job['job_id']}/deliveries").json()["deliveries"][0])["attempts"]:
            assert time.monotonic() < ends
            time.sleep(0.05)
        assert (told["state"], told["attempts"][0]["error_code"]) == ("pending", "url_address_refused")
        assert receiver.received == []
    finally:
        receiver.close()


def test_the_running_service_tells_a_callback_how_its_job_ended(start_api, api_settings, database):
    receiver = Receiver()
    try:
        api = start_api(
            api_settings.model_copy(update={"webhook_allow_http": True, "webhook_allowed_hosts": ("127.0.0.1",)})
        )
        api.services.webhook_secrets.create("acme", api.services.pepper.pepper_id)
        client = api.client()
        body = {"jobs": [{"url": "https://a.example/1.pdf", "callback": receiver.url()}]}
        [job] = client.post("/v1/jobs", json=body).json()["jobs"]
        client.delete(f"/v1/jobs/{job['job_id']}")
        receiver.wait_for(1)
        ends = time.monotonic() + 60
        while (told := client.get(f"/v1/jobs/{job['job_id']}/deliveries").json()["deliveries"][0])[
            "state"
        ] != "delivered":
            assert time.monotonic() < ends
            time.sleep(0.05)
        assert (told["type"], told["next_attempt_at"]) == ("job.cancelled", None)
    finally:
        receiver.close()
