"""The server: chat completions as Azure serves them, and a count of what was billed."""

from __future__ import annotations

import json
import math
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.azure_standin.batches import BatchDesk
from tests.azure_standin.faults import Fault, Faults
from tests.azure_standin.quota import Quota

Answering = Callable[[str], Mapping[str, Any] | str]
"""The user message in, the answer out: an object of spans, or content as it is."""

_AZURE_PATH = re.compile(r"^/openai/deployments/([^/]+)/chat/completions$")
_COUNTED = ("answers", "input_tokens", "cached_input_tokens", "output_tokens")
_OPENAI_PATH = "/v1/chat/completions"
# Azure caches prompts from this length on, in steps.
_CACHED_FROM, _CACHE_STEP = 1_024, 128


@dataclass(frozen=True)
class Billed:
    """One answer that was paid."""

    deployment: str
    model: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    by_batch: bool = False

    def usd(self, prices: Mapping[str, Decimal]) -> Decimal:
        """`prices`: USD for one `input_token`, `cached_input_token`, `output_token`. A batch costs half."""
        return (Decimal("0.5") if self.by_batch else 1) * (
            prices["input_token"] * (self.input_tokens - self.cached_input_tokens)
            + prices["cached_input_token"] * self.cached_input_tokens
            + prices["output_token"] * self.output_tokens
        )


@dataclass
class AzureStandin:
    """Start with `with`; `endpoint` is then its address.

    `rejects` names request parameters and response formats that the model behind it does not know; `quotas` are those
    of deployments by name. `GET /bill` tells what was billed, by deployment. `batches` is its batch API.
    """

    answering: Answering = lambda _message: {}
    faults: Faults = field(default_factory=Faults)
    api_key: str = "standin-key"
    ad_token: str = "standin-token"
    deployments: Mapping[str, str] = field(default_factory=lambda: {"invoices": "gpt-4.1-mini-2025-04-14"})
    rejects: frozenset[str] = frozenset()
    latency_s: float = 0.0
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    port: int = 0
    bill: list[Billed] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.caller = threading.local()
        """`port` is the client's of the request that this thread answers."""
        self.prompts_seen: set[str] = set()
        self.batches = BatchDesk(self._answered_by_batch, self._complaint)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"standin": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        """For clients of OpenAI's own API."""
        return f"{self.endpoint}/v1"

    def bill_by_deployment(self) -> dict[str, dict[str, int]]:
        """Answers and tokens that were billed."""
        totals: dict[str, dict[str, int]] = {}
        with self.lock:
            for billed in self.bill:
                total = totals.setdefault(billed.deployment, dict.fromkeys(_COUNTED, 0))
                for name in _COUNTED:
                    total[name] += 1 if name == "answers" else getattr(billed, name)
        return totals

    def _answered_by_batch(self, request: Mapping[str, Any], deployment: str, model: str, kind: str) -> dict[str, Any]:
        response = self.completion(request, deployment, model, kind, by_batch=True)
        assert response is not None
        return response

    def _complaint(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        return _complaint(request, self.rejects)

    def completion(
        self,
        request: Mapping[str, Any],
        deployment: str,
        model: str,
        kind: str = "",
        *,
        by_batch: bool = False,
        wanted: Callable[[], bool] = lambda: True,
    ) -> dict[str, Any] | None:
        """A chat completion, billed; `None` and no bill when it is not `wanted` any more. `kind` is a fault's."""
        prompt = "".join(each["content"] for each in request["messages"] if each["role"] == "system")
        question = "".join(each["content"] for each in request["messages"] if each["role"] == "user")
        answered = self.answering(question)
        content = answered if isinstance(answered, str) else json.dumps(answered, ensure_ascii=False)
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        finish_reason = "stop"
        if kind == "refusal":
            message |= {"content": None, "refusal": "I'm sorry, I can't assist with that."}
        elif kind == "filtered":
            message["content"], finish_reason = "", "content_filter"
        elif kind == "length" or tokens(content) > _limit(request):
            message["content"], finish_reason = content[: 4 * _limit(request) // 2], "length"
        elif kind == "no_json":
            message["content"] = "Sure! The invoice number is 4711."
        elif kind == "wrong_schema":
            message["content"] = '{"fields": "none", "rows": []}'
        if not wanted():
            return None
        usage = self.billed(deployment, model, prompt + question, prompt, message["content"] or "", by_batch=by_batch)
        choice = {"index": 0, "finish_reason": finish_reason, "logprobs": None, "message": message}
        response = {
            "id": f"chatcmpl-{len(self.bill)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [] if kind == "no_choice" else [choice],
            "usage": usage,
            "system_fingerprint": "fp_standin",
        }
        if kind == "no_usage":
            del response["usage"]
        return response

    def billed(
        self, deployment: str, model: str, question: str, prompt: str, answer: str, *, by_batch: bool = False
    ) -> dict[str, Any]:
        """Adds to the bill; returns the `usage` of the response."""
        with self.lock:
            known = prompt in self.prompts_seen
            self.prompts_seen.add(prompt)
            asked, told = tokens(question), tokens(answer)
            cached = tokens(prompt) // _CACHE_STEP * _CACHE_STEP if known and asked >= _CACHED_FROM else 0
            self.bill.append(Billed(deployment, model, asked, cached, told, by_batch))
        return {
            "prompt_tokens": asked,
            "completion_tokens": told,
            "total_tokens": asked + told,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }


def tokens(text: str) -> int:
    return math.ceil(len(text) / 4)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are part of the plan."""


class _Handler(BaseHTTPRequestHandler):
    standin: AzureStandin
    _quota_headers: Mapping[str, str] = MappingProxyType({})
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        target = urlsplit(self.path)
        standin = self.standin
        standin.caller.port = self.client_address[1]
        if BatchDesk.serves(target.path):
            self._at_the_desk("POST", body)
            return
        time.sleep(standin.latency_s)
        deployment = self._deployment(target.path, parse_qs(target.query), body)
        if deployment is None:
            return
        request = json.loads(body)
        with standin.lock:
            standin.requests.append(request)
        refusal, self._quota_headers = self._quota(request, deployment)
        fault = refusal or standin.faults.next()
        if fault is not None and self._broken(fault):
            return
        complaint = _complaint(request, standin.rejects)
        if complaint is not None:
            self._send(400, {"error": complaint})
            return
        self._answer(request, deployment, fault)

    def do_GET(self) -> None:
        if self.path == "/bill":
            self._send(200, self.standin.bill_by_deployment())
        elif BatchDesk.serves(urlsplit(self.path).path):
            self._at_the_desk("GET", b"")
        else:
            self._send(404, {"error": {"code": "404", "message": "Resource not found"}})

    def do_DELETE(self) -> None:
        self._at_the_desk("DELETE", b"")

    def _at_the_desk(self, method: str, body: bytes) -> None:
        """Files and batches. A fault `lost` is one in which all is done and nobody hears of it."""
        target = urlsplit(self.path)
        query = parse_qs(target.query)
        if not self._signed_in():
            return
        if target.path.startswith("/openai/") and not query.get("api-version"):
            self._send(404, {"error": {"code": "404", "message": "Resource not found"}})
            return
        desk = self.standin.batches
        fault = desk.faults.next()
        if fault is not None and fault.kind != "lost" and self._broken(fault):
            return
        status, answer = desk.handle(method, target.path, query, body, self.headers.get("content-type", ""))
        if fault is not None and fault.kind == "lost":
            self._broken(Fault("reset"))
        else:
            self._send(status, answer)

    def _quota(self, request: Mapping[str, Any], deployment: str) -> tuple[Fault | None, Mapping[str, str]]:
        quota = self.standin.quotas.get(deployment)
        if quota is None:
            return None, {}
        question = "".join(each["content"] for each in request["messages"])
        return quota.take(tokens(question) + _limit(request))

    def _deployment(self, path: str, query: Mapping[str, list[str]], body: bytes) -> str | None:
        """The deployment asked for; `None` after an error was sent."""
        standin = self.standin
        azure = _AZURE_PATH.match(path)
        if (azure is None and path != _OPENAI_PATH) or (azure is not None and not query.get("api-version")):
            self._send(404, {"error": {"code": "404", "message": "Resource not found"}})
            return None
        if not self._signed_in():
            return None
        deployment = azure.group(1) if azure else str(json.loads(body).get("model"))
        if azure and deployment not in standin.deployments:
            message = "The API deployment for this resource does not exist."
            self._send(404, {"error": {"code": "DeploymentNotFound", "message": message}})
            return None
        return deployment

    def _signed_in(self) -> bool:
        """False after an error was sent."""
        standin = self.standin
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        if self.headers.get("api-key") == standin.api_key or bearer in (standin.ad_token, standin.api_key):
            return True
        message = (
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key "
            "for an active subscription and use a correct regional API endpoint for your resource."
        )
        self._send(401, {"error": {"code": "401", "message": message}})
        return False

    def _broken(self, fault: Fault) -> bool:
        """Plays a fault that ends the request; false for those that are in the answer."""
        if fault.kind == "status":
            self._send(fault.status, fault.body, fault.headers)
        elif fault.kind == "reset":
            # Linger of zero seconds: the kernel sends RST in place of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault.kind == "hang":
            self.standin.closing.wait(30)
            self.close_connection = True
        elif fault.kind == "drip":
            self._drip()
        elif fault.kind == "cut":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'{"id": "cut"')
            self.close_connection = True
        else:
            return False
        return True

    def _nobody_waits(self) -> bool:
        """Whether the client has gone: an answer that is not wanted any more is not made, and not billed."""
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        self.close_connection = True
        while not self.standin.closing.wait(0.05):
            self.wfile.write(b" ")

    def _answer(self, request: Mapping[str, Any], deployment: str, fault: Fault | None) -> None:
        standin = self.standin
        model = standin.deployments.get(deployment, deployment)
        kind = fault.kind if fault else ""
        response = standin.completion(request, deployment, model, kind, wanted=lambda: not self._nobody_waits())
        if response is None:
            self.close_connection = True
        else:
            self._send(200, response)

    def _send(self, status: int, body: Mapping[str, Any] | bytes, headers: Mapping[str, str] | None = None) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        own = {
            "content-type": "application/octet-stream" if isinstance(body, bytes) else "application/json",
            "content-length": str(len(payload)),
            "apim-request-id": "00000000-0000-0000-0000-000000000000",
            "x-ms-region": "Sweden Central",
            "x-ratelimit-remaining-requests": "249",
            "x-ratelimit-remaining-tokens": "248000",
        }
        self.send_response(status)
        for name, value in (own | dict(self._quota_headers) | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)


def _limit(request: Mapping[str, Any]) -> int:
    return int(request.get("max_tokens") or request.get("max_completion_tokens") or 4_096)


def _complaint(request: Mapping[str, Any], rejects: frozenset[str]) -> dict[str, Any] | None:
    """What Azure minds about a request: parameters the model does not know, and schemas that are not strict."""
    for name in ("max_tokens", "max_completion_tokens"):
        if name in request and name in rejects:
            other = "max_completion_tokens" if name == "max_tokens" else "max_tokens"
            message = f"Unsupported parameter: '{name}' is not supported with this model. Use '{other}' instead."
            return _error(message, name, "unsupported_parameter")
    for name in ("temperature", "seed"):
        if name in request and name in rejects:
            return _error(
                f"Unsupported value: '{name}' does not support this with this model.", name, "unsupported_value"
            )
    response_format = request.get("response_format") or {}
    if response_format.get("type") in rejects:
        message = f"Invalid parameter: 'response_format' of type '{response_format['type']}' is not supported."
        return _error(message, "response_format", None)
    asked = "".join(each["content"] for each in request["messages"])
    if response_format.get("type") == "json_object" and "json" not in asked.lower():
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        return _error(message, "messages", None)
    schema = response_format.get("json_schema", {}).get("schema")
    loose = _loose(schema) if schema is not None else None
    if loose is not None:
        return _error(f"Invalid schema for response_format 'invoice_spans': {loose}", "response_format", None)
    return None


def _loose(schema: Any) -> str | None:
    """Why a schema is not strict: every property must be required and nothing else allowed."""
    if isinstance(schema, list):
        return next((why for each in schema if (why := _loose(each)) is not None), None)
    if not isinstance(schema, Mapping):
        return None
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false."
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            return "'required' is required to be supplied and to be an array including every key in properties."
    if "default" in schema and not isinstance(schema["default"], Mapping):
        return "'default' is not permitted."
    return _loose(list(schema.values()))


def _error(message: str, param: str, code: str | None) -> dict[str, Any]:
    return {"message": message, "type": "invalid_request_error", "param": param, "code": code}
