"""What only a sweep has: how its points are chosen and run, and ranges of values."""
