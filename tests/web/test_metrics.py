"""The metrics: of requests, of the model, of several workers together."""

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from selera.serving.answers import ModelInfo
from selera.serving.metrics import ModelCollector
from selera.state import Keys, State
from tests.web.running import Server, running_server

pytestmark = pytest.mark.slow

TRAINED = 1_780_000_000.0


def told(server: Server, secret: str | None = None) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    headers = {} if secret is None else {"X-API-Key": secret}
    connection.request("GET", "/metrics", headers=headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, response.headers["Content-Type"], text


def values(text: str) -> dict[tuple[str, ...], float]:
    """By name and labels' values, in the order of the labels' names."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def get(server: Server, path: str, method: str = "GET") -> int:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.request(method, path)
    status = connection.getresponse().status
    connection.close()
    return status


def test_requests_are_counted_by_template_and_never_by_path(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    with running_server(shop_url, model_path, state=str(tmp_path / "s.db")) as server:
        for path in ("/users/4", "/users/4?limit=x", "/users/999999", "/nothing/secret"):
            get(server, path)
        get(server, "/users/4", "PATCH")
        status, content_type, text = told(server)
    assert status == 200
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    found = values(text)
    route = "/users/{user_id}"
    assert found["selera_http_requests_total", "GET", route, "200"] == 1
    assert found["selera_http_requests_total", "GET", route, "422"] == 1
    assert found["selera_http_requests_total", "GET", route, "404"] == 1
    assert found["selera_http_requests_total", "GET", "none", "404"] == 1
    assert found["selera_http_request_seconds_count", route] >= 3
    assert found["selera_http_requests_in_flight",] == 1  # the one that asks
    assert found["selera_model_loaded",] == 1
    assert "999999" not in text
    assert "secret" not in text


def test_metrics_are_for_admins_once_there_are_keys(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    state_path = tmp_path / "s.db"
    with State.open(state_path) as state:
        reader = Keys(state).create("reader", ["read"]).secret
        admin = Keys(state).create("admin", ["admin"]).secret
    with running_server(shop_url, model_path, state=str(state_path)) as server:
        statuses = [told(server, each)[0] for each in (None, reader, admin)]
    assert statuses == [401, 403, 200]
    with running_server(shop_url, model_path, state=str(state_path), metrics_public=True) as server:
        assert told(server)[0] == 200


@pytest.mark.parametrize(("hours", "stale"), [(1.0, 0.0), (25.0, 1.0)])
def test_a_model_that_is_too_old_raises_the_alarm(hours: float, stale: float) -> None:
    model = ModelInfo("v7", "blend", "2026-05-28T20:26:40Z", "0" * 64)
    collector = ModelCollector(lambda: model, 24.0, lambda: TRAINED + hours * 3600)
    found = {each.name: each.samples[0] for each in collector.collect()}
    assert found["selera_model_stale"].value == stale
    assert found["selera_model_trained_timestamp_seconds"].value == TRAINED
    assert found["selera_model_info"].labels == {"version": "v7", "algorithm": "blend"}


def test_without_a_model_there_is_nothing_to_tell_of_it() -> None:
    found = list(ModelCollector(lambda: None, 24.0, time.time).collect())
    assert [(each.name, each.samples[0].value) for each in found] == [("selera_model_loaded", 0)]
    untimed = ModelInfo("v7", "blend", "", "0" * 64)
    names = [each.name for each in ModelCollector(lambda: untimed, 24.0, time.time).collect()]
    assert names == ["selera_model_loaded", "selera_model_info"]


COUNTING = """
import sys
from prometheus_client import CollectorRegistry
from selera.serving.metrics import count_events, count_recommendations, set_feed_lag
from selera.web.metrics import exposition, request_begins, request_ends
count_events("stored", int(sys.argv[1]))
count_recommendations(None, "svd", 10)
set_feed_lag(float(sys.argv[1]))
request_begins()
request_ends("/popular", "GET", 200, 0.004)
request_begins()
print("counted", flush=True)
sys.stdin.readline()
print(exposition(CollectorRegistry()).decode())
"""


def test_several_workers_are_told_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    first, second = (
        subprocess.Popen(
            [sys.executable, "-c", COUNTING, count],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in ("3", "5")
    )
    # Both have counted once both have told; then the first one tells again, of the two.
    assert first.stdout is not None
    assert second.stdout is not None
    assert (first.stdout.readline(), second.stdout.readline()) == ("counted\n", "counted\n")
    text, _ = first.communicate("\n", timeout=20)
    second.communicate("\n", timeout=20)
    found = values(text)
    assert found["selera_events_total", "stored"] == 8
    assert found["selera_recommendations_total", "none", "svd"] == 20
    assert found["selera_http_requests_total", "GET", "/popular", "200"] == 2
    assert found["selera_http_requests_in_flight",] == 2
    assert found["selera_feed_lag_seconds",] == 5
