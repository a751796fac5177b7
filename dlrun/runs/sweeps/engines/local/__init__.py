"""Points in processes of this machine: a nursery imports torch once and loads data once; workers are forked from it."""
