"""How texts of an invoice are compared: by their letters and digits, whatever stands between them."""

from __future__ import annotations


def bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
