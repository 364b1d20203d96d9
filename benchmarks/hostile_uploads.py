"""Measures uploads of one client while another uploads hostile files continuously.

    python -m benchmarks.hostile_uploads --seconds 60

Everything is real: `cira up` with Dagster, which works on what is uploaded, and clients over HTTP. Promised: none of
the other client's uploads takes a second. The same is measured before, without the hostile client.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx

from benchmarks.keys import new_key
from cira_pipeline.local_stack.supervisor import Supervisor
from cira_pipeline.settings import Settings
from tests.hostile.pdfs import pdfs
from tests.hostile.pictures import pictures
from tests.hostile.xmls import xmls
from tests.orchestration.invoice_pdf import invoice_pdf

PROMISED_S = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--attackers", type=int, default=16, help="uploads of the hostile client at once")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two uploads of the other client")
    options = parser.parse_args()
    hostile = [made() for kind in (pdfs, pictures, xmls) for made in kind().values()]
    with (
        tempfile.TemporaryDirectory(prefix="cira-hostile-", dir="/tmp") as folder,
        Supervisor(Settings(home=Path(folder))).running() as services,
    ):
        hostile_key, other_key = (
            new_key(services.settings, services.postgres_url, client) for client in ("hostile", "other")
        )
        with _client(services.api_url, other_key) as other:
            other.post("/v1/documents", content=invoice_pdf("first")).raise_for_status()
            alone = _uploads(other, "alone", options.seconds / 3, options.every)
            stop, answers = Event(), Counter[str]()
            with ThreadPoolExecutor(options.attackers) as threads:
                for number in range(options.attackers):
                    arguments = (services.api_url, hostile_key, hostile, number, options.attackers, stop, answers)
                    threads.submit(_attack, *arguments)
                time.sleep(3)
                beside = _uploads(other, "beside", options.seconds, options.every)
                stop.set()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {len(hostile)} hostile files")
    for name, took in (("alone", alone), ("beside hostile uploads", beside)):
        p50, worst = statistics.median(took), max(took)
        print(f"{name}: {len(took)} uploads, median {1000 * p50:.0f} ms, at most {1000 * worst:.0f} ms")
    print("the hostile client's answers:", ", ".join(f"{code} {count}" for code, count in answers.most_common()))
    kept = max(beside) < PROMISED_S
    print(f"promised: less than {PROMISED_S:g} s: {'kept' if kept else 'BROKEN'}")
    return 0 if kept else 1


def _uploads(client: httpx.Client, name: str, seconds: float, every_s: float) -> list[float]:
    took, ends = [], time.monotonic() + seconds
    while time.monotonic() < ends:
        content = invoice_pdf(f"{name}-{len(took)}")
        started = time.monotonic()
        client.post("/v1/documents", content=content).raise_for_status()
        took.append(time.monotonic() - started)
        time.sleep(every_s)
    return took


def _attack(
    url: str, key: str, hostile: list[bytes], number: int, step: int, stop: Event, answers: Counter[str]
) -> None:
    with _client(url, key) as client:
        while not stop.is_set():
            answer = client.post("/v1/documents", content=hostile[number % len(hostile)])
            answers[str(answer.json().get("code", answer.status_code))] += 1
            number += step


def _client(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=300, trust_env=False)


if __name__ == "__main__":
    sys.exit(main())
