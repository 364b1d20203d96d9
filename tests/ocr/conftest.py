from __future__ import annotations

import pytest

from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.settings import Settings


@pytest.fixture(scope="session")
def reader() -> LocalReader:
    """Docling and the OCR models take seconds to load: once for all."""
    return LocalReader(Settings(_env_file=None, ocr_threads=2))
