"""Celery workers that execute runs: `celery --app resources.celery_workers worker` (deploy/celery).

A worker process loads the definitions and the reading models once and reuses them for every run.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from dagster_celery.config import DEFAULT_CONFIG
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.settings import Settings

RUN_QUEUE = "dagster"


def celery_arguments(settings: Settings) -> dict[str, Any]:
    """Celery configuration shared by launcher and workers. Raises: ConfigurationError without a broker."""
    broker = settings.celery_broker_url or settings.redis_url
    if broker is None:
        raise ConfigurationError("Celery workers need a broker: set CIRA_CELERY_BROKER_URL or CIRA_REDIS_URL")
    return {
        "broker": broker.get_secret_value(),
        "backend": broker.get_secret_value(),
        "include": [],
        "config_source": {
            **DEFAULT_CONFIG,
            # A run is taken from the queue once. When its worker dies, Dagster detects it and requests a new run; a
            # broker that delivered the task again would execute it twice.
            "task_acks_late": False,
            # An idle worker must not wait for a run that is reserved by a busy one.
            "worker_prefetch_multiplier": 1,
            "broker_connection_retry_on_startup": True,
            "result_expires": 86_400,
            "worker_send_task_events": False,
        },
    }


def celery_app(settings: Settings) -> Celery:
    app = make_app(app_args={**celery_arguments(settings), "task_default_queue": RUN_QUEUE})  # type: ignore[no-untyped-call]
    create_execute_job_task(app)
    return app


def __getattr__(name: str) -> Any:
    """`app`, created when Celery's command asks for it, so that importing this module needs no broker."""
    if name == "app":
        return celery_app(Settings())
    raise AttributeError(name)
