"""The version that the client names itself with; a test holds it against `pyproject.toml`."""

__version__ = "0.1.0"
