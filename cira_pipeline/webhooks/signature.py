"""Signatures of webhooks: HMAC-SHA-256 as in the Standard Webhooks specification.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the headers `webhook-id`,
`webhook-timestamp` (seconds) and `webhook-signature`, which holds `v1,` and the signature in base64 over
`id.timestamp.body`, once for each secret that is in force.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence

from cira_pipeline.db.access.webhook_secrets import WebhookSecretRepository
from cira_pipeline.errors import WebhookSecretMissing

SECRET_PREFIX = "whsec_"  # noqa: S105 - no secret

Derive = Callable[[bytes], bytes]
"""Derives 32 bytes for a purpose from the pepper (`Pepper.derived`)."""


class Signer:
    """Signs webhooks with a client's secrets; `derive` and `pepper_id` are of this process's pepper. Thread-safe."""

    def __init__(self, secrets: WebhookSecretRepository, derive: Derive, pepper_id: str) -> None:
        self._secrets = secrets
        self._derive = derive
        self._pepper_id = pepper_id

    def headers(self, client: str, event_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
        """The signature headers of one attempt. Raises: WebhookSecretMissing, StoreUnavailable."""
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": " ".join(
                _signature(secret, event_id, timestamp_s, body) for secret in self._signing(client)
            ),
        }

    def demand(self, client: str) -> None:
        """Checks that the client has a signing secret. Raises: WebhookSecretMissing, StoreUnavailable."""
        self._signing(client)

    def _signing(self, client: str) -> Sequence[bytes]:
        known = self._secrets.signing(client)
        usable = [signing_secret(self._derive, each.signing_id) for each in known if each.pepper_id == self._pepper_id]
        if not usable:
            why = "no webhook secret" if not known else "no webhook secret for this service's key pepper"
            raise WebhookSecretMissing(f"{client} has {why}", client=client)
        return usable


def signing_secret(derive: Derive, signing_id: str) -> bytes:
    """The secret of a signing id, derived with the pepper, so that a copy of the database cannot be used to sign."""
    return derive(b"webhook secret " + signing_id.encode())


def shown_secret(secret: bytes) -> str:
    """The secret in the format of the Standard Webhooks libraries."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def _signature(secret: bytes, event_id: str, timestamp_s: int, body: bytes) -> str:
    signed = f"{event_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
