"""The page in a real headless Chromium, over the service as it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from cira_pipeline.db.access.api_keys import Scope
from tests.api.conftest import RunningApi, api, api_settings, start_api  # noqa: F401 - fixtures
from tests.running.browser import _FLAGS

PATIENCE_MS = 60_000
WIDE = {"width": 1280, "height": 860}
NARROW = {"width": 360, "height": 780}


@contextmanager
def chromium() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(prefix="cira-chromium-") as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=_FLAGS, timeout=PATIENCE_MS, env={"HOME": home}
        )
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the session: while Playwright runs, no other test of this process can run an event loop."""
    with chromium() as browser:
        yield browser


def patient(context: BrowserContext) -> BrowserContext:
    context.set_default_timeout(PATIENCE_MS)
    context.set_default_navigation_timeout(PATIENCE_MS)
    return context


def sign_in(page: Page, url: str, key: str, person: str = "Anna Berg") -> None:
    page.goto(f"{url}/")
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_label("Your name").fill(person)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


@pytest.fixture
def visit(browser: Browser, api: RunningApi) -> Iterator[Callable[..., Page]]:  # noqa: F811
    """`visit("acme", Scope.READ, viewport=NARROW)` has a browser of its own, signed in; errors there fail the test."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def visit(
        client: str = "acme",
        *scopes: Scope,
        person: str = "Anna Berg",
        refused_on_purpose: bool = False,
        **options: Any,
    ) -> Page:
        context = patient(browser.new_context(**{"viewport": WIDE, **options}))
        contexts.append(context)
        page = context.new_page()
        if refused_on_purpose:
            sign_in(page, api.url, api.key(client, *scopes), person)
            return page
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
        sign_in(page, api.url, api.key(client, *scopes), person)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []
