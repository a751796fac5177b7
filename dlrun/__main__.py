"""`python -m dlrun` is the same command as `dlrun`."""

from dlrun.cli.main import entry

if __name__ == "__main__":
    entry()
