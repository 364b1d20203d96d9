"""Settings for display: grouped, with secrets hidden."""

from __future__ import annotations

from pydantic import SecretStr

from cira_pipeline.settings import Settings
from cira_pipeline.shown_url import shown_url

# First setting of each group, in the order of the class `Settings`.
_FIRST_OF_GROUP = {
    "home": "Services",
    "fetch_timeout_s": "Intake",
    "reader": "Reading",
    "policy": "Extraction",
    "cost_budget_usd": "Validation and money",
    "api_host": "REST service",
    "batch_max_jobs": "Dagster",
}


def setting_groups() -> dict[str, list[str]]:
    """Name of each group -> names of its settings."""
    groups: dict[str, list[str]] = {}
    group = "Services"
    for name in Settings.model_fields:
        group = _FIRST_OF_GROUP.get(name, group)
        groups.setdefault(group, []).append(name)
    return groups


def shown_value(settings: Settings, name: str) -> str:
    """The value as text. User, password and query of an address are hidden, as is any other secret."""
    value = getattr(settings, name)
    match value:
        case None:
            return "not set"
        case SecretStr():
            return shown_url(value.get_secret_value())
        case tuple():
            return ", ".join(str(part) for part in value) or "none"
        case str() if "://" in value:
            return shown_url(value)
        case _:
            return str(value)
