"""Learning rate schedules, one option in each file: a function that returns a schedule for a run of known length."""
