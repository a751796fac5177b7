"""Fault injection: runs are killed, disks fail, files are damaged. `python -m tests.faults` is the long version."""
