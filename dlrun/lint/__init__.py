"""Likely mistakes of a run, found without training it: each rule has an id, a reason and an override that mends it."""
