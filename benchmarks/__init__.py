"""Measurements: every number in the README and in docs/ comes from a program in here."""
