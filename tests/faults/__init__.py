"""Proof that nothing is lost: runs are killed, disks fail, files rot. `python -m tests.faults` is the long version."""
