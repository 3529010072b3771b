"""What experiments forget: what no purchase can name any more, and who took part in ended ones."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, text

CONVERSION_WINDOW_S = 7 * 86_400
"""An event counts that comes within this time of the recommendation that it names."""

PRUNED_AT_ONCE = 500
"""Rows of a table that one transaction drops: some 10 ms in which nobody else can write."""

_PRUNE = tuple(
    text(
        f"DELETE FROM {table} WHERE {key} IN"
        f" (SELECT {key} FROM {table} WHERE at < :before ORDER BY at LIMIT :most)"
    )
    for table, key in (("exposure", "recommendation_id"), ("conversion", "event_id"))
)
_OVER = text(
    "SELECT participant_id FROM participant WHERE experiment_id IN (SELECT experiment_id"
    " FROM experiment WHERE CAST(strftime('%s', stopped_at) AS INTEGER) < :before)"
    " AND NOT EXISTS (SELECT 1 FROM exposure"
    " WHERE exposure.participant_id = participant.participant_id) LIMIT :most"
)
_COUNT = text(
    "INSERT INTO experiment_count (experiment_id, variant, n_users, n_converted)"
    " SELECT experiment_id, variant, count(*), count(converted_at) FROM participant"
    " WHERE participant_id IN :over GROUP BY experiment_id, variant"
    " ON CONFLICT DO UPDATE SET n_users = n_users + excluded.n_users,"
    " n_converted = n_converted + excluded.n_converted"
).bindparams(bindparam("over", expanding=True))
_FORGET = text("DELETE FROM participant WHERE participant_id IN :over").bindparams(
    bindparam("over", expanding=True)
)


def prune(connection: Connection, now: int) -> bool:
    """Drop at most `PRUNED_AT_ONCE` rows of each table; whether there may be more.

    Recommendations and events go when `CONVERSION_WINDOW_S` is over, `now` being UTC seconds; users
    when that is so of the end of their experiment, where they become a part of its counts.
    """
    bounds = {"before": now - CONVERSION_WINDOW_S, "most": PRUNED_AT_ONCE}
    n_gone = [connection.execute(statement, bounds).rowcount for statement in _PRUNE]
    over = connection.execute(_OVER, bounds).scalars().all()
    if over:
        connection.execute(_COUNT, {"over": over})
        connection.execute(_FORGET, {"over": over})
    return max(*n_gone, len(over)) == PRUNED_AT_ONCE
