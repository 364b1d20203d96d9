"""Generates sample invoices with their ground truth, for the demo and for `cira samples`.

`catalogue` (who sells what, in which words) -> `bill` (one sale with its sums) -> `page` (a layout draws it and notes
what it showed) or `cii` and `ubl` (as XML) -> `paper` (scanned or photographed) -> `sample` (bytes and their truth).
"""
