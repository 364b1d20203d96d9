"""What can go wrong at Azure, by script or by chance, with the bodies that Azure sends."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_FILTER = {"filtered": True, "severity": "medium"}


@dataclass(frozen=True, eq=False)
class Fault:
    """One way a request can end other than well.

    `kind`: `status` (answer with `status` and `body`), `reset` (the connection breaks), `hang` (no byte until the
    client goes), `drip` (a byte at a time), `cut` (half an answer); or, billed like any answer: `refusal`, `length`,
    `filtered`, `no_json`, `wrong_schema`, `no_choice`, `no_usage`.
    """

    kind: str
    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def rate_limited(retry_after_s: float = 0, *, milliseconds: bool = False) -> Fault:
        message = (
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded "
            f"token rate limit of your current OpenAI S0 pricing tier. Please retry after {retry_after_s:.0f} seconds."
        )
        headers = {"retry-after": f"{retry_after_s:.0f}", "x-ratelimit-remaining-tokens": "0"}
        if milliseconds:
            headers["retry-after-ms"] = f"{retry_after_s * 1000:.0f}"
        return Fault("status", 429, {"error": {"code": "429", "message": message}}, headers)

    @staticmethod
    def server_error(status: int = 500) -> Fault:
        message = "The server had an error while processing your request. Sorry about that!"
        return Fault("status", status, {"error": {"code": "InternalServerError", "message": message}})

    @staticmethod
    def forbidden() -> Fault:
        message = "Access denied due to Virtual Network/Firewall rules."
        return Fault("status", 403, {"error": {"code": "403", "message": message}})

    @staticmethod
    def quota_exhausted() -> Fault:
        message = "You exceeded your current quota, please check your plan and billing details."
        error = {"message": message, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
        return Fault("status", 429, {"error": error})

    @staticmethod
    def prompt_filtered() -> Fault:
        message = (
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
            "Please modify your prompt and retry."
        )
        inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"violence": _FILTER}}
        error = {"message": message, "type": None, "param": "prompt", "code": "content_filter", "status": 400}
        return Fault("status", 400, {"error": error | {"innererror": inner}})

    @staticmethod
    def too_long() -> Fault:
        message = "This model's maximum context length is 1000 tokens. Please reduce the length of the messages."
        error = {"message": message, "type": "invalid_request_error", "param": "messages"}
        return Fault("status", 400, {"error": error | {"code": "context_length_exceeded"}})

    @staticmethod
    def bad_request() -> Fault:
        error = {"message": "Invalid 'messages'.", "type": "invalid_request_error", "param": "messages", "code": None}
        return Fault("status", 400, {"error": error})


NAMED: Mapping[str, Fault | None] = {
    "ok": None,
    "rate_limited": Fault.rate_limited(1),
    "server_error": Fault.server_error(),
    "unavailable": Fault.server_error(503),
    "timeout": Fault.server_error(408),
    "forbidden": Fault.forbidden(),
    "quota_exhausted": Fault.quota_exhausted(),
    "prompt_filtered": Fault.prompt_filtered(),
    "too_long": Fault.too_long(),
    "bad_request": Fault.bad_request(),
    **{
        kind: Fault(kind)
        for kind in (
            "reset",
            "hang",
            "drip",
            "cut",
            "refusal",
            "length",
            "filtered",
            "no_json",
            "wrong_schema",
            "no_choice",
            "no_usage",
        )
    },
}
"""What a script on the command line can name."""


class Faults:
    """The faults of the next requests in order, then faults by chance: `rates` maps a fault to its share, 0 to 1."""

    def __init__(
        self, script: Iterable[Fault | None] = (), rates: Mapping[Fault, float] | None = None, seed: int = 1
    ) -> None:
        self._script = deque(script)
        self._rates = list((rates or {}).items())
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def then(self, *faults: Fault | None) -> None:
        """`None` is a request that goes well."""
        with self._lock:
            self._script.extend(faults)

    def next(self) -> Fault | None:
        with self._lock:
            if self._script:
                return self._script.popleft()
            drawn = self._random.random()
            for fault, share in self._rates:
                if drawn < share:
                    return fault
                drawn -= share
            return None
