"""The stand-in's batch API: files and batches under Azure's paths, with its states, limits and error codes.

Nothing happens by itself: each look at a batch takes it to its next state, and with the last one its lines are answered
and billed, at half the price.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

from tests.azure_standin.faults import Fault, Faults

_PATH = re.compile(r"^/(?:openai|v1)/(files|batches)(?:/([^/]+))?(?:/(content|cancel))?$")
_ON_THE_WAY = ("validating", "in_progress", "finalizing")
_OVER = ("completed", "failed", "expired", "cancelled")

Answer = Callable[[Mapping[str, Any], str, str, str], dict[str, Any]]
Complain = Callable[[Mapping[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True)
class BatchFault:
    """How one batch ends other than well.

    `ends`: `completed`, `failed` (with `code` for the batch as a whole), `expired`, `cancelled`; of the last two only
    the first `answered` lines are. `lines`: by place from 0, a Fault of kind `status` or of an answer (`refusal`,
    `length`, ...), `malformed` (no JSON), `not_chat` (a 200 that is no completion), `missing` (in no file), `twice`.
    """

    ends: str = "completed"
    code: str = ""
    answered: int = 0
    lines: Mapping[int, Fault | str] = field(default_factory=dict)


class BatchDesk:
    """`looks`: how many looks find a batch on its way before it is over. `deployments` are those of batch types.

    `faults` are those of HTTP requests to files and batches; `spoil` says how the next batches end. `lists` false: the
    list of batches is empty, as it may be for a moment after one was begun.
    """

    def __init__(self, answer: Answer, complain: Complain) -> None:
        self._answer = answer
        self._complain = complain
        self._lock = threading.RLock()
        self._spoilt: deque[BatchFault | None] = deque()
        self.looks = 1
        self.deployments: Mapping[str, str] = {"invoices-batch": "gpt-4.1-mini-2025-04-14"}
        self.most_lines = 100_000
        self.enqueued_tokens: int | None = None
        self.lists = True
        self.file_looks = 0
        self.faults = Faults()
        self.files: dict[str, dict[str, Any]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.uploads = 0

    @staticmethod
    def serves(path: str) -> bool:
        return _PATH.match(path) is not None

    def spoil(self, *faults: BatchFault | None) -> None:
        self._spoilt.extend(faults)

    def handle(
        self, method: str, path: str, query: Mapping[str, list[str]], body: bytes, content_type: str
    ) -> tuple[int, Mapping[str, Any] | bytes]:
        found = _PATH.match(path)
        assert found is not None
        kind, name, what = found.groups()
        with self._lock:
            if kind == "files":
                return self._files(method, name, what, body, content_type)
            return self._batches(method, name, what, query, body)

    def _files(
        self, method: str, name: str | None, what: str | None, body: bytes, content_type: str
    ) -> tuple[int, Mapping[str, Any] | bytes]:
        if method == "POST":
            return 201, _shown(self._uploaded(body, content_type))
        if name is None:
            return 200, {"object": "list", "data": [_shown(each) for each in self.files.values()], "has_more": False}
        file = self.files.get(name)
        if file is None:
            return 404, {"error": {"code": "404", "message": f"Resource not found: file {name}"}}
        if method == "DELETE":
            del self.files[name]
            return 200, {"id": name, "object": "file", "deleted": True}
        if what == "content":
            return 200, bytes(file["content"])
        if file["looks"] > 0:
            file["looks"] -= 1
            file["status"] = "processed" if not file["looks"] else "pending"
        return 200, _shown(file)

    def _uploaded(self, body: bytes, content_type: str) -> dict[str, Any]:
        form = message_from_bytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
        [content] = [part for part in form.get_payload() if part.get_filename()]
        self.uploads += 1
        sent: Any = content
        return self._file(str(sent.get_filename()), sent.get_payload(decode=True), "batch", looks=self.file_looks)

    def _file(self, filename: str, content: bytes, purpose: str, looks: int = 0) -> dict[str, Any]:
        file_id = f"file-{len(self.files)}{time.time_ns()}"
        self.files[file_id] = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": filename,
            "purpose": purpose,
            "status": "pending" if looks else "processed",
            "content": content,
            "looks": looks,
        }
        return self.files[file_id]

    def _batches(
        self, method: str, name: str | None, what: str | None, query: Mapping[str, list[str]], body: bytes
    ) -> tuple[int, Mapping[str, Any]]:
        if method == "POST" and name is None:
            return self._begun(json.loads(body))
        if name is None:
            return 200, self._page(query)
        batch = self.batches.get(name)
        if batch is None:
            return 404, {"error": {"code": "404", "message": f"Resource not found: batch {name}"}}
        if what == "cancel":
            batch["fault"] = BatchFault("cancelled")
        elif batch["status"] not in _OVER:
            self._go_on(batch)
        return 200, _shown(batch)

    def _page(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        """Newest first, as many as asked for after the one named."""
        newest = [_shown(each) for each in reversed(self.batches.values())] if self.lists else []
        after = query.get("after", [""])[0]
        places = [each["id"] for each in newest]
        start = places.index(after) + 1 if after in places else 0
        page = newest[start : start + int(query.get("limit", ["20"])[0])]
        return {"object": "list", "data": page, "has_more": start + len(page) < len(newest)}

    def _begun(self, asked: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        file = self.files.get(str(asked.get("input_file_id")))
        if file is None or file["purpose"] != "batch" or asked.get("completion_window") != "24h":
            message = "Invalid 'input_file_id' or 'completion_window'."
            return 400, {"error": {"code": "invalid_request", "message": message}}
        if file["status"] != "processed":
            return 400, {"error": {"code": "invalid_request", "message": "The file is not processed yet."}}
        batch_id = f"batch_{len(self.batches)}{time.time_ns()}"
        self.batches[batch_id] = {
            "id": batch_id,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "input_file_id": file["id"],
            "completion_window": "24h",
            "created_at": int(time.time()),
            "metadata": asked.get("metadata"),
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "errors": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "looks": 0,
            "fault": self._spoilt.popleft() if self._spoilt else None,
            "content": file["content"],
        }
        return 201, _shown(self.batches[batch_id])

    def _go_on(self, batch: dict[str, Any]) -> None:
        lines = [line for line in batch["content"].decode().splitlines() if line.strip()]
        fault: BatchFault = batch["fault"] or BatchFault()
        wrong = (fault.code, "As the script says.") if fault.ends == "failed" else self._invalid(batch, lines)
        if wrong is not None:
            code, message = wrong
            error = {"code": code, "message": message, "line": None, "param": None}
            batch |= {"status": "failed", "errors": {"object": "list", "data": [error]}}
            return
        batch["looks"] += 1
        if batch["looks"] <= self.looks:
            batch["status"] = _ON_THE_WAY[min(batch["looks"], len(_ON_THE_WAY) - 1)]
            return
        self._end(batch, [json.loads(line) for line in lines], fault)

    def _invalid(self, batch: Mapping[str, Any], lines: list[str]) -> tuple[str, str] | None:
        if not lines:
            return "empty_file", "The input file is empty."
        if len(lines) > self.most_lines:
            return "too_many_tasks", "The number of requests in the input file exceeds the maximum allowed value."
        parsed = [json.loads(line) for line in lines]
        if len({each["custom_id"] for each in parsed}) < len(parsed):
            return "duplicate_custom_id", "The custom ID for this request is a duplicate."
        if {each["url"] for each in parsed} != {batch["endpoint"]}:
            return "url_mismatch", "A row in your input file has a URL that does not match the endpoint."
        models = {each["body"]["model"] for each in parsed}
        if len(models) > 1:
            return "model_mismatch", "All requests in the batch must point to the same deployment."
        if not models <= set(self.deployments):
            return "model_not_found", f"The deployment {models.pop()} was not found, or its SKU is not GlobalBatch."
        if self.enqueued_tokens is not None and self._enqueued() > self.enqueued_tokens:
            return "token_limit_exceeded", "The number of enqueued tokens has surpassed the configured limit."
        return None

    def _enqueued(self) -> int:
        return sum(len(each["content"]) // 4 for each in self.batches.values() if each["status"] not in _OVER)

    def _end(self, batch: dict[str, Any], asked: list[Mapping[str, Any]], fault: BatchFault) -> None:
        early = fault.ends in ("expired", "cancelled")
        output: list[bytes] = []
        errors: list[bytes] = []
        for place, line in enumerate(asked):
            if early and place >= fault.answered:
                code = f"batch_{fault.ends}"
                error = {"code": code, "message": "This request could not be executed before that."}
                errors.append(_line(line["custom_id"], None, error))
                continue
            self._answer_line(line, fault.lines.get(place), output, errors)
        stem = f"{batch['id']}-{time.time_ns()}"
        batch["status"] = fault.ends
        batch["output_file_id"] = self._file(f"{stem}-output.jsonl", b"".join(output), "batch_output")["id"]
        batch["error_file_id"] = self._file(f"{stem}-error.jsonl", b"".join(errors), "batch_output")["id"]
        batch["request_counts"] = {"total": len(asked), "completed": len(output), "failed": len(errors)}

    def _answer_line(
        self, line: Mapping[str, Any], fault: Fault | str | None, output: list[bytes], errors: list[bytes]
    ) -> None:
        custom_id, request = line["custom_id"], line["body"]
        complaint = self._complain(request)
        if isinstance(fault, Fault) and fault.kind == "status":
            errors.append(_line(custom_id, {"status_code": fault.status, "body": fault.body}, None))
        elif complaint is not None:
            errors.append(_line(custom_id, {"status_code": 400, "body": {"error": complaint}}, None))
        elif fault == "missing":
            return
        elif fault == "not_chat":
            output.append(_line(custom_id, {"status_code": 200, "body": {"object": "nothing"}}, None))
        elif fault == "malformed":
            output.append(b'{"custom_id": "' + custom_id.encode()[:20] + b"\n")
        else:
            kind = fault.kind if isinstance(fault, Fault) else ""
            deployment = request["model"]
            body = self._answer(request, deployment, self.deployments[deployment], kind)
            answered = _line(custom_id, {"status_code": 200, "request_id": "1", "body": body}, None)
            output += [answered] * (2 if fault == "twice" else 1)


def _line(custom_id: str, response: Mapping[str, Any] | None, error: Mapping[str, Any] | None) -> bytes:
    told = {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": error}
    return json.dumps(told).encode() + b"\n"


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    hidden: Iterable[str] = ("content", "looks", "fault")
    return {name: value for name, value in row.items() if name not in hidden}
