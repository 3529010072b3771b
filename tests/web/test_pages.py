"""The pages for people: what they load, and that they need nothing from the internet."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import selera.web
from selera.web.pages import _MEDIA_TYPES
from tests.web.conftest import Client

STATIC = Path(selera.web.__file__).parent / "static"
CHROMIUM = Path("/usr/bin/chromium")


def test_vendored_files_are_as_published() -> None:
    folder = STATIC / "swagger-ui"
    told = dict(
        re.findall(r"\| `([\w.-]+)` \| ([0-9a-f]{64}) \|", (folder / "VENDORED.md").read_text())
    )
    files = {each.name for each in folder.iterdir()} - {"VENDORED.md"}
    assert set(told) == files
    for name, expected in told.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_only_files_of_this_server(client: Client, path: str) -> None:
    page = client.get(path, headers={"accept": "text/html"})
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for each in loaded:
        assert each.startswith("/")
        assert client.get(each).status_code == 200, each
    assert "<script>" not in page.text
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"].split("style-src")[0]


def test_every_file_has_its_type_and_its_charset_once(client: Client) -> None:
    for name, media_type in _MEDIA_TYPES.items():
        told = client.get(f"/static/{name}").headers["content-type"]
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        assert told == media_type + charset


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"there is no {CHROMIUM}; CI runs this test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--disable-quic",
                "--no-first-run",
            ],
        )
        yield browser
        browser.close()


@pytest.mark.slow
def test_the_documentation_works_without_the_internet(
    browser: Any, server_url: str, tmp_path: Path
) -> None:
    """Everything but this server is cut off; a route can be opened and tried."""
    page = browser.new_page(viewport={"width": 1200, "height": 1400})
    elsewhere: list[str] = []
    complaints: list[str] = []

    def only_here(route: Any) -> None:
        if route.request.url.startswith((server_url, "data:")):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    page.route("**/*", only_here)
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server_url}/docs")
    page.wait_for_selector(".opblock")
    shown = page.locator(".opblock-summary-path").all_inner_texts()
    routes = {each.replace("\u200b", "") for each in shown}
    assert routes >= {"/recommend/{user_id}", "/similar/{product_id}", "/popular", "/health/ready"}
    page.locator("#operations-recommendations-recommend .opblock-summary-control").click()
    field = page.locator("#operations-recommendations-recommend input[placeholder='user_id']")
    field.fill("4")
    page.locator("#operations-recommendations-recommend button.execute").click()
    page.wait_for_selector("#operations-recommendations-recommend .live-responses-table")
    answer = page.locator("#operations-recommendations-recommend .live-responses-table")
    assert "recommendation_id" in answer.inner_text()
    page.screenshot(path=tmp_path / "docs.png")
    assert elsewhere == []
    assert complaints == []


@pytest.mark.slow
def test_the_front_page_leads_to_the_documentation(
    browser: Any, server_url: str, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.goto(server_url)
    assert page.title() == "Selera"
    page.screenshot(path=tmp_path / "front.png")
    page.get_by_text("Try the API").click()
    page.wait_for_url(f"{server_url}/docs")
