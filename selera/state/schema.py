"""The tables of the state file, and how a file of an older version gets them.

A migration is the statements that lead from one version to the next. What is published is never
changed: a new version is a new migration at the end of the list.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ..contracts.errors import StateError

APPLICATION_ID = 0x53454C45
"""`SELE` in the file's header: it tells our file from any other SQLite database."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE api_key (
            key_id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            secret_sha256 BLOB NOT NULL,
            scopes TEXT NOT NULL,
            rate_per_minute INTEGER,
            created_at TEXT NOT NULL,
            expires_at TEXT,
            revoked_at TEXT
        )""",
        "CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL",
        """CREATE TABLE signing_secret (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            secret BLOB NOT NULL
        )""",
        """CREATE TABLE decision (
            decision_id INTEGER PRIMARY KEY,
            version TEXT NOT NULL,
            decided_at TEXT NOT NULL,
            action TEXT NOT NULL,
            reason TEXT NOT NULL,
            champion TEXT,
            relative_difference REAL,
            low REAL,
            high REAL,
            metric TEXT,
            n_users INTEGER
        )""",
        "CREATE INDEX decision_version ON decision (version)",
        "CREATE TABLE rule (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE rules_revision (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            revision INTEGER NOT NULL
        )""",
        "INSERT INTO rules_revision VALUES (1, 0)",
        """CREATE TABLE experiment (
            experiment_id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            control_version TEXT NOT NULL,
            treatment_version TEXT NOT NULL,
            share REAL NOT NULL,
            started_at TEXT NOT NULL,
            stopped_at TEXT
        )""",
        "CREATE UNIQUE INDEX experiment_running ON experiment (stopped_at IS NULL)"
        " WHERE stopped_at IS NULL",
        """CREATE TABLE participant (
            participant_id INTEGER PRIMARY KEY,
            experiment_id INTEGER NOT NULL REFERENCES experiment ON DELETE CASCADE,
            user_hash BLOB NOT NULL,
            variant TEXT NOT NULL CHECK (variant IN ('control', 'treatment')),
            exposed_at INTEGER NOT NULL,
            converted_at INTEGER,
            UNIQUE (user_hash, experiment_id)
        )""",
        "CREATE INDEX participant_tally ON participant (experiment_id, variant, converted_at)",
        """CREATE TABLE exposure (
            recommendation_id TEXT PRIMARY KEY,
            participant_id INTEGER NOT NULL REFERENCES participant ON DELETE CASCADE
        ) WITHOUT ROWID""",
        "CREATE INDEX exposure_participant ON exposure (participant_id)",
        """CREATE TABLE conversion (
            event_id TEXT PRIMARY KEY,
            participant_id INTEGER NOT NULL REFERENCES participant ON DELETE CASCADE,
            at INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX conversion_participant ON conversion (participant_id)",
    ),
    (
        "ALTER TABLE exposure ADD COLUMN at INTEGER NOT NULL DEFAULT 0",
        "UPDATE exposure SET at = CAST(strftime('%s', 'now') AS INTEGER)",
        "CREATE INDEX exposure_at ON exposure (at)",
        "CREATE INDEX conversion_at ON conversion (at)",
        "DROP TABLE rules_revision",
    ),
    (
        """CREATE TABLE experiment_count (
            experiment_id INTEGER NOT NULL REFERENCES experiment ON DELETE CASCADE,
            variant TEXT NOT NULL CHECK (variant IN ('control', 'treatment')),
            n_users INTEGER NOT NULL,
            n_converted INTEGER NOT NULL,
            PRIMARY KEY (experiment_id, variant)
        ) WITHOUT ROWID""",
    ),
)
"""From version 0, an empty file, to the present one."""

VERSION = len(MIGRATIONS)
"""The version of a file that has all of them; `PRAGMA user_version` keeps it."""


def bring_up_to_date(
    path: Path, busy_timeout_s: float, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS
) -> None:
    """Give an empty or older file all tables, in one transaction; one caller at a time.

    Raises StateError for a file of a newer version or of another program, sqlite3.Error where
    SQLite refuses.
    """
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)
    with closing(connection):
        version = _version(connection)
        if _is_foreign(connection):
            raise StateError(
                f"{path} is a database of another program, not Selera's own. Name another file as "
                "the setting state_file."
            )
        if version > len(migrations):
            raise StateError(
                f"{path} was written by a newer Selera (version {version} of the file, this one "
                f"knows {len(migrations)}). Install that one, or name another file as the setting "
                "state_file."
            )
        if version == len(migrations):
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statements in migrations[version:]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(migrations)}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _is_foreign(connection: sqlite3.Connection) -> bool:
    """Whether the file holds something, but is not marked as ours."""
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (n_objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(n_objects) and mark != APPLICATION_ID
