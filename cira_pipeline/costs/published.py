"""Published token prices of model providers with their dates, from the package genai-prices; nothing is downloaded."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Literal

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import TieredPrices

TokenUnit = Literal["input_token", "cached_input_token", "output_token"]

VERSION = f"genai-prices {re.match(r'[0-9.]*', genai_prices.__version__)[0]}"  # type: ignore[index]
_PER_MILLION = Decimal(1_000_000)
_KEYS: dict[TokenUnit, tuple[str, ...]] = {
    "input_token": ("input_mtok",),
    # A cached token without a price of its own costs as much as an uncached one.
    "cached_input_token": ("cache_read_mtok", "input_mtok"),
    "output_token": ("output_mtok",),
}


def published_price(
    provider: str, model: str, unit: TokenUnit, *, question_tokens: int, at: datetime
) -> Decimal | None:
    """USD for one token, or `None` when the package does not know it.

    `question_tokens` is the size of the request: some models cost more for all tokens above a size.
    """
    try:
        _, info = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    prices = info.get_prices(at)
    listed = next((price for key in _KEYS[unit] if (price := getattr(prices, key, None)) is not None), None)
    if isinstance(listed, TieredPrices):
        above = [tier.price for tier in listed.tiers if question_tokens > tier.start]
        listed = above[-1] if above else listed.base
    return listed / _PER_MILLION if isinstance(listed, Decimal) else None
