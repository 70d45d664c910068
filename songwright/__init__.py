"""Songwright: songs and playlists by agents. This file knows the version and guards the names of the rooms."""

from importlib.util import find_spec
from pathlib import Path

__version__ = "0.1.0"

ROOMS = ("agents", "api", "graphs", "prompts", "storage", "migrations")


def stolen_names() -> str | None:
    """What to do where a room's name leads to another project's package; None where all lead here.

    The rooms are root packages with common names, so another package of that name can stand in their way.
    """
    home = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        spec = find_spec(room)
        if spec is None or spec.origin is None:
            return f"The package {room!r} of Songwright is missing beside {str(home)!r}; install Songwright again."
        found = Path(spec.origin).resolve().parent
        if found != home / room:
            return (
                f"The name {room!r} leads to {str(found)!r} instead of Songwright's own package; run songwright from"
                " another folder, or in a virtual environment where no other package has that name."
            )
    return None
