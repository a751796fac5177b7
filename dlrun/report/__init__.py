"""What a run tells: the console, metrics.jsonl, result.json and tables."""
