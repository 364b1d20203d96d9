"""Settings as a person may see them: in groups, secrets hidden."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from cira_pipeline.settings import Settings

# A group begins with this setting and goes on to the next group's first one, in the order of the class.
_FIRST_OF_GROUP = {
    "home": "Services",
    "fetch_timeout_s": "Intake",
    "reader": "Reading",
    "policy": "Extraction",
    "cost_budget_usd": "Validation and money",
    "batch_max_jobs": "Dagster",
}


def setting_groups() -> dict[str, list[str]]:
    """Group -> names of its settings."""
    groups: dict[str, list[str]] = {}
    group = "Services"
    for name in Settings.model_fields:
        group = _FIRST_OF_GROUP.get(name, group)
        groups.setdefault(group, []).append(name)
    return groups


def shown_value(settings: Settings, name: str) -> str:
    """The value as text. A secret URL loses its user and password, any other secret all of itself."""
    value = getattr(settings, name)
    match value:
        case None:
            return "not set"
        case SecretStr():
            return _without_credentials(value.get_secret_value())
        case tuple():
            return ", ".join(str(part) for part in value) or "none"
        case str() if "://" in value:
            return _without_credentials(value)
        case _:
            return str(value)


def _without_credentials(secret: str) -> str:
    if "://" not in secret:
        return "set, hidden"
    try:
        parts = urlsplit(secret)
    except ValueError:
        return "set, hidden"
    place = parts.netloc.rpartition("@")[2]
    # A query may carry a password as well.
    return urlunsplit((parts.scheme, place, parts.path, "", ""))
