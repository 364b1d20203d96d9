"""Parsing of printed numbers and dates: all values a text may mean, and the choice among them by a convention."""
