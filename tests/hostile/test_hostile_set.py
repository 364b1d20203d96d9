"""Over a hundred hostile files through every step that opens them: each ends within its limits, workers live."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from cira_pipeline.errors import CiraError, DocumentTypeUnsupported, InternalError
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.intake.isolated import recogniser_from_settings, view_page
from cira_pipeline.local_stack.fork_server_process import fork_server_child
from cira_pipeline.models import Document, EngineName, MediaType
from cira_pipeline.ocr.open_reader import reader_from_settings
from cira_pipeline.pipeline.engines import engines_from_settings
from cira_pipeline.sandbox.pool import worker_modules, worker_pool
from cira_pipeline.settings import Settings
from tests.extraction.einvoice.documents import NO_READING
from tests.hostile.others import others
from tests.hostile.pdfs import pdfs
from tests.hostile.pictures import pictures
from tests.hostile.xmls import xmls
from tests.intake.documents import UBL, pdf

RECOGNITION_S, PAGE_S, DOCUMENT_S = 2.5, 3.0, 4.0
"""An eighth and less of what is usual, for the tests to end soon."""
MEMORY_MB = 800
MARGIN_S = 20.0
"""For a machine that does much else: to kill, to start the next worker, to make the answer."""

SETS: Mapping[str, Callable[[], Mapping[str, Callable[[], bytes]]]] = {
    "pdf": pdfs,
    "picture": pictures,
    "xml": xmls,
    "other": others,
}
FILES = [(kind, name) for kind, made in SETS.items() for name in made()]


def test_the_set_is_as_large_as_it_is_said_to_be() -> None:
    sizes = {kind: len(made()) for kind, made in SETS.items()}
    assert sizes["pdf"] >= 30
    assert sizes["picture"] >= 12
    assert sizes["xml"] >= 10
    assert sizes["other"] >= 8


@dataclass
class Watch:
    """The most resident memory of any process below this one since `reset`, sampled all the time."""

    most_bytes: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        own, below, listed_at = psutil.Process(), list[psutil.Process](), 0.0
        while not self.ended.wait(0.02):
            # To list them looks at every process of the machine; a worker lives for longer than this.
            if time.monotonic() - listed_at > 0.2:
                below, listed_at = own.children(recursive=True), time.monotonic()
            for process in below:
                try:
                    self.most_bytes = max(self.most_bytes, process.memory_info().rss)
                except psutil.Error:
                    continue


@pytest.fixture(scope="module")
def watch() -> Iterator[Watch]:
    watch = Watch()
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    yield watch
    watch.ended.set()
    thread.join()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Workers come from a fork server, as under `cira up`: each that is killed is replaced at once."""
    folder = tmp_path_factory.mktemp("hostile")
    address = folder / "fork-server.socket"
    settings = Settings(
        _env_file=None,
        recognition_timeout_s=RECOGNITION_S,
        recognition_memory_mb=MEMORY_MB,
        reading_page_timeout_s=PAGE_S,
        reading_timeout_s=DOCUMENT_S,
        reading_memory_mb=MEMORY_MB,
        reading_processes=1,
        reading_fork_server=address,
        ocr_threads=1,
    )
    child = fork_server_child(
        address=address, modules=worker_modules(settings), folder=folder, log=Path(folder) / "fork-server.log"
    )
    child.launch()
    child.wait_until_ready()
    yield settings
    for pool in _pools(settings):
        pool.close()
    child.stop()


def _pools(settings: Settings) -> tuple[Any, ...]:
    return worker_pool(settings), worker_pool(settings, reads=False)


@dataclass
class Way:
    """A document's way through all that opens it; notes what each step took, and its error."""

    settings: Settings
    took: list[tuple[str, float, str]] = field(default_factory=list)

    def step(self, name: str, limit_s: float, act: Callable[[], object]) -> object | None:
        """What `act` gives, or `None` after a CiraError."""
        started = time.monotonic()
        result, said = None, "done"
        try:
            result = act()
        except CiraError as error:
            said = error.code
        seconds = time.monotonic() - started
        self.took.append((name, seconds, said))
        assert said != InternalError.code, f"{name} ended in an error that nobody expected"
        assert seconds < limit_s + MARGIN_S, f"{name} took {seconds:.1f} s, its limit is {limit_s:g} s ({said})"
        return result

    def go(self, content: bytes) -> None:
        settings = self.settings
        document = self.step(
            "recognise", RECOGNITION_S, lambda: recogniser_from_settings(settings, reads=False)(content)
        )
        if not isinstance(document, Document):
            return
        if document.media_type is not MediaType.XML:
            self.step("draw", RECOGNITION_S, lambda: view_page(document, 1, settings))
            self.step("read", DOCUMENT_S, lambda: reader_from_settings(settings).read(document))
        if document.media_type in (MediaType.PDF, MediaType.XML):
            engine = engines_from_settings(settings, AnswersInMemory())[EngineName.EINVOICE]
            self.step("embedded XML", RECOGNITION_S, lambda: engine.extract(document, NO_READING))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("kind", "name"), FILES, ids=[f"{kind}: {name}" for kind, name in FILES])
def test_a_hostile_file_ends_within_its_limits(
    settings: Settings, watch: Watch, kind: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = SETS[kind]()[name]()
    watch.most_bytes = 0
    way = Way(settings)
    way.go(content)
    most_mb = watch.most_bytes // 1_000_000
    with capsys.disabled():
        if os.environ.get("HOSTILE_FIGURES"):
            steps = ", ".join(f"{step} {seconds:.1f} s {said}" for step, seconds, said in way.took)
            print(f"\n{kind}: {name}: {len(content):,} bytes, {most_mb} MB, {steps}")
    # It is looked at every 20 ms; beyond twice as much nothing can be allocated (RLIMIT_DATA).
    assert most_mb < 2 * MEMORY_MB
    if kind == "other":
        assert way.took[0][2] == DocumentTypeUnsupported.code
        assert len(way.took) == 1


def test_the_workers_live_after_all_that(settings: Settings) -> None:
    recognise = recogniser_from_settings(settings, reads=False)
    good = recognise(pdf())
    assert good.page_count == 1
    assert recognise(UBL.encode()).media_type is MediaType.XML
    assert view_page(good, 1, settings).width > 100
    patient = settings.model_copy(update={"reading_page_timeout_s": 120, "reading_timeout_s": 240})
    assert "Invoice 2026-0" in [line.text for line in reader_from_settings(patient).read(good).reading.lines]
