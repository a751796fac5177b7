"""Loggers, one option in each file: a function that returns a listener to the run's events, or None."""
