"""Dagster sensors and schedules: they submit jobs and request runs."""
