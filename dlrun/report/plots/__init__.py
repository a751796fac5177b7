"""Plots as scenes: marks in the units of a picture, drawn as SVG and PNG without a plotting library."""
