"""The offline engine: label lexicon, geometry, tables and arithmetic; no network, no model, no per-supplier rule."""
