"""Several points of a sweep trained as one batched model, each with everything that a run of its own has."""
