"""Fits the confidence calibration, with cross-validation by supplier.

Penalised maximum likelihood: logistic loss plus a ridge penalty that shrinks each group and engine towards the common
level and each weight towards zero, with the sign of every weight bounded. The penalty is about the weight of a handful
of documents, so that a group without any observed error does not get the confidence 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from scipy.optimize import minimize

from cira_pipeline.invoice import HeaderField
from cira_pipeline.models import EngineName
from cira_pipeline.validation.confidence.calibration import (
    DIRECTIONS,
    GROUPS,
    Calibration,
    shipped_calibration,
    terms_of,
)
from cira_pipeline.validation.confidence.features import ConfidenceFeatures

_GROUP_NAMES: Final = tuple(sorted(set(GROUPS.values())))
# The level of the offline engine is 0, so it has no parameter.
_ENGINES: Final = tuple(name for name in EngineName if name.reads_page and name is not EngineName.OFFLINE)
_TERMS: Final = tuple(DIRECTIONS)
_RIDGE: Final = 1.0

Source = Literal["real", "generated", "lossy"]
"""`generated` documents are easier than real ones, `lossy` readings (words removed) harder: the fit has a separate
level for each source, and the calibration keeps the level of real documents."""
_NUISANCES: Final[tuple[Source, ...]] = ("generated", "lossy")


@dataclass(frozen=True)
class Observation:
    """One value and whether it was correct. `supplier`: the group of cross-validation; `document`: any id."""

    name: HeaderField
    features: ConfidenceFeatures
    right: bool
    supplier: str
    document: str
    source: Source = "real"


def fit(observations: Sequence[Observation]) -> Calibration:
    """The calibration of maximum likelihood for `observations`. The caller sets `accept_confidence` and `about`.

    A term that no observation shows keeps its shipped weight, such as the supplier memory's on labelled files alone.

    Raises: ValueError when all values were correct or all were wrong.
    """
    design, right = _design(observations)
    found = _calibration(_fitted(design, right, _RIDGE))
    shown = design[:, -len(_TERMS) :].any(axis=0)
    unseen = {
        term: weight
        for term, seen in zip(_TERMS, shown, strict=True)
        if not seen and (weight := shipped_calibration().weights.get(term)) is not None
    }
    return replace(found, weights={**found.weights, **unseen})


def fit_without_each_supplier(observations: Sequence[Observation], *, folds: int = 0) -> Mapping[str, Calibration]:
    """Supplier -> a calibration fitted without its documents (grouped cross-validation).

    `folds`: number of parts into which the suppliers are split; 0 leaves out one supplier at a time.
    """
    design, right = _design(observations)
    part_of = _parts(observations, folds)
    parts = np.array([part_of[each.supplier] for each in observations])
    by_part = {
        part: _calibration(_fitted(design[parts != part], right[parts != part], _RIDGE))
        for part in set(part_of.values())
    }
    return {supplier: by_part[part] for supplier, part in part_of.items()}


def _fitted(design: Any, right: Any, ridge: float) -> list[float]:
    if not len(right) or right.all() or not right.any():
        raise ValueError("a calibration needs values that were right and values that were wrong: label more documents")
    levels = design.shape[1] - len(_TERMS)
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0

    def loss(parameters: Any) -> tuple[float, Any]:
        score = design @ parameters
        value = np.sum(np.logaddexp(0, score) - right * score) + 0.5 * np.sum(penalty * parameters**2)
        slope = design.T @ (1 / (1 + np.exp(-score)) - right) + penalty * parameters
        return float(value), slope

    bounds: list[tuple[int | None, int | None]] = [(None, None)] * levels
    bounds += [(0, None) if DIRECTIONS[term] > 0 else (None, 0) for term in _TERMS]
    found = minimize(loss, np.zeros(design.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B")
    return [round(float(value), 4) + 0.0 for value in found.x]


def _calibration(parameters: list[float]) -> Calibration:
    """The calibration for real documents: without the levels of generated and lossy ones."""
    overall, rest = parameters[0], parameters[1 + len(_NUISANCES) :]
    groups, rest = rest[: len(_GROUP_NAMES)], rest[len(_GROUP_NAMES) :]
    return Calibration(
        intercepts={name: round(overall + value, 4) for name, value in zip(_GROUP_NAMES, groups, strict=True)},
        engines={str(name): value for name, value in zip(_ENGINES, rest[: len(_ENGINES)], strict=True)},
        weights=dict(zip(_TERMS, rest[len(_ENGINES) :], strict=True)),
        accept_confidence=0.5,
        about={},
    )


def _design(observations: Sequence[Observation]) -> tuple[Any, Any]:
    rows = np.array([_row(each) for each in observations], dtype=float)
    return rows, np.array([each.right for each in observations], dtype=float)


def _parts(observations: Iterable[Observation], folds: int) -> Mapping[str, int]:
    """Supplier -> part: those with most values first, each to the part with the fewest values so far."""
    sizes: dict[str, int] = {}
    for each in observations:
        sizes[each.supplier] = sizes.get(each.supplier, 0) + 1
    if not folds:
        return {supplier: index for index, supplier in enumerate(sorted(sizes))}
    filled = [0] * folds
    part_of = {}
    for supplier in sorted(sizes, key=lambda name: (-sizes[name], name)):
        part = filled.index(min(filled))
        part_of[supplier] = part
        filled[part] += sizes[supplier]
    return part_of


def _row(observation: Observation) -> list[float]:
    group, terms = GROUPS[observation.name], terms_of(observation.name, observation.features)
    return [
        1.0,
        *(float(observation.source == name) for name in _NUISANCES),
        *(float(group == name) for name in _GROUP_NAMES),
        *(float(observation.features.engine is name) for name in _ENGINES),
        *(terms[term] for term in _TERMS),
    ]
