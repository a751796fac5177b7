"""One file a contestant: `train(workload) -> seconds of each epoch`, in that tool's own idiom."""
