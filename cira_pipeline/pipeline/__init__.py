"""Orchestration of an invoice through the four stages; the only package that uses all stage packages."""
