"""A real server and a real Chromium; tests are skipped, with the reason, where the machine has no Chromium."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Playwright, Request, expect, sync_playwright
from typing_extensions import override

from api.app import create_app
from songwright.settings import AgentSettings, Settings
from tests.conftest import settings_at

USUAL_PLACES = (
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/lib/chromium/chromium",
    "/usr/bin/google-chrome",
)
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WAIT_S = 30.0
WAIT_MS = WAIT_S * 1000
expect.set_options(timeout=WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def chromium() -> str | None:
    named = os.environ.get("SONGWRIGHT_CHROMIUM")
    return next((place for place in (named, *USUAL_PLACES) if place and Path(place).exists()), None)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = threading.Event()
        self.port = 0

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.servers:
            self.port = int(self.servers[0].sockets[0].getsockname()[1])
        self.is_ready.set()


@contextmanager
def serving(settings: Settings) -> Generator[str]:
    """A server of these settings on a free port; gives its URL."""
    app = create_app(settings)
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.is_ready.wait(WAIT_S), "the server did not start"
        assert server.port, "the server refused to start"
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.should_exit = True
        app.state.streams.closing.set()
        thread.join(WAIT_S)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The URL of a server that all tests of this folder share."""
    settings = settings_at(tmp_path_factory.mktemp("home"))
    agents = AgentSettings(warm_embedder=False)  # pyright: ignore[reportCallIssue]
    with serving(settings.model_copy(update={"agents": agents})) as url:
        yield url


@pytest.fixture(scope="module")
def playwright() -> Generator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Generator[Browser]:
    place = chromium()
    if place is None:
        pytest.skip("There is no Chromium; apt-get install chromium, or name one in SONGWRIGHT_CHROMIUM.")
    started = playwright.chromium.launch(executable_path=place, args=list(ARGUMENTS))
    yield started
    started.close()


@dataclass
class Visit:
    """A page, and everything it did that a person does not see."""

    page: Page
    hosts: set[str] = field(default_factory=set[str])
    complaints: list[str] = field(default_factory=list[str])

    def watch(self) -> None:
        self.page.on("request", self._request)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dialog)

    def _request(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)


@contextmanager
def visiting(browser: Browser, url: str, *, first: str = "", width: int = 1280, **options: Any) -> Generator[Visit]:
    """The first page at `url`, ready; `first` is a script that runs before any of its own.

    Afterwards: it asked no other host and nothing was complained of.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(WAIT_MS)
    visit = Visit(context.new_page())
    visit.watch()
    if first:
        visit.page.add_init_script(first)
    try:
        visit.page.goto(url)
        if options.get("java_script_enabled", True):
            visit.page.wait_for_selector(":root[data-ready]", state="attached")
        yield visit
        assert visit.hosts <= {urlsplit(url).netloc}
        assert visit.complaints == []
    finally:
        context.close()


@pytest.fixture
def visit(browser: Browser, site: str) -> Generator[Visit]:
    with visiting(browser, site) as opened:
        yield opened


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.page
