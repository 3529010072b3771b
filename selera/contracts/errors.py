"""Every error that Selera raises on purpose.

SeleraError                     the one that `cli` and `web` catch
├── ConfigError                 a setting, flag or argument is wrong
├── DatabaseError               the shop's database cannot be reached or lacks something
│   └── SeedRefused             seeding would touch rows that Selera did not make
├── DataError                   a data file or an import cannot be used
│   └── NothingToLearn          there are too few behaviors to fit a model
├── ArtifactError               a model file cannot be used
│   └── ModelNotReady           there is no published model yet
├── Busy                        another process already does this
└── NotFound                    an id that nobody knows
    ├── UserNotFound
    └── ProductNotFound

A message says what was wrong, the value, where, and the cure, in one sentence or two.
"""

from __future__ import annotations


class SeleraError(Exception):
    """Something that a person can cure; its text is meant for that person."""

    code = "error"


class ConfigError(SeleraError):
    """A setting, a flag or an argument is wrong."""

    code = "invalid_setting"


class DatabaseError(SeleraError):
    """The shop's database cannot be reached, read or written."""

    code = "database_unavailable"


class SeedRefused(DatabaseError):
    """Seeding would touch tables or rows that Selera did not make."""

    code = "seed_refused"


class DataError(SeleraError):
    """A data file, a training CSV or an import source cannot be used."""

    code = "invalid_data"


class NothingToLearn(DataError):
    """There are too few behaviors to fit a model."""

    code = "nothing_to_learn"


class ArtifactError(SeleraError):
    """A model file is missing, damaged, of another version, or not to be trusted."""

    code = "invalid_model"


class ModelNotReady(ArtifactError):
    """There is no published model yet."""

    code = "model_not_ready"


class Busy(SeleraError):
    """Another process holds the lock of this work."""

    code = "busy"


class NotFound(SeleraError):
    """An id that neither the database nor the model knows."""

    code = "not_found"


class UserNotFound(NotFound):
    """No profile and no behavior bears this user id."""

    code = "user_not_found"


class ProductNotFound(NotFound):
    """No product bears this id."""

    code = "product_not_found"
