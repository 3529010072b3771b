"""Fixtures for all tests: `database_url` of `tests.shops`."""

pytest_plugins = ("tests.shops",)
