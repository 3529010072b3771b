"""Exit 0 where the server on this machine lives, 1 where it does not; for a container without curl.

It lives where it answers, be it that it does not answer to this name (`web.allowed_hosts`).

`/health/live` and not `/health/ready`: a restart cures neither a database that is away nor a model
that is not trained yet.
"""

import http.client
import os
import sys

connection = http.client.HTTPConnection(
    "127.0.0.1", int(os.environ.get("SELERA_WEB_PORT", "5000")), timeout=2
)
try:
    connection.request("GET", "/health/live")
    sys.exit(connection.getresponse().status >= 500)
except OSError:
    sys.exit(1)
