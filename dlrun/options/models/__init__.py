"""Models, one option in each file: a function that builds a module from the dataset's spec."""
