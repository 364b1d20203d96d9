"""Forms of tax ids as they are printed, by scheme, with their check digits (python-stdnum)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Final

from stdnum import luhn

VAT: Final = "VAT"
OTHER: Final = "TIN"
"""Scheme of a tax id that is labelled as such, of which neither label nor form says which one it is."""


@dataclass(frozen=True)
class TaxIdForm:
    """A form in which a scheme's ids are printed. `module` is python-stdnum's, empty where it has none.

    `country` is that of ISO 3166-1, empty for a scheme of several. `skipped`: leading letters that the module does not
    know.
    """

    scheme: str
    country: str
    printed: re.Pattern[str]
    module: str
    skipped: int = 0

    def holds(self, value: str) -> bool | None:
        """Whether python-stdnum accepts the compact `value`; `None` where it has no rule for the scheme."""
        return _holds(self.module, value[self.skipped :]) if self.module else None


_VAT_OF_ZA = "luhn"


@lru_cache(maxsize=2048)
def _holds(module: str, value: str) -> bool:
    if module == _VAT_OF_ZA:
        return bool(luhn.is_valid(value))
    return bool(import_module(f"stdnum.{module}").is_valid(value))


def _form(scheme: str, country: str, printed: str, module: str = "", skipped: int = 0) -> TaxIdForm:
    return TaxIdForm(scheme, country, re.compile(rf"(?:{printed})(?![^\W_])(?![-./]\w)"), module, skipped)


FORMS: Final = (
    _form("GSTIN", "IN", r"\d{2}[A-Z]{5}\d{4}[A-Z][A-Z\d]Z[A-Z\d]", "in_.gstin"),
    _form("PAN", "IN", r"[A-Z]{5}\d{4}[A-Z]", "in_.pan"),
    _form("ABN", "AU", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "au.abn"),
    _form("EIN", "US", r"\d{2}[- ]?\d{7}", "us.ein"),
    _form("GST/HST", "CA", r"\d{3} ?\d{2} ?\d ?\d{3}(?:[ -]*R ?[TPCM][ -]?\d{4})?", "ca.bn"),
    _form("QST", "CA", r"\d{10} ?TQ ?\d{4}"),
    _form("GST", "NZ", r"\d{2,3}[- ]?\d{3}[- ]?\d{3}", "nz.ird"),
    _form("GST", "SG", r"M[A-Z\d]-?\d{7}-?[A-Z\d]"),
    _form("UEN", "SG", r"(?:\d{8,9}|[TSR]\d{2}[A-Z]{2}\d{4})[A-Z]", "sg.uen"),
    _form("TRN", "AE", r"1\d{2}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}"),
    _form("TRN", "SA", r"3\d{13}3"),
    _form("CNPJ", "BR", r"\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}", "br.cnpj"),
    _form("CPF", "BR", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", "br.cpf"),
    _form("RFC", "MX", r"[A-ZÑ&]{3,4}[- ]?\d{6}[- ]?[A-Z\d]{3}", "mx.rfc"),
    _form("NIT", "CO", r"\d{3}[.,]?\d{3}[.,]?\d{3} ?-? ?\d", "co.nit"),
    _form("NIT", "SV", r"\d{4}-?\d{6}-?\d{3}-?\d", "sv.nit"),
    _form("NIT", "GT", r"\d{5,11}-?[\dK]", "gt.nit"),
    _form("RUC", "PE", r"\d{11}", "pe.ruc"),
    _form("RUC", "EC", r"\d{13}", "ec.ruc"),
    _form("RUC", "PY", r"\d{6,8}-\d", "py.ruc"),
    _form("RUT", "CL", r"\d{1,2}\.?\d{3}\.?\d{3} ?- ?[\dK]", "cl.rut"),
    _form("RUT", "UY", r"\d{12}", "uy.rut"),
    _form("CUIT", "AR", r"\d{2}[- ]?\d{8}[- ]?\d", "ar.cuit"),
    _form("RIF", "VE", r"[VEJPG]-?\d{8}-?\d", "ve.rif"),
    _form("RNC", "DO", r"\d{3}-?\d{5}-?\d|\d-?\d{2}-?\d{5}-?\d", "do.rnc"),
    _form(VAT, "ZA", r"4\d{2} ?\d{3} ?\d{4}|4\d{3} ?\d{3} ?\d{3}", _VAT_OF_ZA),
    _form(VAT, "SA", r"3\d{13}3"),
    _form(VAT, "NO", r"(?:NO ?)?\d{3} ?\d{3} ?\d{3} ?MVA", "no.mva"),
    _form(VAT, "CH", r"CHE[- ]?\d{3}\.?\d{3}\.?\d{3} ?(?:MWST|TVA|IVA)", "ch.vat"),
    _form("UID", "CH", r"CHE[- ]?\d{3}\.?\d{3}\.?\d{3}", "ch.uid"),
    _form("SIRET", "FR", r"\d{3}[ .]?\d{3}[ .]?\d{3}[ .]?\d{5}|\d{3}[ .]?\d{3}[ .]?\d{3} ?\d{3} ?\d{2}", "fr.siret"),
    _form("SIREN", "FR", r"\d{3}[ .]?\d{3}[ .]?\d{3}", "fr.siren"),
    _form("NIF", "ES", r"[A-Z][- ]?\d{2}\.?\d{3}\.?\d{2}[\dA-Z]|[A-Z][- ]?\d{7}[- ]?[A-Z\d]|\d{8}[- ]?[A-Z]", "es.nif"),
    _form("NIF", "PT", r"\d{3} ?\d{3} ?\d{3}", "pt.nif"),
    _form("CIF", "ES", r"[A-Z][- ]?\d{2}\.?\d{3}\.?\d{2}[\dA-Z]|[A-Z][- ]?\d{7}[- ]?[A-Z\d]", "es.cif"),
    _form("CF", "IT", r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]|\d{11}", "it.codicefiscale"),
    _form("STNR", "DE", r"\d{2,3} ?/ ?\d{3,4} ?/ ?\d{4,5}|\d{13}|\d{10,11}", "de.stnr"),
    _form("STNR", "AT", r"\d{2}[- ]?\d{3}/?\d{4}", "at.tin"),
    _form("ORGNR", "SE", r"(?:SE ?)?\d{6}-?\d{4}", "se.orgnr"),
    _form("ORGNR", "NO", r"\d{3} ?\d{3} ?\d{3}", "no.orgnr"),
    _form("CVR", "DK", r"\d{2} ?\d{2} ?\d{2} ?\d{2}", "dk.cvr"),
    _form("YTUNNUS", "FI", r"\d{7}-\d", "fi.ytunnus"),
    _form("NPWP", "ID", r"\d{2}\.?\d{3}\.?\d{3}\.?\d[-.]?\d{3}\.?\d{3}|\d{16}", "id.npwp"),
    _form("MST", "VN", r"\d{10}(?:-?\d{3})?", "vn.mst"),
    _form("JCT", "JP", r"T-?\d(?:-?\d{4}){3}", "jp.cn", skipped=1),
    _form("BRN", "KR", r"\d{3}-?\d{2}-?\d{5}", "kr.brn"),
    _form("VKN", "TR", r"\d{10}", "tr.vkn"),
    _form("PIB", "RS", r"\d{9}", "rs.pib"),
    _form("OIB", "HR", r"\d{11}", "hr.oib"),
    _form("CUI", "RO", r"\d{6,10}", "ro.cui"),
    _form("UBN", "TW", r"\d{8}", "tw.ubn"),
    _form("ICE", "MA", r"\d{15}", "ma.ice"),
    _form("INN", "RU", r"\d{10}(?:\d{2})?", "ru.inn"),
    _form("SST", "MY", r"[A-Z]\d{2}-?\d{4}-?\d{8}"),
    _form("OSS", "", r"EU ?\d{9}|IM ?\d{10}", "eu.oss"),
)
"""The forms of all schemes. Of a scheme with several, the first whose check digits hold counts."""

SCHEMES: Final = frozenset(form.scheme for form in FORMS)
SECONDARY: Final = ("ORGNR", "CVR", "YTUNNUS", "SIRET", "SIREN", "PAN", "QST", "OSS")
"""Schemes that a party states beside the one it is taxed under."""


def forms_of(scheme: str) -> Iterator[TaxIdForm]:
    """The forms of one scheme, or of every scheme for `OTHER`."""
    yield from (form for form in FORMS if scheme in (form.scheme, OTHER))


def tax_id_is_valid(scheme: str, value: str) -> bool | None:
    """Whether `value` is valid in a form of `scheme`; `None` where no form of it has check digits."""
    held = [form.holds(value) for form in FORMS if form.scheme == scheme and form.printed.fullmatch(value)]
    if held:
        return None if None in held else any(held)
    known = any(form.module for form in FORMS if form.scheme == scheme)
    return False if known else None
