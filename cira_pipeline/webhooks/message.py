"""What a receiver is told: which job, and how it ended. What the invoice says it asks for with its key."""

from __future__ import annotations

import json

from cira_pipeline.storage.webhooks import OwedEvent


def event_type(status: str) -> str:
    return f"job.{status}"


def body_of(event: OwedEvent) -> bytes:
    """JSON, the same at every attempt. `version` grows with the job: a lower one is older news."""
    told = {
        "type": event_type(event.status),
        "timestamp": event.created_at.isoformat(),
        "data": {
            "job_id": event.job_id,
            "client_reference": event.client_reference,
            "status": event.status,
            "verdict": event.verdict,
            "error_code": event.error_code,
            "version": event.job_version,
        },
    }
    return json.dumps(told, separators=(",", ":")).encode()
