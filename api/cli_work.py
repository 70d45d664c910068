"""What the commands do: reach a Studio, follow a run, print. Errors become one sentence on standard error.

Knows the terminal and exit codes; refuses to know how a run is reached.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, contextmanager
from importlib import import_module
from typing import Any, NoReturn

from pydantic import ValidationError
from rich.console import Console
from rich.prompt import Confirm, Prompt

from api import cli_show
from api.cli_doors import open_door
from api.door import Door, Event, Kind, checked
from api.server_note import free_port, heralded
from songwright.errors import Conflict, SongwrightError, Unfit
from songwright.settings import Settings, settings_from_environment

FAILED, MISUSED, INTERRUPTED = 1, 2, 130  # exit codes

out = Console(highlight=False, soft_wrap=False)
told = Console(stderr=True, highlight=False)


def _stop(sentence: str, code: int) -> NoReturn:
    told.print(cli_show.plain(sentence), markup=False, soft_wrap=True, style="red" if told.is_terminal else "")
    raise SystemExit(code)


def _settings() -> Settings:
    try:
        return settings_from_environment()
    except ValidationError as error:
        fault = error.errors()[0]
        name = "SONGWRIGHT_" + "__".join(str(part).upper() for part in fault["loc"])
        _stop(f"The setting {name} is {fault['input']!r}: {fault['msg']}; mend it or unset it.", MISUSED)


@contextmanager
def _family() -> Any:
    """The boundary of every command: an error of the family ends it with its sentence, never with a traceback."""
    try:
        yield
    except* KeyboardInterrupt:
        _stop("Interrupted.", INTERRUPTED)
    except* SongwrightError as group:  # task groups wrap what their block raises
        error = _first(group)
        _stop(error.detail, MISUSED if isinstance(error, Unfit) else FAILED)


def _first(group: ExceptionGroup[SongwrightError]) -> SongwrightError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


def _run(work: Callable[[], Coroutine[Any, Any, Any]], settings: Settings) -> Any:
    level = "error" if settings.logging.level in ("info", "warning") else settings.logging.level
    import_module("api.logs").configure(settings.logging.model_copy(update={"level": level}))
    with _family():
        return asyncio.run(work())


# write and recommend


def perform(kind: Kind, body: dict[str, Any], *, as_json: bool) -> None:
    """Start a run, show it while it runs, and print what came of it."""
    settings = _settings()
    given = {name: value for name, value in body.items() if value is not None}
    with _family():
        checked(kind, given)  # before anything heavy is imported or opened

    async def work() -> dict[str, Any]:
        async with open_door(settings) as door:
            return await _performed(door, await door.start(kind, given))

    result = _run(work, settings)
    if result.get("status") == "cancelled":
        _stop("The run was cancelled.", FAILED)
    if as_json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    else:
        out.print(cli_show.song(result) if kind == "generate" else cli_show.playlist(result))


async def _performed(door: Door, run_id: str) -> dict[str, Any]:
    """The run's result. A command that is interrupted cancels its run."""
    try:
        seen, closing, data = await _shown(door, run_id, after=0)
        while closing == "interrupted":
            await _answer(door, run_id, data["interrupts"][0]["value"])
            seen, closing, data = await _shown(door, run_id, after=seen)
    except (asyncio.CancelledError, EOFError):
        await door.cancel(run_id)
        raise
    if closing == "run_failed":
        raise SongwrightError(str(data.get("detail") or data.get("title")))
    return data


async def _shown(door: Door, run_id: str, *, after: int) -> tuple[int, str, dict[str, Any]]:
    """Show events until the run ends or asks; gives the number of the last one, its type and its data."""
    last: Event = (after, "", {})
    with cli_show.Progress(told) as progress:
        events: Any = door.follow(run_id, after=after)
        async with aclosing(events):
            async for event in _each(events):
                last = event
                progress.take(event[1], event[2])
    return last


async def _each(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        yield event
        if event[1] in ("run_finished", "run_failed"):
            return


async def _answer(door: Door, run_id: str, asked: dict[str, Any]) -> None:
    """Ask the person whether the plan is right. Raises Conflict where nobody is there to ask."""
    if not sys.stdin.isatty():
        raise Conflict(
            f"Run {run_id!r} waits for its plan to be accepted, and there is no terminal to ask at; run `songwright"
            f" serve` and open /#song-run={run_id}."
        )
    told.print(cli_show.plan(asked))
    title = await asyncio.to_thread(Prompt.ask, "Title", console=told, default=asked["title"])
    hook = await asyncio.to_thread(Prompt.ask, "Hook", console=told, default=asked["hook"])
    if await asyncio.to_thread(Confirm.ask, "Write it?", console=told, default=True):
        await door.resume(run_id, {"accept": True, "title": title, "hook": hook})
    else:
        await door.cancel(run_id)


# the rest


def list_runs(*, limit: int) -> None:
    """Print the newest runs as a table."""
    settings = _settings()
    if settings.is_embedded and not (settings.home / "songwright.db").exists():
        out.print(f"There are no runs in {str(settings.home)!r} yet.", markup=False)
        return

    async def work() -> list[dict[str, Any]]:
        async with open_door(settings) as door:
            return await door.runs(limit=limit)

    listed = _run(work, settings)
    out.print(cli_show.run_list(listed) if listed else "There are no runs yet.")


def serve(*, host: str | None, port: int | None) -> None:
    """Serve until interrupted; the options stand before the settings."""
    settings = _settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    bound = settings.app.model_copy(update=given)
    if bound.port == 0:
        bound = bound.model_copy(update={"port": free_port(bound.host)})
    changed = settings.model_copy(update={"app": bound})
    with _family(), heralded(changed, say=lambda url: out.print(f"Songwright is at {url}", markup=False)):
        import_module("api.app").serve(changed)


def migrate(*, down: str | None) -> None:
    """Upgrade the database, or take it down to a revision; prints the revision it has then."""
    settings = _settings()
    _run(lambda: import_module("api.cli_care").migrated(settings, down), settings)
    out.print(f"The database has revision {down or import_module('storage.schema').head()}.", markup=False)


def doctor() -> None:
    """Print one line a part; exits with 1 where a needed one fails."""
    settings = _settings()
    findings = _run(lambda: import_module("api.cli_care").examined(settings), settings)
    for finding in findings:
        mark = "ok  " if finding.is_well else "away"
        remedy = f" {finding.remedy}" if finding.remedy and not finding.is_well else ""
        out.print(f"{mark}  {finding.part:<9} {finding.told}{remedy}", markup=False, soft_wrap=True)
    if any(finding.is_needed and not finding.is_well for finding in findings):
        raise SystemExit(FAILED)
