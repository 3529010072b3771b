"""The routes of the API: each parses, asks the service, and lets the answer be encoded."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from .administration import (
    experiments,
    models,
    promote_model,
    put_rule,
    remove_rule,
    roll_back_model,
    rules,
)
from .asking import recommend_many
from .health import live, ready
from .lists import (
    popular,
    recommend,
    recommend_by_query,
    similar,
    similar_by_query,
    trending,
)
from .people import erase_user, issue_token, user, users
from .telling import record_events

API_ROUTES: tuple[HTTPRouteHandler, ...] = (
    recommend,
    recommend_by_query,
    recommend_many,
    similar,
    similar_by_query,
    popular,
    trending,
    record_events,
    users,
    user,
    erase_user,
    issue_token,
    models,
    promote_model,
    roll_back_model,
    rules,
    put_rule,
    remove_rule,
    experiments,
    live,
    ready,
)
