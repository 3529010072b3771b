"""Every error that Selera raises on purpose.

SeleraError                     the one that `cli` and `web` catch
├── ConfigError                 a setting, flag or argument is wrong
├── DatabaseError               the shop's database cannot be reached or lacks something
│   └── SeedRefused             seeding would touch rows that Selera did not make
├── DataError                   a data file or an import cannot be used
│   └── NothingToLearn          there are too few behaviors to fit a model
├── ArtifactError               a model file cannot be used
│   └── ModelNotReady           there is no published model yet
├── StateError                  Selera's own small database cannot be used
├── Kept                        a trained model was not published: the gate held it back
├── Busy                        another process already does this
│   └── TrainingUnderWay        a training or an ETL must end before a user can be erased
├── Unauthorized                no key, or one that is not known
│   └── Forbidden               a key without the scope that is needed
├── RateLimited                 a key has used up what it may ask for
└── NotFound                    an id that nobody knows
    ├── UserNotFound
    ├── ProductNotFound
    ├── VersionNotFound
    └── NameNotFound            no key, rule or experiment of that name

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


class StateError(SeleraError):
    """Selera's own small database cannot be opened, read or written."""

    code = "state_unavailable"


class Kept(SeleraError):
    """A trained model was not published: the gate found it worse than the published one."""

    code = "kept_aside"


class Unauthorized(SeleraError):
    """No key was given, or one that is unknown, revoked or too old."""

    code = "unauthorized"


class Forbidden(Unauthorized):
    """The key is good, but not for this."""

    code = "forbidden"


class RateLimited(SeleraError):
    """The key has used up what it may ask for; `retry_after_s` says when there is more."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Busy(SeleraError):
    """Another process holds the lock of this work."""

    code = "busy"


class TrainingUnderWay(Busy):
    """A training or an ETL goes on, and has to end before a user can be erased."""

    code = "training_under_way"


class NotFound(SeleraError):
    """An id that neither the database nor the model knows."""

    code = "not_found"


class UserNotFound(NotFound):
    """No profile and no behavior bears this user id."""

    code = "user_not_found"


class ProductNotFound(NotFound):
    """No product bears this id."""

    code = "product_not_found"


class VersionNotFound(NotFound):
    """No model version bears this name."""

    code = "version_not_found"


class NameNotFound(NotFound):
    """No key, rule or experiment bears this name."""

    code = "name_not_found"
