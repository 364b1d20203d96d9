"""Dagster resources, one ConfigurableResource in each file, and adaptations of Dagster's own processes."""
