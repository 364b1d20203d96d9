"""`cira backup` and `cira restore` between two databases and two homes."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from cira_pipeline.api.key_secret import load_pepper, parse_key
from cira_pipeline.api.services import Services, open_services
from cira_pipeline.backup import saving
from cira_pipeline.backup.manifest import Manifest
from cira_pipeline.backup.restoring import Target, restore
from cira_pipeline.backup.saving import Source, save
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.database import Database, known_revisions, migrate_within
from cira_pipeline.db.documents.object_references import referenced_objects
from cira_pipeline.db.jobs.erasure import Erasure
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import (
    BackupDamaged,
    BackupTargetNotEmpty,
    BackupTooNew,
    PepperMismatch,
    RestoreTargetNotEmpty,
)
from cira_pipeline.jobs import JobId
from cira_pipeline.models import AttachedFile
from cira_pipeline.settings import Settings
from cira_pipeline.webhooks.signature import signing_secret
from tests.api.stored import ended_job
from tests.conftest import temporary_database
from tests.orchestration.invoice_pdf import invoice_pdf


@dataclass(frozen=True)
class Instance:
    """A CIRA without processes: its database, home and object store."""

    settings: Settings
    services: Services

    @property
    def database(self) -> Database:
        return self.services.database

    def saved(self, folder: Path, **options: bool) -> Manifest:
        return save(Source(self.settings, self.database, self.services.objects, **options), folder)

    def restored(self, folder: Path) -> Manifest:
        return restore(folder, Target(self.settings, self.database, self.services.objects))

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.database.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def new_instance(postgres_url: str, migrated_template: str, tmp_path: Path) -> Iterator[object]:
    opened: list[Instance] = []
    databases = []

    def make(name: str, *, migrated: bool = True, **given: Any) -> Instance:
        databases.append(temporary_database(postgres_url, migrated_template if migrated else None))
        url = next(databases[-1])
        settings = Settings(_env_file=None, home=tmp_path / name, postgres_url=SecretStr(url), **given)
        database = Database(url)
        services = open_services(settings)
        database.dispose()
        # Opening the services of a home makes its pepper; a home that is empty has none.
        if not migrated:
            (settings.home / "key-pepper").unlink(missing_ok=True)
        opened.append(Instance(settings, services))
        return opened[-1]

    yield make
    for instance in opened:
        instance.database.dispose()
    for database in databases:
        next(database, None)


@pytest.fixture
def source(new_instance) -> Instance:
    """Two ended jobs of one client, a queued one, a key and a webhook secret."""
    instance = new_instance("source")
    for number in ("RE-1", "RE-2"):
        ended_job(instance.services, number=number)
    instance.services.jobs.submit([Submission("https://supplier.example/queued.pdf", client="acme")])
    return instance


def key_of(instance: Instance) -> str:
    new = instance.services.pepper.new_key()
    instance.services.keys.create(
        new.key_id,
        new.secret_hash,
        instance.services.pepper.pepper_id,
        client="acme",
        scopes=(Scope.READ,),
        requests_per_minute=100,
    )
    return new.text


def everything(instance: Instance) -> dict[str, list[tuple[object, ...]]]:
    tables = instance.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'cira'::regnamespace AND relkind = 'r' ORDER BY 1"
    )
    return {str(name): sorted(instance.rows(f"SELECT t::text FROM cira.{name} t")) for (name,) in tables}


def test_every_row_and_object_comes_back(source, new_instance, tmp_path):
    manifest = source.saved(tmp_path / "backup")
    target = new_instance("target", migrated=False)
    assert target.restored(tmp_path / "backup") == manifest
    assert everything(target) == everything(source)
    assert manifest.objects == 6
    for job_id, sha256 in source.rows(
        "SELECT job_id, document_sha256 FROM cira.jobs WHERE document_sha256 IS NOT NULL"
    ):
        assert target.services.documents.load(str(sha256)) == source.services.documents.load(str(sha256))
        assert target.services.readings.latest(str(sha256)) == source.services.readings.latest(str(sha256))
        assert target.services.records.get(JobId(str(job_id))) == source.services.records.get(JobId(str(job_id)))


def test_the_files_that_e_invoices_carry_come_back(source, new_instance, tmp_path):
    content = b"a time sheet"
    file = AttachedFile(sha256=hashlib.sha256(content).hexdigest(), content=content)
    [[sha256]] = source.rows("SELECT sha256 FROM cira.documents ORDER BY 1 LIMIT 1")
    source.services.documents.put_files(str(sha256), [file])
    source.saved(tmp_path / "backup")
    target = new_instance("target", migrated=False)
    target.restored(tmp_path / "backup")
    assert target.services.documents.file(str(sha256), file.sha256) == content


def test_keys_and_webhook_secrets_work_where_they_were_restored(source, new_instance, tmp_path):
    key = key_of(source)
    signing_id = source.services.webhook_secrets.create("acme", source.services.pepper.pepper_id)
    secret = signing_secret(source.services.pepper.derived, signing_id.signing_id)
    source.saved(tmp_path / "backup")
    target = new_instance("target", migrated=False)
    target.restored(tmp_path / "backup")
    pepper = load_pepper(target.settings)
    parsed = parse_key(key)
    assert parsed is not None
    [(secret_hash,)] = target.rows(f"SELECT secret_hash FROM cira.api_keys WHERE key_id = '{parsed[0]}'")
    assert pepper.hash(parsed[1]) == secret_hash
    assert signing_secret(pepper.derived, signing_id.signing_id) == secret
    assert stat.S_IMODE((target.settings.home / "key-pepper").stat().st_mode) == 0o600


def test_numbers_go_on_where_they_were(source, new_instance, tmp_path):
    source.saved(tmp_path / "backup")
    target = new_instance("target", migrated=False)
    target.restored(tmp_path / "backup")
    last = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'cira' ORDER BY 1"
    assert target.rows(last) == source.rows(last)
    triggers = "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
    assert target.rows(triggers) == source.rows(triggers)
    constraints = (
        "SELECT conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'cira'::regnamespace ORDER BY 1, 2"
    )
    assert target.rows(constraints) == source.rows(constraints)
    ended_job(target.services, number="RE-3")


def test_nobody_else_on_the_machine_reads_a_backup(source, tmp_path):
    source.saved(tmp_path / "backup")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "backup").rglob("*") if path.is_file()}
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
    assert modes <= {0o600, 0o644}
    assert stat.S_IMODE((tmp_path / "backup/secrets/key-pepper").stat().st_mode) == 0o600


def test_the_checksums_are_those_that_sha256sum_checks(source, tmp_path):
    source.saved(tmp_path / "backup")
    lines = (tmp_path / "backup/SHA256SUMS").read_text().splitlines()
    named = {line[66:] for line in lines}
    found = {str(path.relative_to(tmp_path / "backup")) for path in (tmp_path / "backup").rglob("*") if path.is_file()}
    assert named == found - {"SHA256SUMS"}
    for line in lines:
        assert hashlib.sha256((tmp_path / "backup" / line[66:]).read_bytes()).hexdigest() == line[:64]


def test_a_backup_never_replaces_anything(source, tmp_path):
    (tmp_path / "backup").mkdir()
    source.saved(tmp_path / "backup")
    with pytest.raises(BackupTargetNotEmpty):
        source.saved(tmp_path / "backup")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BackupTargetNotEmpty):
        source.saved(tmp_path / "file")
    assert not list(tmp_path.glob(".*.part"))


DAMAGE = {
    "one bit of a document": lambda folder: _flip(next((folder / "objects/documents").rglob("*/*"))),
    "one bit of a table": lambda folder: _flip(folder / "tables/jobs.copy.gz"),
    "one bit of the pepper": lambda folder: _flip(folder / "secrets/key-pepper"),
    "half a table": lambda folder: _cut(folder / "tables/jobs.copy.gz"),
    "a lost document": lambda folder: next((folder / "objects/documents").rglob("*/*")).unlink(),
    "a lost table": lambda folder: (folder / "tables/jobs.copy.gz").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "half a manifest": lambda folder: _cut(folder / "manifest.json"),
    "a changed manifest": lambda folder: (folder / "manifest.json").write_text(
        (folder / "manifest.json").read_text().replace('"objects": 6', '"objects": 5')
    ),
    "no checksums": lambda folder: (folder / "SHA256SUMS").unlink(),
    "half the checksums": lambda folder: _cut(folder / "SHA256SUMS"),
    "a document left out of the checksums": lambda folder: (folder / "SHA256SUMS").write_text(
        "".join((folder / "SHA256SUMS").read_text().splitlines(keepends=True)[1:])
    ),
    "checksums that lead out": lambda folder: (folder / "SHA256SUMS").write_text(
        f"{'0' * 64}  ../outside\n" + (folder / "SHA256SUMS").read_text()
    ),
}


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_a_damaged_backup_is_refused_before_anything_is_written(source, new_instance, tmp_path):
    source.saved(tmp_path / "backup")
    target = new_instance("target", migrated=False)
    for what, damage in DAMAGE.items():
        copy = tmp_path / "damaged"
        shutil.copytree(tmp_path / "backup", copy)
        damage(copy)
        with pytest.raises(BackupDamaged):
            target.restored(copy)
        assert target.rows("SELECT to_regnamespace('cira') IS NULL") == [(True,)], what
        assert not [path for path in (target.settings.home / "objects").rglob("*") if path.is_file()], what
        assert not (target.settings.home / "key-pepper").exists(), what
        shutil.rmtree(copy)
    target.restored(tmp_path / "backup")


def test_rows_that_postgres_refuses_leave_the_database_empty(source, new_instance, tmp_path):
    """A backup that somebody has changed, checksums too."""
    source.saved(tmp_path / "backup")
    table = tmp_path / "backup/tables/jobs.copy.gz"
    table.write_bytes(gzip.compress(gzip.decompress(table.read_bytes()).replace(b"\tsucceeded\t", b"\tnonsense\t")))
    sums = tmp_path / "backup/SHA256SUMS"
    sums.write_text(
        "".join(
            f"{hashlib.sha256(table.read_bytes()).hexdigest()}{line[64:]}" if "jobs.copy" in line else line
            for line in sums.read_text().splitlines(keepends=True)
        )
    )
    target = new_instance("target", migrated=False)
    with pytest.raises(BackupDamaged, match="rejects the rows"):
        target.restored(tmp_path / "backup")
    assert target.rows("SELECT to_regnamespace('cira') IS NULL") == [(True,)]


def test_a_restore_never_mixes_two_instances(source, new_instance, tmp_path):
    source.saved(tmp_path / "backup")
    with_job = new_instance("with-job", api_key_pepper=source.services.pepper._secret.decode())
    with_job.services.jobs.submit([Submission("https://supplier.example/1.pdf")])
    with pytest.raises(RestoreTargetNotEmpty, match=r"cira\.jobs"):
        with_job.restored(tmp_path / "backup")
    with_object = new_instance("with-object", migrated=False)
    with_object.services.objects.put("documents/ab/abcd", b"x")
    with pytest.raises(RestoreTargetNotEmpty, match="documents/ab/abcd"):
        with_object.restored(tmp_path / "backup")
    with_pepper = new_instance("with-pepper", migrated=False)
    load_pepper(with_pepper.settings)
    with pytest.raises(RestoreTargetNotEmpty, match="pepper"):
        with_pepper.restored(tmp_path / "backup")
    with pytest.raises(RestoreTargetNotEmpty):
        source.restored(tmp_path / "backup")


def test_an_interrupted_restore_is_given_again(source, new_instance, tmp_path, monkeypatch):
    source.saved(tmp_path / "backup")
    target = new_instance("target", migrated=False)
    objects = target.services.objects
    put, calls = objects.put, []

    def interrupted(key: str, content: bytes) -> None:
        calls.append(key)
        if len(calls) > 3:
            raise KeyboardInterrupt
        put(key, content)

    monkeypatch.setattr(objects, "put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        target.restored(tmp_path / "backup")
    monkeypatch.undo()
    assert target.rows("SELECT to_regnamespace('cira') IS NULL") == [(True,)]
    target.restored(tmp_path / "backup")
    assert everything(target) == everything(source)


def test_a_backup_of_a_later_version_is_refused(source, new_instance, tmp_path):
    source.saved(tmp_path / "backup")
    shutil.copytree(tmp_path / "backup", tmp_path / "newer")
    manifest = json.loads((tmp_path / "newer/manifest.json").read_text())
    (tmp_path / "newer/manifest.json").write_text(json.dumps(manifest | {"migration": "9999"}))
    target = new_instance("target", migrated=False)
    with pytest.raises(BackupTooNew, match="9999"):
        target.restored(tmp_path / "newer")
    (tmp_path / "newer/manifest.json").write_text(json.dumps(manifest | {"format": 2, "tables": "another shape"}))
    with pytest.raises(BackupTooNew, match="format 2"):
        target.restored(tmp_path / "newer")


def test_a_backup_of_the_first_schema_restores_into_todays(new_instance, tmp_path):
    old = new_instance("old", migrated=False)
    with old.database.begin() as connection:
        migrate_within(connection, to=known_revisions()[-1])
        connection.execute(
            text(
                "INSERT INTO cira.jobs (job_id, url, client, source) "
                "VALUES ('inv_' || repeat('0', 26), 'https://a/', 'acme', 'cli')"
            )
        )
    manifest = old.saved(tmp_path / "backup")
    assert manifest.migration == known_revisions()[-1]
    target = new_instance("target")
    target.restored(tmp_path / "backup")
    assert target.database.is_migrated()
    assert target.rows("SELECT url, client, status FROM cira.jobs") == [("https://a/", "acme", "queued")]


def test_the_wrong_pepper_is_found_before_and_not_by_clients(source, new_instance, tmp_path):
    key_of(source)
    (source.settings.home / "key-pepper").rename(tmp_path / "pepper")
    with pytest.raises(PepperMismatch, match="is missing"):
        source.saved(tmp_path / "backup")
    pepper = (tmp_path / "pepper").read_text()
    as_setting = Instance(source.settings.model_copy(update={"api_key_pepper": SecretStr(pepper)}), source.services)
    manifest = as_setting.saved(tmp_path / "backup")
    assert not manifest.pepper_included
    assert pepper not in "".join(
        path.read_text("latin-1") for path in (tmp_path / "backup").rglob("*") if path.is_file()
    )
    without = new_instance("without", migrated=False)
    with pytest.raises(PepperMismatch, match="was a setting"):
        without.restored(tmp_path / "backup")
    wrong = new_instance("wrong", migrated=False, api_key_pepper="w" * 40)
    with pytest.raises(PepperMismatch, match="CIRA_API_KEY_PEPPER"):
        wrong.restored(tmp_path / "backup")
    right = new_instance("right", migrated=False, api_key_pepper=pepper)
    right.restored(tmp_path / "backup")
    assert not (right.settings.home / "key-pepper").exists()


def test_an_object_that_the_store_lost_is_named_and_the_rest_saved(source, new_instance, tmp_path):
    lost = next((source.settings.home / "objects/documents").rglob("*/*"))
    lost.write_bytes(b"changed")
    manifest = source.saved(tmp_path / "backup")
    assert manifest.lost_objects == (str(lost.relative_to(source.settings.home / "objects")),)
    assert manifest.objects == 5
    new_instance("target", migrated=False).restored(tmp_path / "backup")


def test_what_is_erased_during_a_backup_is_not_in_it(source, tmp_path, monkeypatch):
    """The erasure comes after the rows were saved and before the objects are."""
    [(job_id, sha256), *_] = source.rows(
        "SELECT job_id, document_sha256 FROM cira.jobs WHERE document_sha256 IS NOT NULL"
    )
    objects = source.services.objects
    erasure = Erasure(source.database, objects, source.services.jobs, stopping_s=0)
    save_objects = saving._save_objects
    calls: list[int] = []

    def erased_before(*arguments):
        if not calls:
            erasure.erase(JobId(str(job_id)))
        calls.append(1)
        return save_objects(*arguments)

    monkeypatch.setattr(saving, "_save_objects", erased_before)
    manifest = source.saved(tmp_path / "backup")
    assert len(calls) == 2
    assert manifest.objects == 3
    assert manifest.lost_objects == ()
    assert str(sha256) not in [path.name for path in (tmp_path / "backup").rglob("*")]


def test_a_backup_under_load_holds_the_object_of_every_row(source, new_instance, tmp_path):
    stop = threading.Event()
    failures: list[BaseException] = []
    objects = source.services.objects
    erasure = Erasure(source.database, objects, source.services.jobs, stopping_s=0)

    def work(worker: int) -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                job_id = ended_job(
                    source.services, number=f"L-{worker}-{number}", content=invoice_pdf(f"L-{worker}-{number}")
                )
                # A backup begins anew for an erasure, and three times at the most: these come more rarely.
                if worker == 0 and number % 20 == 0:
                    erasure.erase(job_id)
        except BaseException as error:
            failures.append(error)
            raise

    workers = [threading.Thread(target=work, args=(worker,)) for worker in range(3)]
    for worker in workers:
        worker.start()
    try:
        manifests = [source.saved(tmp_path / f"backup-{number}") for number in range(5)]
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert not failures
    assert manifests[-1].objects > manifests[0].objects
    for number, manifest in enumerate(manifests):
        assert manifest.lost_objects == ()
        target = new_instance(f"target-{number}", migrated=False)
        target.restored(tmp_path / f"backup-{number}")
        with target.database.begin() as connection:
            references = list(referenced_objects(connection))
        assert len(references) == manifest.objects
        for key, sha256 in references:
            content = target.services.objects.get(key)
            assert sha256 in (None, hashlib.sha256(content).hexdigest())
        assert not target.rows(
            "SELECT job_id FROM cira.jobs WHERE status = 'succeeded' EXCEPT SELECT job_id FROM cira.records"
        )


def test_a_large_store_keeps_its_own_copies(source, new_instance, tmp_path):
    manifest = source.saved(tmp_path / "backup", with_objects=False)
    assert (manifest.objects, manifest.objects_included) == (0, False)
    target = new_instance("target", migrated=False, object_store=source.settings.object_store_url)
    target.restored(tmp_path / "backup")
    assert everything(target) == everything(source)
