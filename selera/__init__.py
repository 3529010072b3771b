"""Selera: personal recommendations from a shop's own SQL database."""

__version__ = "0.1.0"
