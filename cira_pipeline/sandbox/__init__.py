"""Processes for what may crash, hang or grow without end: native parsers that open documents of strangers.

A worker takes one request at a time over a socket and can be killed at any moment; nothing else is lost by it.
See docs/decisions/0012-killable-workers.md.
"""
