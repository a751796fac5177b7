"""What a run is held against: the trivial answer and a simple model, measured on the run's own split."""
