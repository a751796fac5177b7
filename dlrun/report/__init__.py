"""What a run reports: the console, the log, metrics.jsonl, tables of results and predictions."""
