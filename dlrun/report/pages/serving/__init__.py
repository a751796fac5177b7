"""The pages of `dlrun serve`: one to try a model, one that describes its paths."""
