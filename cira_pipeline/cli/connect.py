"""How a command finds the services: from the environment, or from the `cira up` that runs in this folder."""

from __future__ import annotations

from cira_pipeline.embedded.running import running_services
from cira_pipeline.errors import ServiceUnreachable
from cira_pipeline.settings import Settings, load_settings


def connected_settings() -> Settings:
    """Settings with the addresses of PostgreSQL, Redis, the object store and the UI filled in.

    Raises ConfigurationError when a setting is wrong, ServiceUnreachable when there is no database to talk to.
    """
    settings = load_settings()
    running = running_services(settings.home)
    if running is not None:
        settings = running.fill_in(settings)
    if settings.postgres_url is None:
        raise ServiceUnreachable(
            "no database: CIRA_POSTGRES_URL is not set and no `cira up` is running in this folder; "
            "start one with `cira up` in another terminal, or set CIRA_POSTGRES_URL"
        )
    return settings
