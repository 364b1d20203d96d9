"""Fields and rules of one's own: declared in a TOML file, found in documents, kept in `Invoice.custom`."""
