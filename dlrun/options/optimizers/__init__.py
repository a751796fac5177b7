"""Optimizers, one option a file: each function builds a torch optimizer over groups of parameters."""
