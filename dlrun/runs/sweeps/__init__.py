"""Sweeps: which points are trained (search), where (engines), and what is known of each (rows, folder)."""
