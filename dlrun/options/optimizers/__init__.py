"""Optimizers, one option in each file: a function that builds a torch optimizer over parameter groups."""
