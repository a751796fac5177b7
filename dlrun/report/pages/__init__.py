"""Self-contained HTML pages: no network, no libraries; texts of users and data are escaped in one place (`text.py`)."""
