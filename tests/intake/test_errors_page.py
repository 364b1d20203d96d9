from __future__ import annotations

import re
from pathlib import Path

from cira_pipeline import errors
from cira_pipeline.errors import CiraError, leaves
from cira_pipeline.errors_page import page

ROOT = Path(__file__).parents[2]


def test_the_page_lists_what_the_code_raises() -> None:
    written = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert written == page(), "run: python -m cira_pipeline.errors_page docs/errors.md"


def test_a_code_means_one_thing() -> None:
    codes = [each.code for each in leaves()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", code) for code in codes)


def test_every_error_tells_the_person_what_to_do() -> None:
    for each in leaves():
        assert each.hint.endswith("."), each
        assert "|" not in each.hint, f"{each} would break the table"
        assert each is errors.InternalError or each.hint != CiraError.hint, each


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn = {
        name: (code, "(retryable)" in rest)
        for name, code, rest in re.findall(r"[├└]── (\w+) +([a-z0-9_]+)\b(.*)", errors.__doc__ or "")
    }
    assert drawn == {each.__name__: (each.code, each.retryable) for each in leaves()}
