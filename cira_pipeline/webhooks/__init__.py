"""Webhooks: signed notifications about ended jobs, delivered at least once to public addresses."""
