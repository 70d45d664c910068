"""The note a running server leaves in its home folder, so that the command line finds it while the home is locked.

Knows one small file and when to write it; refuses to know what is asked of the server.
"""

import json
import os
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from songwright.settings import Settings

START_S = 120.0  # a server that has not answered by then is not announced
LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class ServerNote:
    """Where the server of a home answers, and which process it is."""

    url: str
    pid: int


def _path(settings: Settings) -> Path:
    return settings.home / "server.json"


@contextmanager
def noted(settings: Settings, url: str) -> Generator[None]:
    """Leave the note while the block lasts; what another process wrote meanwhile is not removed."""
    note = ServerNote(url, os.getpid())
    settings.home.mkdir(parents=True, exist_ok=True)
    fresh = _path(settings).with_suffix(f".{note.pid}")
    fresh.write_text(json.dumps(asdict(note)), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(_path(settings))
    try:
        yield
    finally:
        if read_note(settings) == note:
            _path(settings).unlink(missing_ok=True)


def read_note(settings: Settings) -> ServerNote | None:
    """The note of a process that lives; None where there is none, or it was left by one that was killed."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        written = json.loads(_path(settings).read_text(encoding="utf-8"))
        note = ServerNote(str(written["url"]), int(written["pid"]))
        return note if _lives(note.pid) else None
    return None


@contextmanager
def heralded(settings: Settings, *, say: Callable[[str], None]) -> Generator[None]:
    """Around a server that runs in this block: once it answers, `say` its URL and leave its note until the end."""
    is_over = threading.Event()
    watch = threading.Thread(target=_watch, args=(settings, say, is_over), daemon=True)
    watch.start()
    try:
        yield
    finally:
        is_over.set()
        watch.join(timeout=5)


def _watch(settings: Settings, say: Callable[[str], None], is_over: threading.Event) -> None:
    url = url_of(settings)
    with httpx.Client(base_url=url, timeout=2, trust_env=False) as client:
        for _ in range(round(START_S / LOOK_EVERY_S)):
            if is_over.wait(LOOK_EVERY_S):
                return
            with suppress(httpx.HTTPError):
                if client.get("/health/live").is_success:
                    break
        else:
            return
    with noted(settings, url):
        say(url)
        is_over.wait()


def url_of(settings: Settings) -> str:
    """Where this machine reaches the server that the settings describe."""
    host = settings.app.host
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{settings.app.port}"


def free_port(host: str) -> int:
    """A port of that address which nobody has at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        return taken.getsockname()[1]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's process
    return True
