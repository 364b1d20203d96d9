"""Words are ruled out by how they begin; nothing that the lexicon or a supplier's memory knows may be lost by it."""

from __future__ import annotations

import pytest

from cira_pipeline.extraction.offline.lexicon import Entries, Meaning, lexicon
from cira_pipeline.extraction.offline.page.canvas import Segment, Token
from cira_pipeline.extraction.offline.parse.labels import phrases


def _segment(*words: str) -> Segment:
    return Segment(
        tuple(Token(word, 1, 10.0 * n, 0.0, 10.0 * n + 9.0, 5.0, 1, 1.0) for n, word in enumerate(words)),
    )


@pytest.mark.parametrize("table", ["labels", "columns", "breakdown", "titles", "papers", "rows"])
def test_every_phrase_of_the_lexicon_is_found(table: str) -> None:
    entries: Entries = getattr(lexicon(), table)
    lost = [key for key in entries if not any(hit[4] == entries[key] for hit in phrases(_segment(key), entries))]
    assert not lost


def test_a_phrase_is_found_behind_other_words_and_when_its_first_word_is_one_letter() -> None:
    entries = Entries({"nfactura": (Meaning("invoice_number", 1.0, frozenset({"es"})),)})
    found = [(first, last) for first, last, *_ in phrases(_segment("Fecha", "n", "factura"), entries)]
    assert found == [(1, 2)]


def test_a_suppliers_own_words_are_found_where_the_lexicon_has_none_that_begin_so() -> None:
    own = {"zzyzxkey": (Meaning("invoice_number", 0.6),)}
    segment = _segment("Zzyzx", "key")
    assert not list(phrases(segment, lexicon().labels))
    assert [hit[4] for hit in phrases(segment, lexicon().labels.with_own(own))] == [own["zzyzxkey"]]
