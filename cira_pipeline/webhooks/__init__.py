"""Webhooks: clients are told how their jobs ended, at least once, signed, at safe addresses."""
