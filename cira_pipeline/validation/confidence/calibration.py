"""Calibrated confidence: the probability that an extracted value is correct.

A logistic regression with few terms, each with a fixed sign: a cross-check that holds never lowers a confidence, and a
doubt never raises one. The weights are data (calibration.json), fitted by `cira calibrate` on labelled documents;
docs/accuracy.md shows how they perform on suppliers they were not fitted on. Values of e-invoice XML are parsed, not
read: their confidences stay as they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import HEADER_FIELDS, TERMS, HeaderField
from cira_pipeline.validation.confidence.features import ConfidenceFeatures

_GROUP_OF_KIND: Final[Mapping[FieldKind, str]] = {
    FieldKind.NAME: "party",
    FieldKind.ADDRESS: "party",
    FieldKind.TEXT: "party",
    FieldKind.COUNTRY: "party",
    FieldKind.TAX_ID: "identifier",
    FieldKind.CODE: "reference",
    FieldKind.RATE: "amount",
}
GROUPS: Final[Mapping[HeaderField, str]] = MappingProxyType(
    {name: _GROUP_OF_KIND.get(TERMS[name].kind, TERMS[name].kind.value) for name in HEADER_FIELDS}
)
"""Header field -> group of fields that are found in the same way, and so have the same causes of error."""

DIRECTIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "engine_confidence": 1,
        "ocr_doubt": -1,
        "proofs": 1,
        "unproved": -1,
        "check_digits_hold": 1,
        "check_digits_fail": -1,
        "own_domain": 1,
        "other_domain": -1,
        "repeated": 1,
        "rival": -1,
        "other_name": -1,
        "agreed": 1,
        "remembered": 1,
        "contradicted": -1,
        "doubts": -1,
    }
)
"""The terms besides group and engine, and the sign of each weight; these are the keys of calibration.json."""

_EXTREME: Final = 0.02
_MOST_REMEMBERED: Final = 3
# Terms that labelled files alone cannot show: a calibration without them gives them no weight.
_FROM_MEMORY: Final = frozenset({"remembered"})


@dataclass(frozen=True)
class Calibration:
    """Parameters of the regression: `intercepts` by group, `engines` by engine, `weights` by term of `DIRECTIONS`.

    The level of the offline engine is 0. `accept_confidence` (0 to 1): the threshold that kept accepted records
    correct in cross-validation. `about`: what it was fitted on, when, and its measured quality.
    """

    intercepts: Mapping[str, float]
    engines: Mapping[str, float]
    weights: Mapping[str, float]
    accept_confidence: float
    about: Mapping[str, Any]

    def confidence(self, name: HeaderField, features: ConfidenceFeatures) -> float:
        """The probability, 0 to 1, that the value of field `name` is correct."""
        if not features.engine.reads_page:
            return features.engine_confidence
        score = self.intercepts[GROUPS[name]] + self.engines.get(features.engine, 0.0)
        score += sum(self.weights.get(term, 0.0) * value for term, value in terms_of(name, features).items())
        return 1 / (1 + math.exp(-score))


def terms_of(name: HeaderField, features: ConfidenceFeatures) -> Mapping[str, float]:
    """Term of `DIRECTIONS` -> its value for one field."""
    amount = GROUPS[name] == "amount"
    certain = min(max(features.engine_confidence, _EXTREME), 1 - _EXTREME)
    return {
        "engine_confidence": math.log(certain / (1 - certain)),
        "ocr_doubt": 0.0 if features.ocr_confidence is None else 1 - features.ocr_confidence,
        "proofs": min(features.cross_checks, 2) if amount else 0.0,
        "unproved": float(amount and not features.cross_checks),
        "check_digits_hold": float(features.check_digits is True),
        "check_digits_fail": float(features.check_digits is False),
        "own_domain": float(features.own_domain is True),
        "other_domain": float(features.own_domain is False),
        "repeated": float(features.repeated),
        "rival": float(features.rival),
        "other_name": float(features.other_name),
        "agreed": float(features.agreed),
        "remembered": min(features.remembered, _MOST_REMEMBERED),
        "contradicted": float(features.contradicted),
        "doubts": min(features.doubts, 2),
    }


def parse_calibration(text: str) -> Calibration:
    """A calibration from the JSON that `cira calibrate` writes.

    Raises: ValueError when a group or term is unknown or missing.
    """
    stored = json.loads(text)
    weights, intercepts = stored["weights"], stored["intercepts"]
    if set(weights) | _FROM_MEMORY != set(DIRECTIONS) or set(intercepts) != {GROUPS[name] for name in HEADER_FIELDS}:
        raise ValueError(
            "the calibration was made by another version: its terms or groups differ; run `cira calibrate` again"
        )
    return Calibration(
        intercepts=intercepts,
        engines=stored["engines"],
        weights=weights,
        accept_confidence=stored["accept_confidence"],
        about=stored["about"],
    )


@cache
def shipped_calibration() -> Calibration:
    """The calibration that is part of this version."""
    return parse_calibration(
        files("cira_pipeline.validation.confidence").joinpath("calibration.json").read_text("utf-8")
    )
