"""Reads the parties of an invoice: names, addresses, contacts, registrations and tax ids, in any syntax."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from lxml import etree

from cira_pipeline.invoice import TaxId
from cira_pipeline.syntaxes.elements import first, on_one_line
from cira_pipeline.syntaxes.field_reader import XmlFieldReader

_VAT_SCHEMES: Final = frozenset({"VA", "VAT"})
# ISO/IEC 6523 codes of registers whose number is a tax id too, with the form of the number. Either French code is used
# with either number.
_REGISTERS: Final = (
    (("0002", "0009"), re.compile(r"\d{9}"), "SIREN"),
    (("0002", "0009"), re.compile(r"\d{14}"), "SIRET"),
    (("0151",), re.compile(r"\d{11}"), "ABN"),
    (("0195",), re.compile(r"[0-9A-Z]{9,10}"), "UEN"),
)
_COUNTRY: Final = re.compile("[A-Za-z]{2}")


class StatedTaxId(NamedTuple):
    """A tax id as the XML states it. `scheme_element`: the element whose text is the scheme, if it is no attribute."""

    element: etree._Element | None
    scheme: str
    scheme_element: etree._Element | None = None

    @property
    def is_vat(self) -> bool:
        return self.scheme in _VAT_SCHEMES


@dataclass(frozen=True)
class AddressPaths:
    """Paths of the parts of a postal address below its element; `streets` in the order of reading.

    `street`: those of `streets` that are the first line, BT-35 and the like.
    """

    streets: Sequence[str]
    street: Sequence[str]
    postcode: str
    city: str
    region: str
    country: str


@dataclass(frozen=True)
class PartyElements:
    """The elements of the supplier or the customer, in any syntax; `None` where it has none."""

    name: etree._Element | None = None
    trading_name: etree._Element | None = None
    registration: etree._Element | None = None
    electronic_address: etree._Element | None = None
    contact: etree._Element | None = None
    phone: etree._Element | None = None
    email: etree._Element | None = None
    address: etree._Element | None = None
    tax_ids: Sequence[StatedTaxId] = field(default_factory=tuple)


def read_party(prefix: str, party: PartyElements, paths: AddressPaths, reader: XmlFieldReader) -> dict[str, Any]:
    """The fields of the party `prefix` (`supplier`, `customer`) by name."""
    texts = ("name", "trading_name", "registration", "electronic_address", "contact", "phone", "email")
    fields: dict[str, Any] = {
        f"{prefix}_{name}": reader.text(f"{prefix}_{name}", getattr(party, name)) for name in texts
    }
    return fields | _address_parts(prefix, party.address, paths, reader) | _tax_ids(prefix, party, reader)


def read_address(field: str, address: etree._Element | None, paths: AddressPaths, reader: XmlFieldReader) -> str | None:
    """A postal address on one line: streets, then postcode and city, then region, then country code."""
    streets = [first(address, path) for path in paths.streets]
    town = [first(address, paths.postcode), first(address, paths.city)]
    rest = [first(address, paths.region), first(address, paths.country)]
    line = [*map(on_one_line, streets), " ".join(filter(None, map(on_one_line, town))), *map(on_one_line, rest)]
    return reader.composed(field, address, (*streets, *town, *rest), ", ".join(filter(None, line)))


def read_country_code(field: str, country: etree._Element | None, reader: XmlFieldReader) -> str | None:
    """The country code in capitals, where the XML states two letters."""
    code = on_one_line(country)
    return reader.derived(field, country, code.upper()) if _COUNTRY.fullmatch(code) else None


def _address_parts(
    prefix: str, address: etree._Element | None, paths: AddressPaths, reader: XmlFieldReader
) -> dict[str, str | None]:
    return {
        f"{prefix}_address": read_address(f"{prefix}_address", address, paths, reader),
        f"{prefix}_street": reader.joined(f"{prefix}_street", (first(address, path) for path in paths.street), " "),
        f"{prefix}_postcode": reader.text(f"{prefix}_postcode", first(address, paths.postcode)),
        f"{prefix}_city": reader.text(f"{prefix}_city", first(address, paths.city)),
        f"{prefix}_region": reader.text(f"{prefix}_region", first(address, paths.region)),
        f"{prefix}_country": read_country_code(f"{prefix}_country", first(address, paths.country), reader),
    }


def _tax_ids(prefix: str, party: PartyElements, reader: XmlFieldReader) -> dict[str, Any]:
    """The VAT id, the first tax id of another scheme, and the list of all.

    BT-32 and national ids need a digit: some countries prescribe a word in their place, such as "Foretaksregisteret".
    """
    rows: list[TaxId] = []
    vat_id = tax_id = None
    for stated in party.tax_ids:
        if not (stated.is_vat or _has_digit(stated.element)):
            continue
        if stated.is_vat:
            vat_id = vat_id or reader.text(f"{prefix}_vat_id", stated.element)
        else:
            tax_id = tax_id or reader.text(f"{prefix}_tax_id", stated.element)
        _add_row(rows, prefix, stated, reader)
    register = _register(party.registration)
    if register is not None:
        _add_row(rows, prefix, StatedTaxId(party.registration, register), reader, register=True)
    return {f"{prefix}_vat_id": vat_id, f"{prefix}_tax_id": tax_id, f"{prefix}_tax_ids": tuple(rows)}


def _register(registration: etree._Element | None) -> str | None:
    """The scheme of a registration number that is a tax id too."""
    if registration is None:
        return None
    code, number = registration.get("schemeID"), on_one_line(registration).replace(" ", "")
    return next((scheme for codes, form, scheme in _REGISTERS if code in codes and form.fullmatch(number)), None)


def _add_row(
    rows: list[TaxId], prefix: str, stated: StatedTaxId, reader: XmlFieldReader, *, register: bool = False
) -> None:
    path = f"{prefix}_tax_ids[{len(rows)}]"
    value = reader.text(f"{path}.value", stated.element)
    if value is None:
        return
    scheme = "VAT" if stated.is_vat else stated.scheme
    known = bool(re.search("[A-Za-z]", scheme))
    if known and not register:
        reader.used_attribute(stated.element, "schemeID")
        reader.used(stated.scheme_element)
    rows.append(TaxId(scheme=scheme if known else None, value=value))


def first_vat_id(tax_ids: Iterable[StatedTaxId], field: str, reader: XmlFieldReader) -> str | None:
    """The VAT id of a party that has no other tax ids, such as the tax representative (BT-63)."""
    stated = next((each for each in tax_ids if each.is_vat), None)
    if stated is None:
        return None
    reader.used_attribute(stated.element, "schemeID")
    reader.used(stated.scheme_element)
    return reader.text(field, stated.element)


def _has_digit(element: etree._Element | None) -> bool:
    return any(map(str.isdigit, on_one_line(element)))
