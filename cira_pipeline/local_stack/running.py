"""What a running `cira up` offers, noted in `.cira/services.json` so that other commands in the folder find it."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from cira_pipeline.settings import Settings

FILE_NAME = "services.json"


class RunningServices(BaseModel):
    """Addresses of one folder's services. The URLs hold passwords: the file has mode 600 and is never printed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    supervisor_pid: int
    supervisor_started: float
    """Seconds since 1970, as the system has it: a pid alone may by now be another process's."""
    postgres_url: str
    redis_url: str
    object_store: str
    ui_url: str
    api_url: str
    pids: dict[str, int]
    """Name of each child -> its pid."""
    restarts: dict[str, int] = {}
    """Name of each child -> how often it was started again since `cira up` began."""
    watch_failures: int = 0
    """Errors that the watches over the children have survived."""

    def fill_in(self, settings: Settings) -> Settings:
        """`settings` with every address left empty taken from the running services."""
        return settings.model_copy(
            update={
                "postgres_url": settings.postgres_url or SecretStr(self.postgres_url),
                "redis_url": settings.redis_url or SecretStr(self.redis_url),
                "object_store": settings.object_store or self.object_store,
                "dagster_ui_url": settings.dagster_ui_url or self.ui_url,
            }
        )

    def alive(self) -> bool:
        return process_started(self.supervisor_pid) == self.supervisor_started

    def write(self, home: Path) -> None:
        """Replace the note in one step; readers see the old or the new one."""
        path = home / FILE_NAME
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.model_dump(), indent=2))
        draft.replace(path)


def running_services(home: Path) -> RunningServices | None:
    """The services of the `cira up` that runs over `home`; none when there is none, or only a killed one's note."""
    try:
        services = RunningServices.model_validate_json((home / FILE_NAME).read_text())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    return services if services.alive() else None


def forget_services(home: Path) -> None:
    (home / FILE_NAME).unlink(missing_ok=True)


def process_started(pid: int) -> float | None:
    """When the living process `pid` started, or none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None
