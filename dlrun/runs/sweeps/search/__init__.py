"""Which points are trained: all of a grid, samples of ranges, or what a model of the results suggests."""
