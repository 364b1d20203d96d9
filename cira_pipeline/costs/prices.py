"""Price lists: the installation's own first, then CIRA's, then the published prices of the package genai-prices.

A price that none of them states is an error, never zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from cira_pipeline.clock import utc_now
from cira_pipeline.costs.price_file import PriceFile, read_price_file
from cira_pipeline.errors import ConfigurationError
from cira_pipeline.jobs import Stage
from cira_pipeline.models import Reading, Usage


@dataclass(frozen=True)
class CostEntry:
    """A cost of one stage: `amount_usd` is `quantity` times `unit_price_usd`, never rounded.

    `unit` is what is counted (`input_token`, `ocr_page`). `price_list` names the list and version that state the price.
    `dedupe_key` identifies what was bought: the ledger books it once, however often it is submitted.
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


if TYPE_CHECKING:
    from cira_pipeline.costs.published import TokenUnit

_OWN_FILE = Path(__file__).parent / "prices.toml"
TOKEN_UNITS: tuple[TokenUnit, ...] = ("input_token", "cached_input_token", "output_token")
BATCH = "batch_"
"""Unit names of tokens that a model batch consumed or produced."""


@dataclass(frozen=True)
class UnitPrice:
    """USD for one unit, and the price list that states it."""

    usd: Decimal
    price_list: str


class PriceList:
    """Prices in force at the current time. Immutable and thread-safe."""

    def __init__(self, files: tuple[PriceFile, ...], now: Callable[[], datetime] = utc_now) -> None:
        self._files = files
        self._now = now

    @classmethod
    def load(cls, own: Path | None = None, *, now: Callable[[], datetime] = utc_now) -> PriceList:
        """Loads the price lists. `own` is the installation's file (CIRA_PRICE_LIST), which precedes all others.

        Raises: ConfigurationError when a file cannot be read or is invalid.
        """
        paths = (own, _OWN_FILE) if own is not None else (_OWN_FILE,)
        return cls(tuple(read_price_file(path) for path in paths), now)

    def price_usage(self, usage: Usage) -> tuple[CostEntry, ...]:
        """Cost of this use of an answer: nothing when the answer was cached. Raises as `price_answer` does."""
        return () if usage.reused else self.price_answer(usage)

    def price_answer(self, usage: Usage, purchase: str = "") -> tuple[CostEntry, ...]:
        """Cost of the answer when it was paid, whether or not it was paid for this use.

        For the ledger, which books an answer once, however many jobs use it. `purchase` names a second purchase of the
        same answer, which is booked too. Raises: ConfigurationError when a price is not known.
        """
        cached = min(usage.cached_input_tokens, usage.input_tokens)
        counts: dict[TokenUnit, int] = {
            "input_token": usage.input_tokens - cached,
            "cached_input_token": cached,
            "output_token": usage.output_tokens,
        }
        entries = []
        priced = self.batch_price if usage.by_batch else self.token_price
        for unit, count in counts.items():
            if count:
                price = priced(usage.provider, usage.model, unit, question_tokens=usage.input_tokens)
                # The same key for batches and immediate calls: an answer is bought once.
                key = f"{usage.request_hash}:{unit}" + (f":{purchase}" if purchase else "")
                name = f"{BATCH}{unit}" if usage.by_batch else unit
                entries.append(
                    _entry(Stage.EXTRACTED_FIELDS, usage.provider, usage.model, name, Decimal(count), price, key)
                )
        return tuple(entries)

    def price_reading(self, reading: Reading, document_sha256: str) -> tuple[CostEntry, ...]:
        """Cost of a reading: all pages when docling-serve read them; else pages read by local OCR, and its seconds.

        An amount can be zero: the quantity is booked all the same.
        """
        read = f"{document_sha256}:{reading.reader}:{reading.reader_version}"
        if reading.reader.startswith("docling_serve"):
            served = Decimal(len(reading.pages))
            return self._own_work(Stage.OCR_TEXT, "docling-serve", "docling-serve", "page", served, f"{read}:page")
        pages = Decimal(sum(page.source == "ocr" for page in reading.pages))
        seconds = Decimal(f"{reading.seconds:.3f}") if pages else Decimal(0)
        return self._own_work(
            Stage.OCR_TEXT, "cira", "rapidocr", "ocr_page", pages, f"{read}:ocr_page"
        ) + self._own_work(Stage.OCR_TEXT, "cira", "rapidocr", "ocr_second", seconds, f"{read}:ocr_second")

    def price_storage(self, size_bytes: int, document_sha256: str) -> tuple[CostEntry, ...]:
        """Cost of storing the document's bytes, kept once however many jobs share them."""
        key = f"{document_sha256}:stored_byte"
        return self._own_work(Stage.RAW_DOCUMENT, "cira", "object_store", "stored_byte", Decimal(size_bytes), key)

    def require(self, provider: str, model: str) -> None:
        """Raises ConfigurationError when `model` has no price, before anything is paid to it."""
        for unit in TOKEN_UNITS:
            self.token_price(provider, model, unit)

    def knows(self, provider: str, model: str) -> bool:
        """Whether the price of `model` is known."""
        try:
            self.require(provider, model)
        except ConfigurationError:
            return False
        return True

    def token_price(self, provider: str, model: str, unit: TokenUnit, *, question_tokens: int = 0) -> UnitPrice:
        """USD for one token. `question_tokens` is the size of the request: some models cost more above a size.

        A cached token without a price of its own costs as much as an uncached one. Raises: ConfigurationError.
        """
        listed = self._listed(provider, model, unit)
        if listed is None and unit == "cached_input_token":
            listed = self._listed(provider, model, "input_token")
        if listed is not None:
            return listed
        # Imported only where a model is paid for: it takes a second.
        from cira_pipeline.costs import published

        usd = published.published_price(provider, model, unit, question_tokens=question_tokens, at=self._now())
        if usd is not None:
            return UnitPrice(usd, published.VERSION)
        raise ConfigurationError(
            f"no price is known for {unit} of model {model!r} at {provider!r}: name the deployment's model in "
            f"CIRA_AZURE_OPENAI_MODEL, or its price in the file CIRA_PRICE_LIST",
            provider=provider,
            model=model,
            unit=unit,
        )

    def batch_price(self, provider: str, model: str, unit: TokenUnit, *, question_tokens: int = 0) -> UnitPrice:
        """USD for one token of a model batch: as listed for batches, else the usual price less the discount.

        Where no list states a discount, the usual price: no discount is assumed. Raises as `token_price`.
        """
        listed = self._listed(provider, model, f"{BATCH}{unit}")
        if listed is None and unit == "cached_input_token":
            listed = self._listed(provider, model, f"{BATCH}input_token")
        if listed is not None:
            return listed
        usual = self.token_price(provider, model, unit, question_tokens=question_tokens)
        today = self._now().date()
        for file in self._files:
            discount = file.batch_discount(provider, model, today)
            if discount is not None:
                percent = f"{(100 * discount.share).normalize():f}"
                return UnitPrice(
                    usual.usd * (1 - discount.share), f"{usual.price_list}, -{percent} % by {file.version}"
                )
        return usual

    def _listed(self, provider: str, model: str, unit: str) -> UnitPrice | None:
        today = self._now().date()
        for file in self._files:
            price = file.find(provider, model, unit, today)
            if price is not None:
                return UnitPrice(price.unit_price_usd, file.version)
        return None

    def _own_work(
        self, stage: Stage, provider: str, model: str, unit: str, quantity: Decimal, key: str
    ) -> tuple[CostEntry, ...]:
        price = self._listed(provider, model, unit)
        if price is None or not quantity:
            return ()
        return (_entry(stage, provider, model, unit, quantity, price, key),)


def _entry(
    stage: Stage, provider: str, model: str, unit: str, quantity: Decimal, price: UnitPrice, dedupe_key: str
) -> CostEntry:
    return CostEntry(
        stage=stage,
        provider=provider,
        model=model,
        unit=unit,
        quantity=quantity,
        unit_price_usd=price.usd,
        amount_usd=quantity * price.usd,
        price_list=price.price_list,
        dedupe_key=dedupe_key,
    )
