"""The grammar of printed numbers and dates: the values that a text may mean, and how a convention decides for one."""

from typing import Final

LANGUAGES: Final = ("en", "de", "fr", "nl", "es", "it", "pt", "pl", "da", "sv", "cs", "fi", "nb")
"""The languages whose invoices are read, by CLDR's codes; where two agree, the earlier one counts."""
