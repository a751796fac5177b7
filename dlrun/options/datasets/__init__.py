"""Datasets, one option a file: each function reads or makes its data and returns a Source."""
