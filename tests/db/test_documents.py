from __future__ import annotations

import pytest

from cira_pipeline.errors import ObjectMissing
from tests.db.invoices import document


def test_a_document_comes_back_as_it_was(documents):
    kept = document()
    documents.put(kept)
    documents.put(kept)
    assert documents.load(kept.sha256) == kept
    row = documents.row(kept.sha256)
    assert (row.media_type, row.size_bytes, row.page_count) == (kept.media_type, kept.size_bytes, 1)
    assert row.object_key == f"documents/{kept.sha256[:2]}/{kept.sha256}"
    assert documents.url_of(kept.sha256).endswith(row.object_key)


def test_an_unknown_document_is_told_apart_from_an_empty_one(documents):
    assert documents.row("0" * 64) is None
    with pytest.raises(ObjectMissing, match="is not stored"):
        documents.load("0" * 64)


def test_a_document_somebody_changed_is_never_processed(documents, objects):
    kept = document()
    documents.put(kept)
    objects.put(documents.row(kept.sha256).object_key, b"%PDF another bank account")
    with pytest.raises(ObjectMissing, match="changed"):
        documents.load(kept.sha256)


def test_a_lost_document_is_kept_again_when_it_comes_again(documents, objects):
    kept = document()
    documents.put(kept)
    objects.delete(documents.row(kept.sha256).object_key)
    with pytest.raises(ObjectMissing):
        documents.load(kept.sha256)
    documents.put(kept)
    assert documents.load(kept.sha256) == kept


def test_bytes_under_a_wrong_hash_are_not_kept(documents):
    with pytest.raises(ValueError, match="does not match the SHA-256"):
        documents.put(document().model_copy(update={"sha256": "0" * 64}))
