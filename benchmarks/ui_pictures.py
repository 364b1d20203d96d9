"""Takes the screenshots of the Dagster UI in docs/images from a demo that runs in this folder.

cira demo                                          (in one terminal, left running)
python -m benchmarks.ui_pictures docs/images       (in another)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import psycopg
from PIL import Image
from playwright.sync_api import Page

from assets.specs import STAGES
from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.api.page.local_administrator import local_session
from cira_pipeline.cli.services import connected_settings
from cira_pipeline.db.access.api_keys import ApiKeyRepository
from cira_pipeline.db.database import Database
from cira_pipeline.settings import Settings
from tests.running.browser import browser_page

# An accepted invoice with enough lines to show, and not so many that nothing else is seen.
_SHOWN = """
    SELECT job_id FROM cira.invoices JOIN cira.invoice_lines USING (job_id)
    WHERE invoices.verdict = 'accepted' AND invoices.engine = 'offline'
    GROUP BY job_id HAVING count(*) BETWEEN 3 AND 6 ORDER BY job_id LIMIT 1
"""


def main(folder: Path) -> None:
    settings = connected_settings()
    assert settings.dagster_ui_url, "no UI is running: start `cira demo` first"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, browser_page(Path(profile)) as page:
        sign_in(page, settings)
        _assets(page, settings.dagster_ui_url, folder / "dagster-assets.png")
        _invoice(page, settings.dagster_ui_url, shown_invoice(settings), folder / "dagster-invoice.png")


def sign_in(page: Page, settings: Settings) -> None:
    """As the person who runs CIRA on this machine."""
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
    try:
        cookies = local_session(ApiKeyRepository(database), load_pepper(settings))
    finally:
        database.dispose()
    url = settings.dagster_ui_url or ""
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def shown_invoice(settings: Settings) -> str:
    assert settings.postgres_url
    with psycopg.connect(settings.postgres_url.get_secret_value()) as connection:
        found = connection.execute(_SHOWN).fetchone()
    assert found, "no accepted invoice to show: wait until `cira demo` has printed its table"
    return str(found[0])


def _assets(page: Page, ui_url: str, picture: Path) -> None:
    page.set_viewport_size({"width": 1680, "height": 560})
    page.goto(f"{ui_url}/locations/cira/asset-groups/invoices/lineage")
    for stage in STAGES:
        page.get_by_text(stage.value, exact=True).first.wait_for()
    page.get_by_text("failed)").first.wait_for()
    _take(page, picture)


def _invoice(page: Page, ui_url: str, job_id: str, picture: Path) -> None:
    page.set_viewport_size({"width": 1680, "height": 1000})
    page.goto(f"{ui_url}/assets/validated_record?view=partitions&partition={job_id}")
    page.get_by_text("gross_total").first.wait_for()
    _take(page, picture)


def _take(page: Page, picture: Path) -> None:
    """With 128 colours: a user interface has hardly more, and the file is a third."""
    page.wait_for_timeout(3_000)
    page.screenshot(path=picture)
    with Image.open(picture) as taken:
        taken.convert("RGB").quantize(128).save(picture, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
