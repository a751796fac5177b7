"""Models, one option a file: each function builds a module from the data's spec."""
