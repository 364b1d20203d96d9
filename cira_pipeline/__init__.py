"""CIRA: invoice URLs to validated records. The domain, in plain Python; only `definitions` knows Dagster."""
