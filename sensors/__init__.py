"""What starts runs and what submits jobs."""
