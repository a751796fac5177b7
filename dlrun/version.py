"""The version of dlrun, apart from the package's face so that every room can import it."""

__version__ = "0.1.0"
