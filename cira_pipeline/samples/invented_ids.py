"""Invents tax ids, accounts and payment references with valid check digits, from ranges that no company has where
such ranges exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from schwifty import IBAN
from stdnum import luhn
from stdnum.au import abn
from stdnum.ca import bn
from stdnum.ch import esr, uid
from stdnum.es import dni
from stdnum.in_ import gstin
from stdnum.us import ein, rtn

from cira_pipeline.samples.catalogue import Party, Supplier

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"


@dataclass(frozen=True)
class Account:
    """An account as printed: `routing` is the code of the bank, if the scheme has one."""

    scheme: str
    account: str
    routing: str = ""
    bic: str = ""
    bank: str = ""
    name: str = ""


def drawn(random: Random, pattern: str) -> str:
    """`#` becomes a digit, the first of a number never 0; `@` a letter."""
    text = re.sub(r"(?<![\d#+])#", lambda _: str(random.randint(1, 9)), pattern)
    text = re.sub("#", lambda _: str(random.randint(0, 9)), text)
    return re.sub("@", lambda _: random.choice(_CONSONANTS), text)


def grouped(digits: str, *lengths: int) -> str:
    """`digits` in groups of these lengths, the rest last."""
    groups, start = [], 0
    for length in lengths:
        groups.append(digits[start : start + length])
        start += length
    return " ".join(group for group in (*groups, digits[start:]) if group)


IdMaker = Callable[[Random, Party, Mapping[str, str], Mapping[str, str]], str]
"""Random numbers, the party, codes of regions, and the ids made before by scheme -> the id as printed."""


def _vat_id(_random: Random, party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    return party.vat_id


def _ein(random: Random, _party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    number = next(each for each in _endless(random, "#########") if ein.is_valid(each))
    return f"{number[:2]}-{number[2:]}"


def _gstin(random: Random, party: Party, codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    # The fourth letter says company; no surname begins with ZZ, which the others would abbreviate.
    body = f"{codes[party.region]}{drawn(random, 'ZZ@C@####@')}1Z"
    return next(f"{body}{digit}" for digit in _ALPHABET if gstin.is_valid(f"{body}{digit}"))


def _pan(_random: Random, _party: Party, _codes: Mapping[str, str], made: Mapping[str, str]) -> str:
    return made["GSTIN"][2:12]


def _abn(random: Random, _party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    body = drawn(random, "#########")
    return grouped(f"{abn.calc_check_digits(body)}{body}", 2, 3, 3)


def _gst_hst(random: Random, _party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    number = next(each for each in _endless(random, "#########") if bn.is_valid(each))
    return f"{grouped(number, 5)} RT0001" if random.random() < 0.4 else f"{number} RT0001"


def _qst(random: Random, _party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    return drawn(random, "10######## TQ0001")


def _pst(random: Random, _party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    return drawn(random, "PST-1###-####")


def _uid(random: Random, _party: Party, _codes: Mapping[str, str], made: Mapping[str, str]) -> str:
    if "VAT" in made:
        return made["VAT"].rsplit(" ", 1)[0]
    for body in _endless(random, "########"):
        digit = uid.calc_check_digit(body)
        if uid.is_valid(f"CHE{body}{digit}"):
            break
    return f"CHE-{body[:3]}.{body[3:6]}.{body[6:]}{digit}"


def _uid_mwst(random: Random, party: Party, codes: Mapping[str, str], made: Mapping[str, str]) -> str:
    return f"{_uid(random, party, codes, made)} MWST"


def _cif(_random: Random, party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    return party.vat_id.removeprefix("ES")


def _dni(random: Random, _party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    # Numbers are given out upwards and have not come near this one.
    body = drawn(random, "99######")
    return f"{body}{dni.calc_check_digit(body)}"


def _orgnr(_random: Random, party: Party, _codes: Mapping[str, str], _made: Mapping[str, str]) -> str:
    digits = party.vat_id[2:12]
    return f"{digits[:6]}-{digits[6:]}"


ID_MAKERS: Mapping[str, IdMaker] = {
    "vat_id": _vat_id,
    "ein": _ein,
    "gstin": _gstin,
    "pan": _pan,
    "abn": _abn,
    "gst_hst": _gst_hst,
    "qst": _qst,
    "pst": _pst,
    "uid": _uid,
    "uid_mwst": _uid_mwst,
    "cif": _cif,
    "dni": _dni,
    "orgnr": _orgnr,
}

AccountMaker = Callable[[Random, Supplier, tuple[str, str]], Account]
"""Random numbers, the supplier, and name and code of a bank -> an account of the supplier."""


def _iban(_random: Random, supplier: Supplier, _bank: tuple[str, str]) -> Account:
    return Account("IBAN", supplier.iban, bic=supplier.bic, bank=supplier.bank)


def _aba(random: Random, supplier: Supplier, bank: tuple[str, str]) -> Account:
    # The institution numbers that begin with 99 belong to no bank.
    routing = f"{random.randint(1, 12):02}{_digits(random, 2)}99{random.randint(10, 99)}"
    return Account(
        "ABA",
        drawn(random, random.choice(("##########", "############"))),
        f"{routing}{rtn.calc_check_digit(routing)}",
        bic=f"{bank[1]}US33" if random.random() < 0.3 else "",
        bank=bank[0],
        name=supplier.name,
    )


def _sort_code(_random: Random, supplier: Supplier, _bank: tuple[str, str]) -> Account:
    iban = IBAN(supplier.iban)
    code = iban.branch_code
    return Account(
        "SORT_CODE",
        iban.account_code,
        f"{code[:2]}-{code[2:4]}-{code[4:]}",
        bank=supplier.bank,
        name=supplier.name,
    )


def _ifsc(random: Random, supplier: Supplier, bank: tuple[str, str]) -> Account:
    account = drawn(random, random.choice(("##############", "###########")))
    return Account("IFSC", account, f"{bank[1]}0{random.randint(1, 9999):06}", bank=bank[0], name=supplier.name)


def _bsb(random: Random, supplier: Supplier, bank: tuple[str, str]) -> Account:
    digits = f"{bank[1]}{random.randint(0, 999):03}"
    account = drawn(random, random.choice(("########", "#########", "######")))
    return Account("BSB", account, f"{digits[:3]}-{digits[3:]}", bank=bank[0], name=supplier.name)


def _bpay(random: Random, _supplier: Supplier, _bank: tuple[str, str]) -> Account:
    return Account("BPAY", drawn(random, random.choice(("######", "####"))))


def _transit(random: Random, supplier: Supplier, bank: tuple[str, str]) -> Account:
    transit = f"{random.randint(100, 99999):05}"
    return Account("TRANSIT", drawn(random, "#######"), f"{transit}-{bank[1]}", bank=bank[0], name=supplier.name)


def _qr_iban(random: Random, supplier: Supplier, _bank: tuple[str, str]) -> Account:
    # Institutions 30000 to 31999 are kept for accounts that are paid with a QR reference.
    iban = IBAN.generate("CH", f"{random.randint(30_000, 31_999)}", drawn(random, "############"))
    return Account("IBAN", str(iban), name=supplier.name)


def _bankgiro(random: Random, supplier: Supplier, _bank: tuple[str, str]) -> Account:
    number = _with_luhn(drawn(random, random.choice(("######", "#######"))))
    return Account("BANKGIRO", f"{number[:-4]}-{number[-4:]}", name=supplier.name)


def _plusgiro(random: Random, supplier: Supplier, _bank: tuple[str, str]) -> Account:
    number = _with_luhn(drawn(random, "######"))
    return Account("PLUSGIRO", f"{number[:2]} {number[2:4]} {number[4:-1]}-{number[-1]}", name=supplier.name)


ACCOUNT_MAKERS: Mapping[str, AccountMaker] = {
    "iban": _iban,
    "aba": _aba,
    "sort_code": _sort_code,
    "ifsc": _ifsc,
    "bsb": _bsb,
    "bpay": _bpay,
    "transit": _transit,
    "qr_iban": _qr_iban,
    "bankgiro": _bankgiro,
    "plusgiro": _plusgiro,
}


def _qr_reference(random: Random, number: str) -> str:
    body = f"{_digits(random, 26 - len(_only_digits(number)))}{_only_digits(number)}"
    return grouped(f"{body}{esr.calc_check_digit(body)}", 2, 5, 5, 5, 5)


def _ocr(random: Random, number: str) -> str:
    """Luhn, with the length as the digit before the check digit."""
    body = f"{_only_digits(number)}{_digits(random, 3)}"
    return _with_luhn(f"{body}{(len(body) + 2) % 10}")


def _crn(random: Random, number: str) -> str:
    return grouped(_with_luhn(f"{_digits(random, 4)}{_only_digits(number)[:6]}"), 4, 4)


REFERENCE_MAKERS: Mapping[str, Callable[[Random, str], str]] = {
    "qr_reference": _qr_reference,
    "ocr": _ocr,
    "crn": _crn,
}
"""Random numbers and the invoice number -> the payment reference as printed."""


def _with_luhn(body: str) -> str:
    return f"{body}{luhn.calc_check_digit(body)}"


def _digits(random: Random, count: int) -> str:
    return "".join(str(random.randint(1 if not index else 0, 9)) for index in range(count))


def _only_digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _endless(random: Random, pattern: str) -> Iterator[str]:
    while True:
        yield drawn(random, pattern)
