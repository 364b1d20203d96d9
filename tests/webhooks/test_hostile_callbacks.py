"""A callback is an address that a stranger has chosen: it must lead nowhere but to that stranger's own server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cira_pipeline.webhooks.sending import Sender
from tests.webhooks.receiver import Receiver


class Names:
    """A resolver whose answers change: first the one that is looked at, then the one that is meant."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def _tried(outbox, callback: str, **changed: Any):
    """The event after one attempt with the guard as it is in operation: nothing private is allowed."""
    resolver = changed.pop("resolver", None)
    settings = outbox.settings.model_copy(update={"webhook_allowed_hosts": (), **changed})
    sender = Sender(settings, resolver=resolver) if resolver else Sender(settings)
    job_id = outbox.ended(callback)
    deliverer = outbox.new_deliverer(sender=sender)
    try:
        return outbox.wait_until(job_id, lambda event: bool(event.attempts))
    finally:
        # Else it would take what the next one is to try.
        deliverer.stop()


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "fe80::1"]
)
def test_a_name_that_leads_into_our_own_network_is_not_called(outbox, receiver, address):
    outbox.secret()
    event = _tried(outbox, receiver.url(host="client.example"), resolver=Names([address]))
    assert event.last_failure == "url_address_refused"
    assert receiver.received == []


def test_a_name_with_a_public_and_a_private_address_is_not_called(outbox, receiver):
    outbox.secret()
    names = Names(["93.184.215.14", "127.0.0.1"])
    assert _tried(outbox, receiver.url(host="client.example"), resolver=names).last_failure == "url_address_refused"
    assert receiver.received == []


def test_a_name_is_resolved_once_an_attempt_so_that_it_cannot_change_its_mind(outbox, receiver):
    """DNS rebinding: the address that was judged is the one that is called."""
    outbox.secret()
    names = Names(["127.0.0.1"], ["10.0.0.5"])
    settings = outbox.settings
    job_id = outbox.ended(receiver.url(host="client.example"))
    outbox.new_deliverer(sender=Sender(settings, resolver=names))
    outbox.wait_until(job_id, lambda event: event.state == "delivered")
    assert names.asked == 1
    assert receiver.received[0].headers["host"] == f"client.example:{receiver.port}"
    second = outbox.ended(receiver.url(host="client.example"))
    event = outbox.wait_until(second, lambda event: bool(event.attempts))
    assert event.last_failure == "url_address_refused", "and it is judged anew at every attempt"
    assert len(receiver.received) == 1


def test_a_redirect_into_our_own_network_is_not_followed(outbox, receiver):
    outbox.secret()
    inside = Receiver()
    try:
        receiver.answers = [(307, {"Location": inside.url("/admin")})]
        job_id = outbox.ended(receiver.url())
        outbox.new_deliverer()
        event = outbox.wait_until(job_id, lambda event: bool(event.attempts))
        assert (event.last_failure, event.attempts[0].http_status) == ("webhook_redirected", 307)
        assert inside.received == []
    finally:
        inside.close()


def test_what_was_allowed_when_it_was_submitted_is_judged_by_todays_settings(outbox, receiver):
    outbox.secret()
    assert _tried(outbox, receiver.url()).last_failure == "url_address_refused"
    assert _tried(outbox, receiver.url("/again"), webhook_allow_http=False).last_failure == "url_scheme_unsupported"
    assert receiver.received == []
