"""Bank accounts other than IBANs: routing codes and account numbers as they are printed, with their check digits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stdnum import bic, luhn
from stdnum.ar import cbu
from stdnum.ch import esr
from stdnum.cz import bankaccount as cz_account
from stdnum.no import kontonr
from stdnum.nz import bankaccount as nz_account
from stdnum.us import rtn

Check = Callable[[str], bool]


def is_routing_number(value: str) -> bool:
    """ABA routing number of the United States: nine digits, the last one a check digit."""
    return bool(rtn.is_valid(value)) and value.strip("0") != ""


def is_clabe(value: str) -> bool:
    """Mexico's CLABE: 18 digits, weights 3, 7, 1, each product modulo 10."""
    if not re.fullmatch(r"\d{18}", value):
        return False
    total = sum(int(digit) * (3, 7, 1)[index % 3] % 10 for index, digit in enumerate(value[:17]))
    return -total % 10 == int(value[17])


def is_giro(value: str) -> bool:
    """Sweden's Bankgiro and Plusgiro: modulo 10."""
    return 2 <= len(value) <= 8 and value.isdigit() and bool(luhn.is_valid(value))


def is_postal_account(value: str) -> bool:
    """Swiss postal account `01-162-8`: two, up to six and one digit; modulo 10, recursive."""
    match = re.fullmatch(r"(\d{2})-(\d{1,6})-(\d)", value)
    if match is None:
        return False
    digits = match.group(1) + match.group(2).zfill(6)
    return bool(esr.calc_check_digit(digits) == match.group(3))


def is_bic(value: str) -> bool:
    """ISO 9362: four letters, a country, two or five characters."""
    return bool(bic.is_valid(value))


def is_kontonummer(value: str) -> bool:
    """Norway's account: eleven digits, modulo 11."""
    return bool(kontonr.is_valid(value)) and len(value) == 11


def is_nz_account(value: str) -> bool:
    """New Zealand's account: bank, branch, base and suffix."""
    return bool(nz_account.is_valid(value))


def is_cz_account(value: str) -> bool:
    """Czech account `19-2000145399/0800`."""
    return bool(cz_account.is_valid(value))


def is_cbu(value: str) -> bool:
    """Argentina's CBU: 22 digits."""
    return bool(cbu.is_valid(value))


@dataclass(frozen=True)
class RoutedForm:
    """An account with the routing code of its bank. `routing`, `account`: forms as printed; `check`: of the code."""

    scheme: str
    label: str
    routing: re.Pattern[str]
    account: re.Pattern[str]
    check: Check | None = None


@dataclass(frozen=True)
class PlainForm:
    """An account that its own check digits give away. `label`: concept of its label; `languages`: those of the label,
    empty for any."""

    scheme: str
    label: str
    account: re.Pattern[str]
    check: Check
    languages: frozenset[str] = frozenset()


_NO_MORE = r"(?![^\W_])(?![-/.]\d)"

ROUTED: Final = (
    RoutedForm("ABA", "aba", re.compile(r"\d{9}" + _NO_MORE), re.compile(r"\d(?:[ -]?\d){3,16}"), is_routing_number),
    RoutedForm(
        "SORT_CODE", "sort_code", re.compile(r"\d{2}([- ]?)\d{2}\1\d{2}(?![^\W_])"), re.compile(r"\d(?: ?\d){6,9}")
    ),
    RoutedForm("BSB", "bsb", re.compile(r"\d{3}[- –]?\d{3}(?![^\W_])"), re.compile(r"\d(?:[ -]?\d){4,9}")),
    RoutedForm("IFSC", "ifsc", re.compile(r"[A-Z]{4} ?0[A-Z0-9]{6}" + _NO_MORE), re.compile(r"\d(?:[ -]?\d){7,17}")),
    RoutedForm(
        "BRANCH_CODE", "branch_code", re.compile(r"\d{2} ?\d{2} ?\d{2}" + _NO_MORE), re.compile(r"\d(?: ?\d){6,11}")
    ),
    RoutedForm("BLZ", "blz", re.compile(r"\d{3} ?\d{3} ?\d{2}" + _NO_MORE), re.compile(r"\d(?: ?\d){3,9}")),
    RoutedForm("REG_KONTO", "reg_nr", re.compile(r"\d{4}(?!\d)"), re.compile(r"\d(?: ?\d){5,9}")),
)
PLAIN: Final = (
    PlainForm("CLABE", "clabe", re.compile(r"\d{3} ?\d{3} ?\d{11} ?\d" + _NO_MORE), is_clabe),
    PlainForm("CBU", "cbu", re.compile(r"\d{8} ?\d{14}" + _NO_MORE), is_cbu),
    PlainForm("BANKGIRO", "bankgiro", re.compile(r"\d{3,4}[- –]?\d{4}" + _NO_MORE), is_giro),
    PlainForm("PLUSGIRO", "plusgiro", re.compile(r"\d{1,3}(?: ?\d{2}){0,3} ?[-–] ?\d" + _NO_MORE), is_giro),
    PlainForm("POSTAL", "postal_account", re.compile(r"\d{2}-\d{1,6}-\d" + _NO_MORE), is_postal_account),
    PlainForm(
        "KONTONUMMER",
        "account_number",
        re.compile(r"\d{4}[. ]?\d{2}[. ]?\d{5}" + _NO_MORE),
        is_kontonummer,
        frozenset({"nb"}),
    ),
    PlainForm(
        "NZ_ACCOUNT",
        "account_number",
        re.compile(r"\d{2}[- ]\d{4}[- ]\d{7}[- ]\d{2,3}" + _NO_MORE),
        is_nz_account,
        frozenset({"en"}),
    ),
    PlainForm(
        "CZ_ACCOUNT",
        "account_number",
        re.compile(r"(?:\d{1,6}-)?\d{2,10} ?/ ?\d{4}" + _NO_MORE),
        is_cz_account,
        frozenset({"cs"}),
    ),
)
