"""The command line: from its words to an exit code."""
