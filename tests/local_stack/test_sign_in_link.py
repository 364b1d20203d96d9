"""The one-time sign-in link of `cira up`, followed by hand and in a real browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.api.page.local_administrator import NAME, sign_in_link
from cira_pipeline.db.access.api_keys import ApiKeyRepository, Scope
from cira_pipeline.db.database import Database
from cira_pipeline.local_stack.running import RunningServices
from cira_pipeline.settings import Settings
from tests.local_stack.supervised import Supervised, eventually, run_states
from tests.running.browser import browser_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

LINK = re.compile(r"http://127\.0\.0\.1:\d+/signin/link\?token=[\w-]{43}")


@pytest.fixture
def services(up: Supervised) -> RunningServices:
    return up.wait_until_ready()


def login(up: Supervised) -> str:
    """The link that `cira login` prints."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "cira"), "login"],
        env={"CIRA_HOME": str(up.home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = LINK.fullmatch(done.stdout.strip())
    assert found, done.stdout
    return found[0]


def followed(link: str, **headers: str) -> httpx.Response:
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
        return client.get(link, follow_redirects=True)


def test_a_link_signs_in_once_on_the_page_and_in_dagster(up: Supervised, services: RunningServices) -> None:
    link = login(up)
    with httpx.Client(timeout=60, trust_env=False) as browser:
        page = browser.get(link, follow_redirects=True)
        assert page.status_code == 200
        assert page.url.path == "/"
        assert services.ui_url in page.text
        asked = browser.post(f"{services.ui_url}/graphql", json={"query": "{ permissions { value } }"})
        assert asked.status_code == 200
        assert any(each["value"] for each in asked.json()["data"]["permissions"])
        again = browser.get(link, follow_redirects=True)
        assert again.url.path == "/", "the browser that is signed in may go back in its history"
    second = followed(link)
    assert second.status_code == 403
    assert "used before" in second.text
    assert "set-cookie" not in second.headers


def test_a_link_is_refused_from_another_host(up: Supervised) -> None:
    link = login(up)
    for host in ("evil.example", "cira.example.com:8000"):
        refused = followed(link, Host=host)
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
    assert followed(link).url.path == "/", "the refusals have not used it up"


def test_a_guessed_and_an_expired_link_are_refused(up: Supervised, services: RunningServices) -> None:
    assert followed(f"{services.api_url}/signin/link?token=guess").status_code == 403
    assert followed(f"{services.api_url}/signin/link").status_code == 403
    link = login(up)
    database = Database(services.postgres_url)
    try:
        with database.begin() as connection:
            connection.exec_driver_sql("UPDATE cira.sign_in_links SET expires_at = now() - interval '1 second'")
    finally:
        database.dispose()
    assert followed(link).status_code == 403


def test_the_link_itself_is_kept_nowhere(up: Supervised, services: RunningServices) -> None:
    link = login(up)
    token = link.partition("token=")[2]
    followed(link)
    for log in (up.home / "logs").iterdir():
        assert token not in log.read_text(errors="replace"), log
    database = Database(services.postgres_url)
    try:
        with database.begin() as connection:
            rows = connection.exec_driver_sql("SELECT t::text FROM cira.sign_in_links t").scalars().all()
    finally:
        database.dispose()
    assert rows
    assert not any(token in row for row in rows)


def test_sessions_of_links_end_when_their_key_is_revoked(up: Supervised, services: RunningServices) -> None:
    database = Database(services.postgres_url)
    try:
        repository = ApiKeyRepository(database)
        settings = services.fill_in(Settings(home=up.home))
        with httpx.Client(timeout=60, trust_env=False) as browser:
            assert browser.get(sign_in_link(services.api_url, database, load_pepper(settings)), follow_redirects=True)
            (key,) = (each for each in repository.list() if each.name == NAME and each.revoked_at is None)
            repository.revoke(key.key_id)
            question = {"query": "{ version }"}
            assert eventually(lambda: browser.post(f"{services.ui_url}/graphql", json=question).status_code == 401, 60)
        assert followed(login(up)).url.path == "/", "a new link begins anew"
    finally:
        database.dispose()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Page]:
    with browser_page(tmp_path / "profile") as page:
        yield page


def test_a_person_follows_the_link_opens_dagster_and_launches(
    up: Supervised, services: RunningServices, browser: Page
) -> None:
    browser.goto(login(up))
    browser.get_by_role("link", name="Dagster").click()
    browser.wait_for_url(f"{services.ui_url}/**")
    before = run_states(services.ui_url)
    browser.goto(f"{services.ui_url}/assets/at_once")
    browser.get_by_role("button", name="Materialize").first.click()

    def launched() -> list[str]:
        return [state for run_id, state in run_states(services.ui_url).items() if run_id not in before]

    assert eventually(lambda: launched() == ["SUCCESS"], 180)


def test_who_may_only_look_finds_launching_disabled(up: Supervised, services: RunningServices, browser: Page) -> None:
    key = up.new_key(services, Scope.DAGSTER_VIEW)
    browser.goto(f"{services.ui_url}/assets/waiting")
    browser.get_by_label("Key").fill(key)
    browser.get_by_label("Your name").fill("Anna Berg")
    browser.get_by_role("button", name="Sign in").click()
    browser.wait_for_url(f"{services.ui_url}/assets/waiting**")
    materialize = browser.get_by_role("button", name="Materialize").first
    materialize.wait_for()
    assert materialize.is_disabled()
