"""The way of an invoice through the stages: the one place where all rooms meet."""
