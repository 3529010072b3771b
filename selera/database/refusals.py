"""What a failed statement says: that a row was refused, that another writer came first, or more."""

from __future__ import annotations

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

_REFUSED_STATES = ("22", "23", "44", "P0")
"""Classes of SQLSTATE: of data, of constraints, of a view's check, of what a trigger raises."""
_COLLISION_STATES = ("40001", "40P01")

_REFUSED_CODES = {1264, 1292, 1364, 1366, 1369, 1406, 1644, 3819, 4025}
"""MySQL's and MariaDB's of values that do not fit, missing defaults, checks and triggers."""
_COLLISION_CODES = {1205, 1213, 1020}


def refuses_row(error: DBAPIError) -> bool:
    """Whether the database refused what was to be written, and would take something else."""
    if isinstance(error, IntegrityError | DataError):
        return True
    state = getattr(error.orig, "sqlstate", None)
    return str(state).startswith(_REFUSED_STATES) or _code(error) in _REFUSED_CODES


def is_collision(error: DBAPIError) -> bool:
    """Whether two transactions stood in each other's way: the same again may succeed."""
    state = getattr(error.orig, "sqlstate", None)
    return state in _COLLISION_STATES or _code(error) in _COLLISION_CODES


def _code(error: DBAPIError) -> object:
    """The number that MySQL and MariaDB give their errors."""
    return next(iter(getattr(error.orig, "args", ())), None)
