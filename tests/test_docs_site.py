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

from tests.running.browser import browser_page

REPOSITORY = Path(__file__).parents[1]
KINDS = ("Tutorial", "How-to", "Reference", "Explanation")
_LOADED = "//script/@src | //img/@src | //link[not(@rel='canonical')]/@href | //iframe/@src"
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


def test_each_file_that_contributing_sends_people_to_is_there() -> None:
    guide = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:cira_pipeline|docs|tests|assets|resources|sensors)/[^`\s]*)`", guide))
    assert len(named) > 15
    assert {path for path in named if not (REPOSITORY / path).exists()} == set()
