"""The services CIRA runs itself when none are given: PostgreSQL, Valkey, Dagster, under one supervisor."""
