"""The database for commands that need nothing else: the one that is set, that runs, or the embedded one, started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cira_pipeline.local_stack.folder_lock import FolderLock
from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.local_stack.sentinel import start_sentinel, stop_everything
from cira_pipeline.settings import Settings, inherited_environment


@contextmanager
def embedded_database(settings: Settings) -> Iterator[str]:
    """The URL of the embedded PostgreSQL of `settings.home`, running inside the block and stopped after it.

    Holds the folder's lock, so that no `cira up` starts meanwhile. Raises: AlreadyRunning, ServiceUnreachable,
    ConfigurationError.
    """
    home = settings.home.absolute()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FolderLock(home)
    lock.acquire()
    sentinel = start_sentinel(home, environment=inherited_environment(), kept_open=(lock.descriptor,))
    server = EmbeddedPostgres(home / "postgres", environment=inherited_environment(), marked_by=home)
    try:
        stop_everything(home)
        server.start()
        yield server.url()
    finally:
        server.stop()
        sentinel.communicate()
        lock.release()
