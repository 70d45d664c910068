"""The note a running server leaves in its home folder, so that the command line finds it while the home is locked.

Knows one small file; refuses to know what is asked of the server.
"""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from songwright.settings import Settings


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


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's process
    return True
