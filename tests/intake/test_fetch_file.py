from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cira_pipeline.errors import DocumentTooLarge, FileNotAllowed, SourceForbidden, SourceNotFound
from cira_pipeline.intake.fetch import Fetcher
from cira_pipeline.intake.file_download import open_below
from tests.intake.conftest import NewFetcher


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "invoices"
    folder.mkdir()
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    return folder


@pytest.fixture
def fetcher(root: Path, new_fetcher: NewFetcher) -> Fetcher:
    return new_fetcher(file_roots=(root,))


def test_files_below_an_allowed_folder_are_read(root: Path, fetcher: Fetcher) -> None:
    path = root / "2026" / "März #1?.pdf"
    path.parent.mkdir()
    path.write_bytes(b"document")
    fetched = fetcher.fetch(path.as_uri())
    assert (fetched.content, fetched.file_name) == (b"document", "März #1?.pdf")


def test_the_inbox_is_always_allowed(tmp_path: Path, fetcher: Fetcher) -> None:
    path = tmp_path / "home" / "inbox" / "a.pdf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"document")
    assert fetcher.fetch(path.as_uri()).content == b"document"


def test_links_within_the_allowed_folder_work(root: Path, fetcher: Fetcher) -> None:
    (root / "a.pdf").write_bytes(b"document")
    (root / "link.pdf").symlink_to("a.pdf")
    (root / "folder").symlink_to(root)
    assert fetcher.fetch((root / "folder" / "link.pdf").as_uri()).content == b"document"


def test_an_allowed_folder_may_itself_be_a_link(tmp_path: Path, root: Path, new_fetcher: NewFetcher) -> None:
    (root / "a.pdf").write_bytes(b"document")
    (tmp_path / "alias").symlink_to(root)
    fetched = new_fetcher(file_roots=(tmp_path / "alias",)).fetch((tmp_path / "alias" / "a.pdf").as_uri())
    assert fetched.content == b"document"


class TestNothingElseIsRead:
    def test_outside(self, tmp_path: Path, fetcher: Fetcher) -> None:
        for path in (tmp_path / "secret.pdf", Path("/etc/passwd"), tmp_path / "invoices-of-others" / "a.pdf"):
            with pytest.raises(FileNotAllowed):
                fetcher.fetch(path.as_uri())

    def test_whether_a_file_outside_exists_is_not_told(self, tmp_path: Path, fetcher: Fetcher) -> None:
        errors = []
        for name in ("secret.pdf", "secre7.pdf"):
            with pytest.raises(FileNotAllowed) as refused:
                fetcher.fetch((tmp_path / name).as_uri())
            errors.append(str(refused.value).replace(name, "NAME"))
        assert errors[0] == errors[1]

    @pytest.mark.parametrize(
        "way", ["/../secret.pdf", "/%2e%2e/secret.pdf", "/a/..%2f..%2fsecret.pdf", "/..//secret.pdf"]
    )
    def test_by_dots(self, root: Path, fetcher: Fetcher, way: str) -> None:
        with pytest.raises(FileNotAllowed):
            fetcher.fetch(root.as_uri() + way)

    def test_by_links(self, tmp_path: Path, root: Path, fetcher: Fetcher) -> None:
        (root / "link.pdf").symlink_to(tmp_path / "secret.pdf")
        (root / "up").symlink_to("..")
        (root / "circle").symlink_to("circle")
        for way in ("link.pdf", "up/secret.pdf", "circle"):
            with pytest.raises(FileNotAllowed):
                fetcher.fetch((root / way).as_uri())

    def test_by_a_link_put_there_after_the_check(self, tmp_path: Path, root: Path) -> None:
        (root / "folder").symlink_to(tmp_path)
        (root / "link.pdf").symlink_to(tmp_path / "secret.pdf")
        for way in ("folder/secret.pdf", "link.pdf"):
            with ExitStack() as opened, pytest.raises(OSError, match=r"symbolic links|Not a directory"):
                open_below(root, Path(way), opened)

    def test_pipes_devices_and_folders(self, root: Path, new_fetcher: NewFetcher) -> None:
        os.mkfifo(root / "pipe.pdf")
        (root / "folder.pdf").mkdir()
        fetcher = new_fetcher(file_roots=(root, Path("/dev")))
        for path in (root / "pipe.pdf", root / "folder.pdf", Path("/dev/zero"), root):
            with pytest.raises(FileNotAllowed):
                fetcher.fetch(path.as_uri())


def test_a_missing_file_is_not_found(root: Path, fetcher: Fetcher) -> None:
    (root / "a.pdf").write_bytes(b"document")
    for way in ("missing.pdf", "missing/a.pdf", "a.pdf/b.pdf", "n" * 300):
        with pytest.raises(SourceNotFound):
            fetcher.fetch((root / way).as_uri())


@pytest.fixture
def without_root() -> Iterator[None]:
    """Root may read everything: be somebody else for a moment."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def test_a_file_cira_may_not_read_says_so(root: Path, fetcher: Fetcher, request: pytest.FixtureRequest) -> None:
    (root / "a.pdf").touch(mode=0)
    request.getfixturevalue("without_root")
    with pytest.raises(SourceForbidden):
        fetcher.fetch((root / "a.pdf").as_uri())


def test_a_giant_is_refused(root: Path, fetcher: Fetcher) -> None:
    with (root / "a.pdf").open("wb") as file:
        file.truncate(100_001)
    with pytest.raises(DocumentTooLarge):
        fetcher.fetch((root / "a.pdf").as_uri())


def test_open_files_do_not_pile_up(root: Path, fetcher: Fetcher) -> None:
    path = root / "a" / "b" / "c.pdf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"document")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        fetcher.fetch(path.as_uri())
        with pytest.raises(SourceNotFound):
            fetcher.fetch((root / "a" / "missing.pdf").as_uri())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
