"""Samples the resources of a running `cira up`: memory, descriptors, threads, connections, tables, files."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import redis

from benchmarks.cira_up import CiraUp

# These live as long as their run; how many there are follows the load.
COME_AND_GO = ("run", "reader", "others", "PostgreSQL backend")

_TABLES = """
    SELECT schemaname || '.' || relname, pg_total_relation_size(relid) FROM pg_catalog.pg_statio_user_tables
"""
_CONNECTIONS = """
    SELECT coalesce(nullif(application_name, ''), 'Dagster'), count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1
"""


@dataclass(frozen=True)
class Sample:
    """`held` is what has to be flat; `tables` and `folders` are bytes, which may grow with each job."""

    at_s: float
    jobs: int
    held: Mapping[str, float]
    tables: Mapping[str, int]
    folders: Mapping[str, int]


def sample(up: CiraUp, temporary: Path, began: float) -> Sample:
    """`temporary` is the folder that every process of `up` has as its TMPDIR."""
    services = up.services()
    assert services is not None, "cira up does not run"
    held = _processes(up)
    with psycopg.connect(services.postgres_url, autocommit=True) as connection:
        for application, count in connection.execute(_CONNECTIONS).fetchall():
            held[f"connections of {application}"] = float(count)
        tables = {str(name): int(size) for name, size in connection.execute(_TABLES).fetchall()}
        (jobs,) = connection.execute("SELECT count(*) FROM cira.jobs WHERE finished_at IS NOT NULL").fetchone() or (0,)
    with redis.Redis.from_url(services.redis_url) as valkey:
        held["Valkey's data, MB"] = valkey.info("memory")["used_memory_dataset"] / 1e6
        held["connections to Valkey"] = float(valkey.info("clients")["connected_clients"])
    held["files in TMPDIR"] = float(sum(len(files) for _, _, files in os.walk(temporary)))
    folders = {entry.name: _bytes_in(entry) for entry in sorted(up.settings.home.iterdir()) if entry.is_dir()}
    return Sample(time.monotonic() - began, int(jobs), held, tables, folders)


def _processes(up: CiraUp) -> dict[str, float]:
    held: defaultdict[str, float] = defaultdict(float)
    for kind, processes in up.processes().items():
        held[f"{kind}: processes"] = float(len(processes))
        if kind in COME_AND_GO:
            continue
        for process in processes:
            with suppress(psutil.Error):
                held[f"{kind}: PSS, MB"] += process.memory_full_info().pss / 1e6
                held[f"{kind}: descriptors"] += process.num_fds()
                held[f"{kind}: threads"] += process.num_threads()
    return dict(held)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += (Path(path) / name).lstat().st_size
    return total
