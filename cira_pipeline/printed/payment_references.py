"""Structured payment references and their check digits: ISO 11649, Swiss QR, KID, OCR, viitenumero, FIK and others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from stdnum import iso11649, luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr
from stdnum.iso7064 import mod_97_10

_WEIGHTS_OF_KID: Final = (2, 3, 4, 5, 6, 7)
_WEIGHTS_OF_VIITE: Final = (7, 3, 1)


def is_creditor_reference(value: str) -> bool:
    """ISO 11649: `RF18539007547034`."""
    return bool(iso11649.is_valid(value))


def is_qr_reference(value: str) -> bool:
    """27 digits of a Swiss QR-bill, or of the payment slip before it: modulo 10, recursive."""
    return len(value) == 27 and value.isdigit() and bool(esr.is_valid(value)) and value.strip("0") != ""


def is_structured_communication(value: str) -> bool:
    """12 digits of Belgium's `+++090/9337/55493+++`: modulo 97."""
    return len(value) == 12 and bool(ogm_vcs.is_valid(value))


def is_kid(value: str) -> bool:
    """Norway's KID, 2 to 25 digits: modulo 10, or modulo 11 with a dash for 10."""
    if not re.fullmatch(r"\d{1,24}[\d-]", value):
        return False
    return (value.isdigit() and is_luhn(value)) or value[-1] == _modulo_11(value[:-1])


def _modulo_11(digits: str) -> str:
    total = sum(
        int(digit) * _WEIGHTS_OF_KID[index % len(_WEIGHTS_OF_KID)] for index, digit in enumerate(reversed(digits))
    )
    rest = -total % 11
    return "-" if rest == 10 else str(rest)


def is_luhn(value: str) -> bool:
    """Sweden's OCR number, Denmark's FIK reference: modulo 10."""
    return len(value) > 1 and value.isdigit() and bool(luhn.is_valid(value))


def is_viitenumero(value: str) -> bool:
    """Finland's and Estonia's reference, 4 to 20 digits: weights 7, 3, 1."""
    if not re.fullmatch(r"\d{4,20}", value):
        return False
    total = sum(int(digit) * _WEIGHTS_OF_VIITE[index % 3] for index, digit in enumerate(reversed(value[:-1])))
    return -total % 10 == int(value[-1])


def is_model_reference(value: str) -> bool:
    """Slovenia's `SI12 ...` and Croatia's `HR01 ...`: the model, then up to three numbers of 22 places."""
    match = re.fullmatch(r"(?:SI|HR)(\d\d)(\d[\d-]{0,21})?", value)
    if match is None or not match.group(2):
        return match is not None and match.group(1) == "99"
    model, rest = match.groups()
    if value.startswith("SI") and model == "12":
        digits = rest.replace("-", "")
        total = sum(int(digit) * (index + 2) for index, digit in enumerate(reversed(digits[:-1])))
        return -total % 11 % 10 == int(digits[-1]) if len(digits) > 1 else False
    if value.startswith("HR") and model == "97":
        return bool(mod_97_10.is_valid(rest.replace("-", "")))
    return True


SELF_CHECKING: Final[tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]] = (
    (re.compile(r"(?i)RF ?\d{2}(?: ?[0-9A-Z]){1,21}(?![^\W_])"), is_creditor_reference),
    (re.compile(r"\d{2}(?: ?\d{5}){5}(?!\d)"), is_qr_reference),
    (re.compile(r"[+*]{3} ?\d{3} ?/ ?\d{4} ?/ ?\d{5} ?[+*]{3}"), is_structured_communication),
    (re.compile(r"\d{3}/\d{4}/\d{5}(?![^\W_])"), is_structured_communication),
    (re.compile(r"(?:SI|HR) ?\d\d(?: ?\d[\d-]*)?(?![^\W_])"), is_model_reference),
)
"""References that their form and check digits give away beside any label of a reference: form as printed, check."""

CHECKS_BY_LANGUAGE: Final[dict[str, Callable[[str], bool]]] = {
    "nb": is_kid,
    "sv": is_luhn,
    "da": is_luhn,
    "fi": is_viitenumero,
    "et": is_viitenumero,
}
"""The national reference that a label of the language announces: its check of the digits."""
