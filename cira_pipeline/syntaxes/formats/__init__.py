"""The structured invoice syntaxes that CIRA reads. Each module here declares `SYNTAXES`, and is registered by that."""
