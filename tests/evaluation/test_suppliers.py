from __future__ import annotations

from pathlib import Path
from typing import Any

from cira_pipeline.evaluation.labels import Label, suppliers_of


def _label(number: int, name: str | None, **about: Any) -> Label:
    fields = {"supplier_name": name} if name is not None else {"gross_total": "1"}
    return Label(str(number) * 64, Path(f"{number}.pdf"), fields, about)


def test_one_supplier_is_never_on_both_sides_of_a_cross_validation() -> None:
    labels = [_label(1, "Nord Holz GmbH"), _label(2, "NORD HOLZ GMBH,"), _label(3, "Jardin Sud SARL")]
    suppliers = suppliers_of(labels)
    assert suppliers["1" * 64] == suppliers["2" * 64] != suppliers["3" * 64]


def test_invented_suppliers_on_one_layout_count_as_one() -> None:
    suppliers = suppliers_of([_label(1, "A GmbH", layout="letter"), _label(2, "B Ltd", layout="letter")])
    assert set(suppliers.values()) == {"layout letter"}


def test_a_document_whose_supplier_is_unknown_stands_with_its_own_copies() -> None:
    labels = [_label(1, None, source_path="x/y"), _label(2, None, source_path="x/y"), _label(3, None)]
    suppliers = suppliers_of(labels)
    assert suppliers["1" * 64] == suppliers["2" * 64] != suppliers["3" * 64]
