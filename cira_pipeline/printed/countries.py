"""Country codes of printed countries: names in the languages of the lexicon (Unicode CLDR), codes, and short forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from babel import Locale

from cira_pipeline.languages import LANGUAGES
from cira_pipeline.printed.letters import folded

# Short forms and parts of a country that addresses name in its place.
_SHORT = {
    "usa": "US",
    "united states of america": "US",
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "uae": "AE",
    "holland": "NL",
    "czech republic": "CZ",
    "turkey": "TR",
    "hong kong": "HK",
    "el": "GR",
}
_CODE = re.compile("[A-Z]{2}")
# Of CLDR's territories, these are no countries.
_GROUPS = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})


def country_code(text: str) -> str | None:
    """ISO 3166-1 code (two letters) of the country named in `text`, `None` where it names none or may be several."""
    name = folded(" ".join(text.replace(".", "").split())).strip(" ,;:()-")
    return _SHORT.get(name) or _codes().get(name)


@lru_cache(maxsize=1)
def _codes() -> Mapping[str, str]:
    found: dict[str, set[str]] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if _CODE.fullmatch(code) and code not in _GROUPS:
                found.setdefault(folded(str(name).replace(".", "")), set()).add(code)
                found.setdefault(code.lower(), set()).add(code)
    return {name: codes.pop() for name, codes in found.items() if len(codes) == 1}
