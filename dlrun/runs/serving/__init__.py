"""A run or an exported file behind HTTP: what goes in, what comes out, and how requests share the model."""
