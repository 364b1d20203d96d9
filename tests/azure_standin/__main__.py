"""`python -m tests.azure_standin`: the stand-in on a port, answering from labels, until Ctrl-C; then its bill."""

from __future__ import annotations

import argparse
import json
import threading
from pathlib import Path

from tests.azure_standin import AzureStandin, Fault, Faults, LabelAnswers, Mistakes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.azure_standin", description=__doc__)
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument("--labels", type=Path, help="JSON lines with `fields`; without them every answer is empty")
    parser.add_argument("--mistakes", type=float, default=0.0, help="share of fields answered wrongly")
    parser.add_argument("--rate-limited", type=float, default=0.0, help="share of requests answered with 429")
    parser.add_argument("--failing", type=float, default=0.0, help="share of requests answered with 500")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()

    labels = [json.loads(line)["fields"] for line in given.labels.read_text().splitlines()] if given.labels else []
    mistakes = Mistakes(given.mistakes, seed=given.seed) if given.mistakes else None
    faults = Faults(
        rates={Fault.rate_limited(1): given.rate_limited, Fault.server_error(): given.failing}, seed=given.seed
    )
    standin = AzureStandin(LabelAnswers(labels, mistakes), faults, latency_s=given.latency, port=given.port)
    with standin:
        print(f"CIRA_AZURE_OPENAI_ENDPOINT={standin.endpoint}")
        print(f"CIRA_AZURE_OPENAI_API_KEY={standin.api_key}")
        print(f"CIRA_AZURE_OPENAI_DEPLOYMENT={next(iter(standin.deployments))}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            asked = sum(billed.input_tokens for billed in standin.bill)
            told = sum(billed.output_tokens for billed in standin.bill)
            print(f"\n{len(standin.bill)} answers billed: {asked} input tokens, {told} output tokens")


if __name__ == "__main__":
    main()
