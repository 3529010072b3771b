"""The server under measurement: ours, with one more route that answers a constant.

`python -m benchmarks.serving.server FOLDER [memo|compose|read]` prints its URL. `memo` is as in
production; `compose` keeps no prepared answers, so every list is composed anew; `read` also reads
profile and history from the database at every request. `/constant` answers the bytes that
`POST /constant` was given, with the headers of a personal answer.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from litestar import Request, Response, get, post

from selera.cli.logs import log_to_stderr
from selera.serving import ServingConfig, users
from selera.state import State
from selera.web import WebConfig, create_app, server
from selera.web.heap import give_back_large_blocks
from selera.web.listening import listen
from selera.web.opening import open_service, open_shop

_CONSTANT = [b"{}"]


@get("/constant/{user_id:str}")
async def constant(user_id: str) -> Response[bytes]:
    return Response(_CONSTANT[0], media_type="application/json")


@post("/constant/set")
async def set_constant(request: Request[Any, Any, Any]) -> None:
    _CONSTANT[0] = await request.body()


def main() -> None:
    log_to_stderr("info")  # every request writes its line, as in production
    give_back_large_blocks()
    folder, mode = Path(sys.argv[1]), sys.argv[2]
    if mode != "memo":
        users.MOST_PLACES = 0
    serving = ServingConfig(
        history_max_age_s=0.0 if mode == "read" else 3600.0, cached_users=200_000
    )
    config = WebConfig(
        database=f"sqlite:///{folder}/shop.db",
        model=folder / "system-recomendation.pkl",
        state=folder / "selera-state.db",
        port=0,
        serving=serving,
    )
    with listen(config.host, 0) as listener, contextlib.ExitStack() as stack:
        state = stack.enter_context(State.open(config.state))
        shop = open_shop(config, stack)
        service = open_service(config, shop, state, stack)
        service.model()
        app = create_app(service, config)
        app.register(constant)
        app.register(set_constant)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ready = partial(print, url, flush=True)
        running = server._Server(app, config, [signal.SIGTERM], ready, lambda: None)
        running.run(sockets=[listener])


if __name__ == "__main__":
    main()
