"""The documentation as a site, built as `make docs` does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from lxml import html

from cira_pipeline.settings import RENAMED, Settings
from tests.running.browser import browser_page

REPOSITORY = Path(__file__).parents[1]
KINDS = ("Tutorial", "How-to", "Reference", "Explanation")
_LOADED = "//script/@src | //img/@src | //link[not(@rel='canonical')]/@href | //iframe/@src"
# What the docs name in backticks: files and folders of the repository or of cira_pipeline/. A build writes into dist/,
# and the wheel has dagster_code/.
_PATH = re.compile(
    r"`(?!dist/|cira_pipeline/dagster_code/)"
    r"((?:cira_pipeline|docs|tests|assets|resources|sensors|benchmarks|deploy)/[\w./-]*"
    r"|(?:[\w.-]+/)+[\w.-]+\.(?:py|toml|sql|yaml|json|md|html|lock))`"
)
_SETTING = re.compile(r"`(CIRA_[A-Z0-9_]*[A-Z0-9])[`=]")
_LOST_MARKUP = re.compile(r"^(- |\* |[0-9]+\. |\||#+ |```)", re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder))
    built = subprocess.run(
        command, cwd=REPOSITORY, env={"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, timeout=300
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_a_reader_of_the_site_starts_at_the_readme_and_finds_every_decision(site: Path) -> None:
    front = html.parse(site / "index.html").getroot()
    assert front.findtext(".//h1", "").startswith("CIRA")
    listed = html.parse(site / "decisions" / "index.html").getroot().xpath("//article//li/a/@href")
    assert listed == sorted(f"{path.stem}.html" for path in (REPOSITORY / "docs/decisions").glob("[0-9]*.md"))


def test_a_link_to_a_file_outside_of_docs_leads_to_it(site: Path) -> None:
    assert (site / "deploy/celery/dagster.yaml").read_bytes() == (
        REPOSITORY / "deploy/celery/dagster.yaml"
    ).read_bytes()
    assert (site / "deploy/index.html").is_file()


def test_every_page_is_of_one_kind() -> None:
    navigation = _navigation()
    assert [title for section in navigation for title in section] == ["Home", *KINDS]
    pages = list(_pages(navigation[1:]))
    assert len(pages) == len(set(pages))
    written = {path.name for path in (REPOSITORY / "docs").glob("*.md")}
    assert written <= set(pages)


def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    elsewhere = {
        f"{page.relative_to(site)}: {link}"
        for page in site.rglob("*.html")
        for link in html.parse(page).getroot().xpath(_LOADED)
        if re.match(r"(https?:)?//", link)
    }
    assert elsewhere == set()


def test_diagrams_are_drawn_without_another_host(site: Path, tmp_path: Path) -> None:
    written = (REPOSITORY / "docs/architecture.md").read_text("utf-8").count("```mermaid")
    with browser_page(tmp_path) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "architecture.html").as_uri())
        page.wait_for_function("count => document.querySelectorAll('div.mermaid').length == count", arg=written)
    assert {urlsplit(url).scheme for url in asked} == {"file"}


def test_no_list_or_table_is_shown_as_running_text(site: Path) -> None:
    lost = {
        f"{page.relative_to(site)}: {text[:80]}"
        for page in site.rglob("*.html")
        for text in html.parse(page).getroot().xpath("//article//p[not(ancestor::pre)]/text()")
        if _LOST_MARKUP.search(text)
    }
    assert lost == set()


def _pages(navigation: Any) -> Iterator[str]:
    match navigation:
        case list():
            yield from (page for entry in navigation for page in _pages(entry))
        case dict():
            yield from (page for entries in navigation.values() for page in _pages(entries))
        case page:
            yield page


def _navigation() -> list[dict[str, Any]]:
    lines = (REPOSITORY / "mkdocs.yml").read_text("utf-8")
    # The tag names a function of Python, which only MkDocs resolves.
    return yaml.safe_load(lines.replace("!!python/name:", ""))["nav"]


def test_files_and_settings_that_the_docs_name_exist() -> None:
    settings = {f"CIRA_{name.upper()}" for name in (*Settings.model_fields, *RENAMED)}
    missing = set()
    named = 0
    for page in (*_outside_pages(), *(REPOSITORY / "docs").rglob("*.md")):
        written = page.read_text("utf-8")
        paths = set(_PATH.findall(written))
        named += len(paths)
        places = (REPOSITORY, REPOSITORY / "cira_pipeline", page.parent)
        missing |= {f"{page.name}: {path}" for path in paths if not any((place / path).exists() for place in places)}
        missing |= {f"{page.name}: {name}" for name in set(_SETTING.findall(written)) - settings}
    assert named > 100
    assert missing == set()


def test_the_architecture_page_names_every_package() -> None:
    page = (REPOSITORY / "docs/architecture.md").read_text("utf-8")
    packages = {path.parent.name for path in (REPOSITORY / "cira_pipeline").glob("*/__init__.py")}
    modules = {path.name for path in (REPOSITORY / "cira_pipeline").glob("*.py")} - {"__init__.py"}
    assert {name for name in (*(f"{each}/" for each in packages), *modules) if f"`{name}`" not in page} == set()


def _outside_pages() -> Iterator[Path]:
    for name in ("README.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", "CHANGELOG.md", "deploy/README.md"):
        yield REPOSITORY / name
