"""Exit 0 where the server on this machine lives, 1 where it does not; for a container without curl.

It lives where it answers, be it that it does not answer to this name (`web.allowed_hosts`).

`/health/live` and not `/health/ready`: a restart cures neither a database that is away nor a model
that is not trained yet.
"""

import http.client
import os
import sys
import tomllib


def port() -> int:
    """Where the server listens: as the environment says, else `selera.toml`, else 5000."""
    told = os.environ.get("SELERA_WEB_PORT")
    if told is not None:
        return int(told)
    try:
        with open("selera.toml", "rb") as file:
            settings = tomllib.load(file)
    except FileNotFoundError:
        return 5000
    return int(settings.get("web", {}).get("port", 5000))


connection = http.client.HTTPConnection("127.0.0.1", port(), timeout=2)
try:
    connection.request("GET", "/health/live")
    sys.exit(connection.getresponse().status >= 500)
except OSError:
    sys.exit(1)
