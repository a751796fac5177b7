"""A sweep on the console: its live table, plain lines, and the tables of what it found."""
