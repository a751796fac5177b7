"""dlrun trains neural networks from configuration alone."""

__version__ = "0.1.0"
