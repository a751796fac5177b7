"""Data on its way to the model: what it is, how it is split, prepared, ordered and fetched."""
