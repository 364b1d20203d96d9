"""`python -m tests.azure_standin`: the stand-in on a port, answering from labels, until Ctrl-C; then its bill.

    python -m tests.azure_standin --labels labels.jsonl --mistakes 0.1 --tokens-per-minute 50000 \\
        --script rate_limited,ok,hang --chance server_error=0.1,reset=0.05 --deployment invoices=gpt-4.1-mini

It prints the settings with which CIRA asks it. `GET /bill` tells what was billed while it runs.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
from pathlib import Path

from tests.azure_standin import AzureStandin, Fault, Faults, LabelAnswers, Mistakes, Quota
from tests.azure_standin.faults import NAMED
from tests.azure_standin.mistakes import KINDS


def main() -> None:
    given = _options()
    labels = [json.loads(line)["fields"] for line in given.labels.read_text().splitlines()] if given.labels else []
    mistakes = Mistakes(given.mistakes, kinds=given.mistake_kinds, seed=given.seed) if given.mistakes else None
    deployments = dict(each.split("=", 1) for each in given.deployment)
    standin = AzureStandin(
        LabelAnswers(labels, mistakes),
        Faults(given.script, given.chance, seed=given.seed),
        deployments=deployments,
        rejects=frozenset(given.rejects),
        latency_s=given.latency,
        quotas={name: Quota(given.requests_per_minute, given.tokens_per_minute) for name in deployments},
        port=given.port,
    )
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with standin:
        print(f"CIRA_AZURE_OPENAI_ENDPOINT={standin.endpoint}")
        print(f"CIRA_AZURE_OPENAI_API_KEY={standin.api_key}")
        print(f"CIRA_AZURE_OPENAI_DEPLOYMENT={next(iter(deployments))}")
        print(f"CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT={next(iter(standin.batches.deployments))}", flush=True)
        stopped.wait()
    for name, total in standin.bill_by_deployment().items():
        print(f"{name}: {', '.join(f'{count} {what}' for what, count in total.items())}", flush=True)
    if mistakes is not None:
        print(f"{len(mistakes.made)} mistakes made", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.azure_standin",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument("--labels", type=Path, help="JSON lines with `fields`; without them every answer is empty")
    parser.add_argument("--mistakes", type=float, default=0.0, help="share of fields answered wrongly")
    parser.add_argument("--mistake-kinds", type=_kinds, default=KINDS, help=f"of {', '.join(KINDS)}; all if not given")
    parser.add_argument(
        "--script", type=_script, default=[], help=f"what becomes of the first requests: {', '.join(NAMED)}"
    )
    parser.add_argument("--chance", type=_chances, default={}, help="what becomes of later ones: FAULT=SHARE,...")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--requests-per-minute", type=int)
    parser.add_argument("--tokens-per-minute", type=int)
    parser.add_argument("--rejects", type=lambda text: text.split(","), default=[], help="parameters it does not know")
    parser.add_argument("--deployment", action="append", default=[], metavar="NAME=MODEL", help="repeatable")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.deployment = given.deployment or ["invoices=gpt-4.1-mini-2025-04-14"]
    return given


def _kinds(text: str) -> tuple[str, ...]:
    unknown = set(text.split(",")) - set(KINDS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such mistake: {', '.join(sorted(unknown))}")
    return tuple(text.split(","))


def _script(text: str) -> list[Fault | None]:
    return [_fault(name) for name in text.split(",")]


def _chances(text: str) -> dict[Fault, float]:
    pairs = [part.split("=", 1) for part in text.split(",")]
    return {fault: float(share) for name, share in pairs if (fault := _fault(name)) is not None}


def _fault(name: str) -> Fault | None:
    if name not in NAMED:
        raise argparse.ArgumentTypeError(f"no such fault: {name}; there are {', '.join(NAMED)}")
    return NAMED[name]


if __name__ == "__main__":
    main()
