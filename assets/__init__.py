"""Dagster assets of an invoice, their checks, and the jobs that launch them."""
