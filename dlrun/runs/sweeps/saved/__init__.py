"""A sweep read back from its folder, which may be somebody else's, and shaped for plots. Imports no torch."""
