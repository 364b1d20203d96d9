from __future__ import annotations

from sqlalchemy import text

from cira_pipeline.db.records.labels import LabelRepository


def test_a_label_may_come_before_its_document_and_be_corrected_later(database):
    labels = LabelRepository(database)
    assert labels.get("a" * 64) is None
    labels.put("a" * 64, {"gross_total": "119.00", "tax_breakdown": [{"rate": "19"}]}, "truth.csv")
    labels.put("a" * 64, {"gross_total": "118.00\x00"}, "review", confirmed_by="anna")
    assert labels.get("a" * 64) == {"gross_total": "118.00\ufffd"}
    with database.begin() as connection:
        row = connection.execute(text("SELECT * FROM cira.labels")).one()
    assert (row.source, row.confirmed_by) == ("review", "anna")
    assert row.updated_at > row.created_at
