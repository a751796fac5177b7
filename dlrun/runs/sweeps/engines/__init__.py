"""Where points are trained: this process, worker processes, a cluster, or whatever Hydra launches."""
