"""Generated invoices in the habits of eight countries: a model that knows them fills all that they state."""

from __future__ import annotations

from cira_pipeline.evaluation.score import Scoreboard, score
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.samples.generator import Order, labelled_document
from cira_pipeline.samples.habits import national_countries
from cira_pipeline.settings import Settings
from tests.azure_standin import AzureStandin, LabelAnswers

_TABLES = {"supplier_tax_ids", "payment_accounts", "tax_breakdown", "line_items"}


def test_the_model_fills_what_invoices_of_eight_countries_state(azure: AzureStandin, engine_for) -> None:
    order = Order(72, split="test", kinds=("pdf-text",), countries=tuple(national_countries()))
    chosen = {made.supplier.country: made for made in (labelled_document(order, number) for number in range(0, 32, 4))}
    assert chosen.keys() == set(national_countries())
    azure.answering = LabelAnswers([made.row["fields"] for made in chosen.values()])
    settings, engine, whole = Settings(_env_file=None), engine_for(), Scoreboard()
    reader = LocalReader(settings)
    for country, made in chosen.items():
        file = recognise(made.content, max_pages=settings.max_pages, max_pixels=settings.max_pixels)
        board = Scoreboard()
        board.add(score(engine.extract(file, reader.read(file).reading).invoice, made.row["fields"]))
        assert board.value_accuracy is not None
        assert board.value_accuracy >= 0.9, (country, dict(board.cells))
        whole.add_all(board)
    assert whole.tables.keys() >= _TABLES
    assert whole.value_accuracy is not None
    assert whole.value_accuracy >= 0.95, dict(whole.values)
    assert whole.values["wrong"] <= whole.values.total() * 0.01
