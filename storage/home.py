"""The folder of the embedded default: one process holds it at a time.

The lock is the operating system's, so that a process that was killed holds nothing.
"""

from collections.abc import Generator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from songwright.errors import Conflict
from songwright.settings import Settings


@contextmanager
def held(settings: Settings) -> Generator[None]:
    """Hold the home folder, making it where it is missing. Raises Conflict where another process has it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.home / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise Conflict(
            f"Another Songwright process holds the home folder {str(settings.home)!r}; use that one, or set"
            " SONGWRIGHT_HOME to another folder."
        ) from error
    try:
        yield
    finally:
        lock.release()
