"""Datasets, one option per file: each function reads or generates its data and returns a Source."""
