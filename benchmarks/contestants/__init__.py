"""One file for each contestant: `train(workload) -> seconds of each epoch`, as its documentation teaches."""
