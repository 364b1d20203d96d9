"""Supported structured invoice syntaxes. A module here declares `SYNTAXES`, and is thereby registered."""
