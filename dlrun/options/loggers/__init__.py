"""Loggers, one option a file: each function returns a listener to the run's events, or None."""
