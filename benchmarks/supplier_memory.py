"""Measures the benefit of the supplier memory: `python -m benchmarks.supplier_memory`.

Every supplier sends ten invoices in one layout. The offline engine reads all ten as if each were its first; then two
are confirmed, and it reads the other eight again. Rules by which suppliers are made, so that nobody chooses the easy
ones: supplier number n of seed s comes from country n of the generator's list, with layout n of the test side of the
split (shuffled by s); each of its labels is a word that no lexicon holds with a chance of 0, 0.5 or 1, in turn; it has
three customers. The confirmed ones are the first two.

The last table is the price: the same eight invoices, with two *wrong* confirmations (another code for the invoice
number, the net for the gross total), and the invoices of suppliers whose labels are usual.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

import numpy as np
from scipy.optimize import minimize_scalar

from cira_pipeline.evaluation.score import Score, score
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.extraction.offline.learn.teaching import lesson_of
from cira_pipeline.extraction.offline.memory.lesson import Lesson
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.invoice import HeaderField, Invoice
from cira_pipeline.models import Document, Extraction, Reading, Verdict
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.samples.bill import Wish, compose_bill
from cira_pipeline.samples.catalogue import words
from cira_pipeline.samples.generator import COUNTRIES, chosen_layouts
from cira_pipeline.samples.invented import invent_customer, invent_person, invent_place, invent_supplier
from cira_pipeline.samples.layout import Split
from cira_pipeline.samples.own_words import own_words
from cira_pipeline.samples.page import print_bill
from cira_pipeline.samples.paper import Wear, scanned
from cira_pipeline.samples.sample import label_of
from cira_pipeline.settings import Settings
from cira_pipeline.validation.confidence.calibration import shipped_calibration, terms_of
from cira_pipeline.validation.confidence.features import ConfidenceFeatures, confidence_features
from cira_pipeline.validation.validate import ValidationContext, findings_of, validate, validation_input_of

SHARES = (0.0, 0.5, 1.0)
INVOICES, CONFIRMED = 10, 2
_CODE = re.compile(r"[A-Z-]*\d{4,}")
_FIRST_DAY = date(2025, 1, 7)


@dataclass(frozen=True)
class Page:
    """One invoice as it was read, and what it says."""

    document: Document
    reading: Reading
    truth: Invoice


@dataclass(frozen=True)
class Series:
    """The invoices of one supplier in one layout; `share` of its labels are its own words."""

    supplier: str
    layout: str
    share: float
    pages: tuple[Page, ...]


@dataclass
class Tally:
    """Header fields and lines of several documents."""

    right: int = 0
    wrong: int = 0
    missing: int = 0
    lines_right: int = 0
    lines_all: int = 0
    accepted: int = 0
    accepted_exact: int = 0
    documents: int = 0
    wrong_fields: list[str] = field(default_factory=list)

    def add(self, found: Score, verdict: Verdict) -> None:
        self.right += len(found.right)
        self.wrong += len(found.wrong)
        self.missing += len(found.missing)
        if found.lines is not None:
            self.lines_right += 2 * found.lines.right
            self.lines_all += 2 * found.lines.right + found.lines.extra + found.lines.lost
        self.documents += 1
        self.wrong_fields += found.wrong
        if verdict is Verdict.ACCEPTED:
            self.accepted += 1
            self.accepted_exact += not found.wrong

    @property
    def header(self) -> float:
        return self.right / max(self.right + self.wrong + self.missing, 1)

    @property
    def lines(self) -> float:
        return self.lines_right / max(self.lines_all, 1)

    def __str__(self) -> str:
        return (
            f"header {self.header:6.1%}  wrong {self.wrong:3}  missing {self.missing:3}  lines F1 {self.lines:6.1%}  "
            f"accepted {self.accepted:3}/{self.documents}, of these without a wrong field {self.accepted_exact:3}"
        )


def series(seed: int, number: int, *, invoices: int = INVOICES, scans: bool = False, split: Split = "test") -> Series:
    """The ten invoices of supplier `number`; the module's docstring says by which rule."""
    random = Random(f"{seed}/memory/{number}")
    offered = chosen_layouts(split)
    Random(f"{seed}/memory/layouts").shuffle(offered)
    supplier = invent_supplier(random, COUNTRIES[number % len(COUNTRIES)])
    layout = offered[number % len(offered)].for_language(supplier.language)
    share = SHARES[(number + number // len(COUNTRIES)) % len(SHARES)]
    wording = own_words(words(supplier.language), random, share)
    customers = [invent_customer(random, supplier.country) for _ in range(3)]
    reader = LocalReader(Settings(_env_file=None))
    pages = []
    for index in range(invoices):
        bill = compose_bill(
            random,
            supplier,
            random.choice(customers),
            Wish(lines=random.choice((1, 2, 3, 4, 5, 7, 9, 14)), rates=random.choice((1, 1, 1, 2))),
            issue_date=_FIRST_DAY + timedelta(days=random.randrange(400)),
            sequence=40 + 3 * index,
            contact=invent_person(random, supplier.country),
            delivery_place=invent_place(random, supplier.country),
        )
        printed = print_bill(bill, layout, wording=wording)
        content = scanned(printed.pdf, random.randrange(2**32), wear=Wear.drawn(random)) if scans else printed.pdf
        document = recognise(content, max_pages=100, max_pixels=100_000_000)
        pages.append(Page(document, reader.read(document).reading, printed.truth))
    return Series(supplier.name, layout.id, share, tuple(pages))


def lessons_from(pages: Iterable[Page]) -> tuple[Lesson, ...]:
    """The lessons from confirming these pages in this order, newest first."""
    taught = [lesson_of(page.reading, page.truth, complete=True) for page in pages]
    return tuple(lesson for lesson in reversed(taught) if lesson is not None)


def read(page: Page, lessons: Sequence[Lesson] = ()) -> Extraction:
    engine = OfflineEngine((lambda _document, _keys: lessons) if lessons else None)
    extraction = engine.extract(page.document, page.reading)
    if extraction is None:
        raise RuntimeError("a generated page without text")
    return extraction


def judged(page: Page, lessons: Sequence[Lesson] = ()) -> tuple[Score, Verdict]:
    context = ValidationContext(today=_FIRST_DAY + timedelta(days=500), reading=page.reading)
    record = validate(read(page, lessons), context)
    return score(record.invoice, label_of(page.truth)), record.verdict


def spoilt(page: Page) -> Page:
    """A wrong confirmation: another code as invoice number, the net total as gross total."""
    truth = page.truth
    codes = [line.text for line in page.reading.lines if _CODE.fullmatch(line.text)]
    other = next((code for code in codes if code not in (truth.invoice_number, truth.supplier_vat_id)), None)
    changes = {"invoice_number": other, "gross_total": truth.net_total, "net_total": None, "tax_total": None}
    return Page(page.document, page.reading, truth.model_copy(update=changes))


def weight_of_agreement(seed: int, suppliers: int) -> tuple[float, int, int]:
    """The weight of the calibration's term `remembered` that makes what was right and wrong likeliest, all others as
    they are shipped, with the fit's own ridge; and how many values were right and wrong.

    On training layouts. Of nine readings four are with two right lessons, four with a wrong one before them, and one
    with two wrong ones.
    """
    offsets, terms, right = [], [], []
    calibration = shipped_calibration()
    for number in range(suppliers):
        made = series(seed, number, split="train")
        good, bad = lessons_from(made.pages[:2]), lessons_from([spoilt(made.pages[2])])
        wrong = lessons_from(map(spoilt, made.pages[2:4]))
        for page in made.pages[4:8]:
            for lessons in (good, (*bad, *good), *((wrong,) if page is made.pages[4] else ())):
                for name, signs in _signs(page, lessons).items():
                    expected = label_of(page.truth).get(name)
                    if signs.remembered and expected is not None:
                        confidence = calibration.confidence(name, replace(signs, remembered=0))
                        offsets.append(math.log(confidence / (1 - confidence)))
                        terms.append(terms_of(name, signs)["remembered"])
                        right.append(float(name in score(read(page, lessons).invoice, label_of(page.truth)).right))
    x, offset, y = np.array(terms), np.array(offsets), np.array(right)

    def loss(weight: float) -> float:
        z = offset + weight * x
        return float(np.sum(np.logaddexp(0, z) - y * z) + 0.5 * weight**2)

    return float(minimize_scalar(loss, bounds=(0, 5), method="bounded").x), int(y.sum()), int(len(y) - y.sum())


def _signs(page: Page, lessons: Sequence[Lesson]) -> Mapping[HeaderField, ConfidenceFeatures]:
    context = ValidationContext(today=_FIRST_DAY + timedelta(days=500), reading=page.reading)
    subject = validation_input_of(read(page, lessons), context)
    return confidence_features(subject, findings_of(subject))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suppliers", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scans", action="store_true", help="as worn scans, read by OCR: some seconds a page")
    parser.add_argument("--each", action="store_true", help="a line for each supplier, too")
    parser.add_argument("--fit", action="store_true", help="print the weight of agreement for calibration.json instead")
    options = parser.parse_args(arguments)
    if options.fit:
        weight, right_count, wrong_count = weight_of_agreement(options.seed, options.suppliers)
        print(f"remembered: {weight:.4f}, from {right_count} values that were right and {wrong_count} that were wrong")
        return 0
    tallies: dict[tuple[float, str], Tally] = {}
    seconds = {"first": 0.0, "taught": 0.0}
    for number in range(options.suppliers):
        made = series(options.seed, number, scans=options.scans)
        rest = made.pages[CONFIRMED:]
        right = lessons_from(made.pages[:CONFIRMED])
        runs = {
            "before": ((), rest),
            "after 1": (lessons_from(made.pages[:1]), rest),
            "after 2": (right, rest),
            "after 8 and 1 wrong": (
                (*lessons_from([spoilt(made.pages[8])]), *lessons_from(made.pages[:8])),
                made.pages[9:],
            ),
            "before, last": ((), made.pages[9:]),
            "2 wrong": (lessons_from(map(spoilt, made.pages[:CONFIRMED])), rest),
        }
        for name, (lessons, pages) in runs.items():
            own = Tally()
            started = time.process_time()
            for page in pages:
                outcome = judged(page, lessons)
                own.add(*outcome)
                tallies.setdefault((made.share, name), Tally()).add(*outcome)
            if name in ("before", "after 2"):
                seconds["first" if name == "before" else "taught"] += time.process_time() - started
                if options.each:
                    wrong = ", ".join(sorted(set(own.wrong_fields)))
                    print(f"{number:3} {made.layout:22} own words {made.share:4.0%}  {name:8} {own}  {wrong}")
    for share in SHARES:
        for name in ("before", "after 1", "after 2", "2 wrong", "before, last", "after 8 and 1 wrong"):
            if (share, name) in tallies:
                print(f"own words {share:4.0%}  {name:20} {tallies[share, name]}")
    print(f"CPU with memory / without: {seconds['taught'] / max(seconds['first'], 1e-9):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
