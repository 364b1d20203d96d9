"""MkDocs hooks: pages and files from outside of docs/, the list of decisions, and diagrams without another host.

The site shows the files of the repository, nothing is copied by hand: README.md is the front page, and a link to a file
outside of docs/ leads to that page, or to a copy of that file, in the site.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Iterator
from importlib.resources import files as package_files
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parents[1]
_DOCS = REPOSITORY / "docs"
_FRONT_PAGE = REPOSITORY / "README.md"
_OUTSIDE_PAGES = (
    _FRONT_PAGE,
    *(REPOSITORY / name for name in ("CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", "CHANGELOG.md")),
    REPOSITORY / "deploy/README.md",
    REPOSITORY / "deploy/certificates/README.md",
)
_DECISIONS_FOLDER = "decisions/"
_DECISIONS_PAGE = "decisions/index.md"
_DIAGRAM_SCRIPT = "assets/mermaid.js"
_LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")
_CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the decisions, by number, where mkdocs.yml names their folder."""
    decisions = [_DECISIONS_PAGE, *({_numbered_title(path): f"decisions/{path.name}"} for path in _decisions())]
    config.nav = _filled(config.nav, decisions)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages outside of docs/, the files that pages link to, and the script that draws diagrams."""
    linked = {target for page in (*_OUTSIDE_PAGES, *_DOCS.rglob("*.md")) for target in _linked_files(page)}
    for path in sorted({*_OUTSIDE_PAGES, *linked}):
        if not path.is_relative_to(_DOCS):
            files.append(_generated(config, _site_path(path), abs_src_path=str(path)))
    titles = "".join(f"- [{_numbered_title(path)}]({path.name})\n" for path in _decisions())
    files.append(_generated(config, _DECISIONS_PAGE, content=f"# Decisions\n\n{titles}"))
    script = package_files("mermaidx") / "assets" / "mermaid.js"
    files.append(_generated(config, _DIAGRAM_SCRIPT, content=script.read_bytes()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links between files of the repository into links between files of the site."""
    source = _repository_path(page.file.src_uri)

    def in_site(match: re.Match[str]) -> str:
        target = _target(source, match[0])
        if target is None:
            return match[0]
        link = os.path.relpath(_site_path(target), PurePosixPath(page.file.src_uri).parent)
        fragment = urlsplit(match[0]).fragment
        return f"{link}#{fragment}" if fragment else link

    return _outside_code(markdown, lambda prose: _LINK.sub(in_site, prose))


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Gives pages with diagrams the site's own script; the theme would load it from another host."""
    if 'class="mermaid"' not in output:
        return output
    script = os.path.relpath(_DIAGRAM_SCRIPT, PurePosixPath(page.file.dest_uri).parent)
    return output.replace("</head>", f'<script src="{script}"></script></head>', 1)


def _decisions() -> list[Path]:
    return sorted((_DOCS / "decisions").glob("[0-9]*.md"))


def _numbered_title(path: Path) -> str:
    heading = path.read_text("utf-8").partition("\n")[0]
    return f"{int(path.name[:4])}. {re.sub(r'^# (?:[0-9]+[.] )?', '', heading)}"


def _filled(nav: Any, decisions: list[Any]) -> Any:
    match nav:
        case list():
            return [_filled(each, decisions) for each in nav]
        case dict():
            return {title: _filled(each, decisions) for title, each in nav.items()}
        case _:
            return decisions if nav == _DECISIONS_FOLDER else nav


def _linked_files(page: Path) -> Iterator[Path]:
    found: list[str] = []
    _outside_code(page.read_text("utf-8"), lambda prose: found.extend(_LINK.findall(prose)) or prose)
    for link in found:
        target = _target(page, link)
        if target is not None and target.is_file():
            yield target


def _target(source: Path, link: str) -> Path | None:
    """The file of the repository that a relative link leads to."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
        return None
    return Path(os.path.normpath(source.parent / parts.path))


def _site_path(path: Path) -> str:
    if path == _FRONT_PAGE:
        return "index.md"
    if path == _DOCS / "decisions":
        return _DECISIONS_PAGE
    return path.relative_to(_DOCS if path.is_relative_to(_DOCS) else REPOSITORY).as_posix()


def _repository_path(uri: str) -> Path:
    outside = {_site_path(path): path for path in _OUTSIDE_PAGES}
    return outside.get(uri, _DOCS / uri)


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    return "".join(part if i % 2 else change(part) for i, part in enumerate(_CODE.split(markdown)))


def _generated(config: MkDocsConfig, uri: str, **source: Any) -> File:
    return File.generated(config, uri, inclusion=InclusionLevel.INCLUDED, **source)
