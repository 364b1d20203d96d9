"""Nothing a service does ends the watch over it, and nobody has to come: one `cira up`, hit again and again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import redis

from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.db.access.api_keys import ApiKeyRepository, Scope
from cira_pipeline.db.database import Database
from cira_pipeline.local_stack.dagster_processes import ui_answers
from cira_pipeline.local_stack.fork_server_process import fork_server_answers
from cira_pipeline.local_stack.running import RunningServices, running_services
from tests.local_stack.supervised import ROOT, Supervised, alive_in, eventually

pytestmark = pytest.mark.slow

_DISK_MB = 700
_BACK_S = 180


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own where the system lets us mount one, else a plain folder."""
    folder = tmp_path_factory.mktemp("disk")
    folder.chmod(0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m,mode=755", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def up(disk: Path) -> Iterator[Supervised]:
    supervised = Supervised(disk / ".cira", {"CIRA_LEAST_FREE_MB": "50"})
    try:
        supervised.wait_until_ready()
        yield supervised
    finally:
        supervised.end()
    assert alive_in(disk / ".cira") == []


@pytest.fixture(scope="module")
def key(up: Supervised) -> str:
    pepper = load_pepper(up.settings())
    new = pepper.new_key()
    database = Database(up.wait_until_ready().postgres_url)
    try:
        ApiKeyRepository(database).create(
            new.key_id, new.secret_hash, pepper.pepper_id, client="acme", name="", scopes=[Scope.SUBMIT]
        )
    finally:
        database.dispose()
    return new.text


def submit(services: RunningServices, key: str, name: str) -> httpx.Response:
    return httpx.post(
        f"{services.api_url}/v1/jobs",
        json={"jobs": [{"url": f"https://invoices.example/{name}.pdf"}]},
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    )


def everything_answers(up: Supervised) -> bool:
    services = running_services(up.home)
    if services is None or len(services.pids) < 7:
        return False
    try:
        with psycopg.connect(services.postgres_url, connect_timeout=5) as connection:
            connection.execute("CREATE TEMPORARY TABLE written AS SELECT 1")
        with redis.Redis.from_url(services.redis_url, socket_timeout=5) as client:
            client.set("written", 1)
        # Its status also says that this code location has no sensor that plans.
        ready = httpx.get(f"{services.api_url}/readyz", timeout=10).json()
    except (psycopg.Error, redis.RedisError, httpx.TransportError):
        return False
    api = {ready["postgresql"], ready["redis"], ready["object_store"]} == {"ok"}
    return api and ui_answers(services.ui_url) and fork_server_answers(up.home / "fork-server.socket")


def is_stopped(pid: int) -> bool:
    """A process that is gone was replaced by another one."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def test_a_frozen_service_goes_on_without_a_person(up: Supervised) -> None:
    services = up.wait_until_ready()
    for pid in services.pids.values():
        os.kill(pid, signal.SIGSTOP)

    def all_run() -> bool:
        return not any(map(is_stopped, services.pids.values()))

    assert eventually(all_run, 60), up.output
    assert eventually(lambda: everything_answers(up), _BACK_S), up.output


def test_a_frozen_backend_of_a_killed_database_does_not_keep_it_from_starting(up: Supervised) -> None:
    services = up.wait_until_ready()
    postmaster = psutil.Process(services.pids["PostgreSQL"])
    backend = next(iter(postmaster.children()))
    backend.suspend()
    postmaster.kill()
    assert eventually(lambda: not backend.is_running(), 60), up.output
    assert eventually(lambda: everything_answers(up), _BACK_S), up.output


def test_a_killed_and_a_wiped_cache_is_only_slower(up: Supervised, key: str) -> None:
    services = up.wait_until_ready()
    with redis.Redis.from_url(services.redis_url) as client:
        client.flushall()
    assert submit(services, key, "wiped").status_code == 202
    os.kill(services.pids["Valkey"], signal.SIGKILL)
    assert submit(services, key, "killed").status_code == 202
    assert eventually(lambda: everything_answers(up), _BACK_S), up.output


def test_an_error_that_nobody_expected_does_not_end_the_watch(up: Supervised) -> None:
    """What the earlier watch took for granted: that starting a service fails in ways that CIRA has a word for."""
    services = up.wait_until_ready()
    folder, aside = up.home / "valkey", up.home / "valkey-aside"
    folder.rename(aside)
    folder.write_text("a file where the folder should be")
    os.kill(services.pids["Valkey"], signal.SIGKILL)
    assert eventually(lambda: "The watch over Valkey goes on after an error" in up.output, 60), up.output
    folder.unlink()
    aside.rename(folder)
    assert eventually(lambda: everything_answers(up), _BACK_S), up.output
    noted = running_services(up.home)
    assert noted is not None
    assert noted.watch_failures > 0
    assert "FileExistsError" in (up.home / "logs" / "supervisor.log").read_text()


def test_a_service_that_dies_again_and_again_is_not_given_up(up: Supervised) -> None:
    for _ in range(7):
        services = running_services(up.home)
        assert services is not None, up.output
        pid = services.pids["fork-server"]
        os.kill(pid, signal.SIGKILL)

        def another(before: int = pid) -> bool:
            now = running_services(up.home)
            return now is not None and now.pids.get("fork-server") not in (None, before)

        assert eventually(another, _BACK_S), up.output
    assert up.process.poll() is None, up.output


def test_a_second_cira_up_on_the_same_database_is_refused(up: Supervised, tmp_path: Path) -> None:
    services = up.wait_until_ready()
    given = {"CIRA_POSTGRES_URL": services.postgres_url, "CIRA_REDIS_URL": services.redis_url}
    second = Supervised(tmp_path / ".cira", given)
    try:
        assert second.process.wait(120) == 1
        assert eventually(lambda: "already worked on" in second.output, 10), second.output
        assert f"process {up.process.pid}" in second.output
    finally:
        second.end()
    assert everything_answers(up)


def test_a_full_disk_refuses_work_and_all_goes_on_when_it_has_space_again(up: Supervised, disk: Path, key: str) -> None:
    if not os.path.ismount(disk):
        pytest.skip("a small disk cannot be mounted here (needs root and CAP_SYS_ADMIN)")
    services = up.wait_until_ready()
    filler = disk / "filler"
    _fill(filler)
    refused = eventually(lambda: _refusal(submit(services, key, "full")), 30)
    assert refused == (507, "disk_full"), up.output
    with redis.Redis.from_url(services.redis_url) as client:
        client.set("written on a full disk", 1)
    for name in ("Valkey", "PostgreSQL"):
        os.kill(services.pids[name], signal.SIGKILL)
    assert eventually(lambda: "PostgreSQL ended" in up.output, 60), up.output
    _fill(filler)
    assert not eventually(lambda: up.process.poll() is not None, 20), up.output
    filler.unlink()
    assert eventually(lambda: everything_answers(up), _BACK_S), up.output
    accepted = eventually(lambda: submit(services, key, "space again").status_code == 202, 60)
    assert accepted, up.output


def test_cira_up_ends_with_an_error_when_nothing_watches_any_more(tmp_path: Path) -> None:
    program = """
import os, signal, sys, threading, time
from cira_pipeline.local_stack.supervisor import Supervisor
from cira_pipeline.settings import load_settings

def say(line):
    print(line, flush=True)
    if "ended" in line:
        raise SystemExit  # which ends the thread it is raised in, and that alone

supervisor = Supervisor(load_settings(), say=say, definitions_module="tests.local_stack.waiting_definitions")
with supervisor.running() as services:
    keeper = next(each for each in supervisor._keepers if each.child.name == "fork-server")
    os.kill(keeper.child.pid, signal.SIGKILL)
    supervisor.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "CIRA_HOME": str(tmp_path / ".cira")},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "nothing watches over fork-server any more" in done.stderr
    assert alive_in(tmp_path / ".cira") == []


def _fill(path: Path) -> None:
    """Until not a byte more fits."""
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 1_000_000)
        except OSError:
            pass
        try:
            while True:
                file.write(b"\0" * 512)
        except OSError:
            return


def _refusal(answer: httpx.Response) -> tuple[int, str] | None:
    return (answer.status_code, answer.json()["code"]) if answer.status_code >= 500 else None
