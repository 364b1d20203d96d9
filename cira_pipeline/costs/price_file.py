"""Price list file, TOML or JSON: the package's own, or an installation's contract prices.

version = "contract 4711, 2026-11"

[[prices]]
provider = "azure"            # azure, openai, cira, docling-serve
model = "gpt-4.1-mini"
unit = "input_token"          # input_token, cached_input_token, output_token, ocr_page, ocr_second, page, stored_byte;
                              # batch_input_token and so on: price in a model batch, where it is no plain discount
usd = "0.38"                  # as a string, which keeps every digit
per = 1000000                 # units that cost this much; 1 if left out
valid_from = 2026-01-01       # always valid if left out

[[batch_discounts]]
provider = "azure"
model = "*"                   # all models; also when left out
share = "0.5"                 # of the price of an immediate answer
valid_from = 2026-01-01
source = "page that states it"
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cira_pipeline.errors import ConfigurationError

# `gpt-4.1-mini-2025-04-14` is a dated version of `gpt-4.1-mini`.
_EDITION = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class ListedPrice(BaseModel):
    """Price of `usd` for `per` units from `valid_from` on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str
    unit: str
    usd: Decimal = Field(ge=0, allow_inf_nan=False)
    per: int = Field(1, gt=0)
    valid_from: date = date.min

    @property
    def unit_price_usd(self) -> Decimal:
        return self.usd / self.per


class BatchDiscount(BaseModel):
    """Discount of a model batch by `share`, for every kind of token, from `valid_from` on, as stated by `source`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str = "*"
    share: Decimal = Field(ge=0, le=1, allow_inf_nan=False)
    valid_from: date = date.min
    source: str = ""


class PriceFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(min_length=1)
    prices: tuple[ListedPrice, ...]
    batch_discounts: tuple[BatchDiscount, ...] = ()

    def find(self, provider: str, model: str, unit: str, on: date) -> ListedPrice | None:
        """The newest price in force; a price of the exact model name precedes one of the name without its date."""
        for name in (model, _EDITION.sub("", model)):
            fitting = [
                price
                for price in self.prices
                if (price.provider, price.model, price.unit) == (provider, name, unit) and price.valid_from <= on
            ]
            if fitting:
                return max(fitting, key=lambda price: price.valid_from)
        return None

    def batch_discount(self, provider: str, model: str, on: date) -> BatchDiscount | None:
        """The newest discount in force; one of the model itself precedes one of all models."""
        for name in (model, _EDITION.sub("", model), "*"):
            fitting = [
                discount
                for discount in self.batch_discounts
                if (discount.provider, discount.model) == (provider, name) and discount.valid_from <= on
            ]
            if fitting:
                return max(fitting, key=lambda discount: discount.valid_from)
        return None


def read_price_file(path: Path) -> PriceFile:
    """Reads and checks a price list. Raises: ConfigurationError that names the file and the fault in it."""
    try:
        text = path.read_text(encoding="utf-8")
        parsed: Any = (
            json.loads(text, parse_float=Decimal)
            if path.suffix == ".json"
            else tomllib.loads(text, parse_float=Decimal)
        )
        return PriceFile.model_validate(parsed)
    except OSError as error:
        raise ConfigurationError(f"the price list {path} cannot be read: {error.strerror}", path=str(path)) from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        )
        raise ConfigurationError(f"the price list {path} is invalid: {wrong}", path=str(path)) from error
    except ValueError as error:
        raise ConfigurationError(f"the price list {path} is not valid TOML or JSON: {error}", path=str(path)) from error
