"""Dagster's connections to the world, one ConfigurableResource a file."""
