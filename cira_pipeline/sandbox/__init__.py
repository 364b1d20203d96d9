"""Killable worker processes for code that may crash, hang or exhaust memory: native parsers of untrusted documents.

A worker takes one request at a time over a socket and can be killed at any moment without other loss.
See docs/decisions/0012-killable-workers.md.
"""
