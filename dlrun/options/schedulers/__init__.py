"""Schedules of the learning rate, one option a file: each function returns a factor for any step."""
