"""Parsing of printed numbers and dates: all values a text may mean, and the choice among them by a convention."""

from typing import Final

LANGUAGES: Final = ("en", "de", "fr", "nl", "es", "it", "pt", "pl", "da", "sv", "cs", "fi", "nb")
"""Languages of the invoices that are read, as CLDR codes; where two disagree, the earlier one counts."""
