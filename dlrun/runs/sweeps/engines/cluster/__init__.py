"""Points on a cluster that schedules jobs itself: SLURM through submitit, or Ray."""
