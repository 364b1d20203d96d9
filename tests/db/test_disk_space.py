"""Nothing new is taken, and nothing half-written is kept, when the disk is nearly or quite full."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cira_pipeline.db.disk_space import CHECKED_AGAIN_S, DiskSpace, disk_space, free_bytes
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.errors import DiskFull
from cira_pipeline.settings import Settings

_MORE_THAN_THERE_IS = 1 << 60


def test_free_space_is_known_before_a_folder_exists(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)


def test_a_nearly_full_disk_takes_no_new_object_and_keeps_no_part_of_it(tmp_path: Path) -> None:
    objects = ObjectStore(str(tmp_path / "objects"), least_free_bytes=_MORE_THAN_THERE_IS)
    with pytest.raises(DiskFull) as refused:
        objects.put("documents/x", b"an invoice")
    assert refused.value.detail["retry_after_s"]
    assert not (tmp_path / "objects").exists()


def test_one_large_document_may_not_use_up_what_is_kept_free(tmp_path: Path) -> None:
    space = DiskSpace([tmp_path], free_bytes(tmp_path) // 2)
    space.demand()
    with pytest.raises(DiskFull):
        space.demand(free_bytes(tmp_path))


def test_work_goes_on_when_the_disk_has_space_again(tmp_path: Path) -> None:
    now = [0.0]
    kept = tmp_path / "kept"
    space = DiskSpace([kept], 0, monotonic=lambda: now[0])
    space.demand(_MORE_THAN_THERE_IS)
    full = Settings(_env_file=None, home=tmp_path, least_free_mb=_MORE_THAN_THERE_IS // 1_000_000)
    with pytest.raises(DiskFull):
        disk_space(full).demand()
    now[0] += CHECKED_AGAIN_S
    disk_space(full.model_copy(update={"least_free_mb": 1})).demand()
