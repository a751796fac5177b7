"""Recipes: where they come from, what they may say, and how one is read, extended and made small."""
