"""Generates a steady load: invoices submitted in every way, polling programs, and people viewing pages."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.cira_up import CiraUp
from benchmarks.mixed_documents import MixedDocument
from cira_pipeline.client import Client
from cira_pipeline.errors import CiraError

_POLLERS = 25
_POLL_S = 10.0
_POLL_EVERY_S = 120.0
_PAGES_EVERY_S = 15.0
_PAGES = (
    "/",
    "/v1/jobs?limit=50",
    "/v1/invoices?limit=50",
    "/v1/jobs?verdict=needs_review&limit=20",
    "/v1/costs",
    "/healthz",
    "/readyz",
    "/metrics",
)


@dataclass
class SteadyLoad:
    """Runs in threads of its own for the length of `running`. `served` is a folder behind `address`."""

    up: CiraUp
    key: str
    documents: Iterator[MixedDocument]
    served: Path
    address: str
    jobs_per_minute: float
    submitted: list[str] = field(default_factory=list)
    """Jobs that REST gave an id to; those of the inbox are counted in `dropped`."""
    dropped: int = 0
    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def start(self) -> Callable[[], None]:
        """Returns what ends it."""
        over = threading.Event()
        threads = [
            threading.Thread(target=self._every, args=(over, period_s, act), daemon=True)
            for period_s, act in (
                (60 / self.jobs_per_minute, self._submit),
                (_POLL_EVERY_S, self._poll),
                (_PAGES_EVERY_S, self._look),
            )
        ]
        for thread in threads:
            thread.start()

        def stop() -> None:
            over.set()
            for thread in threads:
                thread.join()

        return stop

    def _every(self, over: threading.Event, period_s: float, act: Callable[[], None]) -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                act()
            except (CiraError, httpx.HTTPError, OSError) as error:
                self.failed[f"{act.__name__.strip('_')}: {type(error).__name__} {error}"[:200]] += 1
            over.wait(max(0.0, began + period_s - time.monotonic()))

    def _submit(self) -> None:
        document = next(self.documents)
        number = len(self.submitted) + self.dropped
        name = f"{number:06}-{document.name}"
        if number % 10 == 7:
            draft = self.served / name
            draft.write_bytes(document.content)
            draft.replace(self.up.settings.home / "inbox" / name)
            self.dropped += 1
            return
        with self._client() as client:
            if document.content and number % 3 == 0:
                job = client.upload(document.content, idempotency_key=name)
            else:
                (self.served / name).write_bytes(document.content)
                job = client.submit(f"{self.address}/{name}", idempotency_key=name)
        self.submitted.append(str(job.job_id))
        self.done["jobs"] += 1

    def _poll(self) -> None:
        """Polls the status of the newest jobs with many concurrent requests."""
        newest, ends_at = self.submitted[-200:], time.monotonic() + _POLL_S

        def ask(_: int) -> int:
            asked = 0
            with self._client() as client:
                while newest and time.monotonic() < ends_at:
                    client.status(random.choice(newest))
                    asked += 1
            return asked

        with ThreadPoolExecutor(_POLLERS) as pool:
            self.done["statuses asked"] += sum(pool.map(ask, range(_POLLERS)))

    def _look(self) -> None:
        services = self.up.services()
        assert services is not None
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(base_url=services.api_url, headers=headers, timeout=30) as http:
            for page in _PAGES:
                self.done[f"{page.partition('?')[0]} {http.get(page).status_code}"] += 1
            for job_id in self.submitted[-3:]:
                for view in ("", "/document", "/pages/1.png"):
                    status = http.get(f"/v1/invoices/{job_id}{view}").status_code
                    self.done[f"an invoice{view} {status}"] += 1
            with suppress(httpx.ReadTimeout), http.stream("GET", "/v1/events", timeout=2) as events:
                for _ in events.iter_bytes():
                    break

    def _client(self) -> Client:
        services = self.up.services()
        assert services is not None
        return Client(services.api_url, self.key)
