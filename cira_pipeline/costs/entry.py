"""One line of money spent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cira_pipeline.jobs import Stage


@dataclass(frozen=True)
class CostEntry:
    """`amount_usd` is `quantity` times `unit_price_usd`, never rounded.

    `unit` is what is counted (`input_token`, `ocr_page`). `price_list` names the list and version the price stands in.
    `dedupe_key` names what was bought: the ledger books it once, whoever comes with it and however often.
    """

    stage: Stage
    provider: str
    model: str
    unit: str
    quantity: Decimal
    unit_price_usd: Decimal
    amount_usd: Decimal
    price_list: str
    dedupe_key: str
