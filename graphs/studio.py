"""The life of every run: admitted before it executes, claimed under a lease, followed, answered, cancelled, finished.

`Studio` is what HTTP, the CLI and benchmarks hold. It alone changes a run's status, and the database is the truth:
a run that was cut off is found here, claimed again and resumed from its last checkpoint. It refuses to know what a
graph makes; a `Recipe` says that.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from graphs.answers import answers_by_id
from graphs.executor import Executor, Recipe
from graphs.state import Workshop
from songwright.errors import Conflict, NotFound
from songwright.settings import Settings
from storage import runs, schema
from storage.database import Database
from storage.home import held
from storage.runs import FINAL, Event
from storage.tables import Run, new_id, now
from storage.wire import Wire

log = structlog.get_logger()

CLOSING = ("run_finished", "run_failed", "interrupted")  # after these the status says whether more comes
FOLLOW_POLL_S = 1.0  # a run that another process executes: its events are looked for this often
FOLLOW_POLL_HERE_S = 10.0  # a run that this process executes: news comes by the wire


@dataclass(frozen=True, slots=True)
class Order:
    """What a door asks for."""

    user_id: str
    graph: str
    kind: str
    input: dict[str, Any]
    preview: str = ""
    origin: str = "api"
    thread_id: str | None = None
    idempotency_key: str | None = None
    body_digest: str | None = None


class Studio:
    """Runs graphs so that nothing is lost. Use `Studio.open`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        workshop: Workshop,
        recipes: Mapping[str, Recipe],
        *,
        user_id: str,
    ) -> None:
        self.settings = settings
        self.database = database
        self.workshop = workshop
        self.local_user_id = user_id
        self.wire = Wire()
        self._executor = Executor(settings, database, self.wire, workshop, recipes)
        self.graphs = self._executor.graphs
        self._recipes = recipes

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        equip: Callable[[Settings, Database, AsyncExitStack], Awaitable[Workshop]],
        recipes: Mapping[str, Recipe],
    ) -> AsyncGenerator["Studio"]:
        """Open the database and its parts, take up what was left unfinished, and run until the block ends.

        `equip` gives the Workshop (an awaitable). Raises Conflict where another process holds the embedded home, and
        Unavailable where the schema is not the one this code needs.
        """
        async with AsyncExitStack() as stack:
            settings.home.mkdir(parents=True, exist_ok=True)
            if settings.is_embedded:
                stack.enter_context(held(settings))
                await schema.upgrade(settings)
            database = await stack.enter_async_context(Database.open(settings))
            await schema.check(database)
            if settings.is_embedded:
                await database.write(runs.void_leases)
            user_id = await database.write(partial(runs.ensure_user, name=runs.LOCAL_USER))
            workshop = await equip(settings, database, stack)
            studio = cls(settings, database, workshop, recipes, user_id=user_id)
            async with studio._executor.working():
                yield studio

    # Admission

    async def start(self, order: Order) -> Run:
        """Keep the run, then have it executed; the run of an Idempotency-Key used before is given back.

        Raises Overworked where too many wait, Conflict where the key came with another body.
        """
        if order.graph not in self._recipes:
            raise NotFound(f"There is no graph {order.graph!r}; there are {', '.join(self._recipes)}.")
        run = Run(
            user_id=order.user_id,
            thread_id=order.thread_id or new_id(),
            graph=order.graph,
            kind=order.kind,
            input=order.input,
            preview=order.preview[:200],
            origin=order.origin,
            idempotency_key=order.idempotency_key,
            body_digest=order.body_digest,
        )
        most = self.settings.agents.queued_runs
        admitted, is_new = await self.database.write(
            partial(runs.admit, run=run, started=_started(run), most_waiting=most), is_admission=True
        )
        if is_new:
            log.info("run_admitted", run_id=admitted.id, kind=admitted.kind)
            self._executor.kick(admitted.id)
        return admitted

    async def resume(self, run_id: str, user_id: str, answer: Any) -> Run:
        """Answer what an interrupted run asks; `answer` is the value, or `{interrupt id: value}` where it asks more.

        Raises NotFound, Conflict where it asks nothing, Unfit where the value does not fit the interrupt's schema.
        """
        run = await self.run(run_id, user_id)
        asked: list[dict[str, Any]] = run.interrupts or []
        if run.status != "interrupted" or not asked:
            raise Conflict(f"Run {run_id!r} is {run.status} and asks nothing.")
        answers = answers_by_id(asked, answer)
        stored = await self.database.write(lambda connection: runs.store_answer(connection, run_id, answers))
        self.wire.announce(run_id, [])
        self._executor.kick(run_id)
        return stored

    async def cancel(self, run_id: str, user_id: str) -> Run:
        """Stop a run, at once where it waits or runs here; a finished one stays as it is."""
        await self.run(run_id, user_id)
        closing = _finished(run_id, "cancelled")
        run, events = await self.database.write(
            lambda connection: runs.request_cancel(connection, run_id, closing=closing)
        )
        if events:
            self.wire.announce(run_id, events)
        self._executor.stop(run_id)
        return run

    # Reading

    async def run(self, run_id: str, user_id: str | None = None) -> Run:
        """The run of that id. Raises NotFound, also for another user's."""
        return await self.database.read(lambda connection: runs.one(connection, run_id, user_id=user_id))

    async def follow(self, run_id: str, *, after: int = 0) -> AsyncIterator[Event]:
        """Every event numbered above `after`, in order, each once, until the run ends or waits for a person.

        Events come from the database; news from the wire only saves the asking.
        """
        seen = after
        with self.wire.listen(run_id) as mailbox:
            while True:
                events, status = await self.database.read(partial(runs.events_after, run_id=run_id, seq=seen))
                for event in events:
                    seen = event[0]
                    yield event
                if not events and status in (*FINAL, "interrupted"):
                    return
                is_whole = len(events) < runs.PAGE and status not in (*FINAL, "interrupted")
                while is_whole:  # nothing more is stored: live on the news until it has a gap
                    fresh = _next_in_line(await mailbox.take(timeout_s=self._poll_s(run_id)), seen)
                    for event in fresh:
                        seen = event[0]
                        yield event
                    is_whole = bool(fresh) and fresh[-1][1] not in CLOSING

    def _poll_s(self, run_id: str) -> float:
        return FOLLOW_POLL_HERE_S if self._executor.is_executing(run_id) else FOLLOW_POLL_S

    async def wait(self, run_id: str, *, timeout_s: float) -> Run:
        """The run once it has ended or waits for a person, or as it stands after `timeout_s`."""
        run = await self.run(run_id)
        if run.status in (*FINAL, "interrupted"):
            return run
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                async for _ in self.follow(run_id, after=run.last_seq):
                    pass
        return await self.run(run_id)


def _next_in_line(told: Sequence[Event], seen: int) -> list[Event]:
    """Of the events told, those that follow the last one seen without a gap."""
    line: list[Event] = []
    for event in told:
        if event[0] == seen + 1:
            line.append(event)
            seen += 1
        elif event[0] > seen:
            break
    return line


def _started(run: Run) -> tuple[str, str]:
    return runs.event_json("run_started", {"run_id": run.id, "kind": run.kind, "created_at": now().isoformat()})


def _finished(run_id: str, status: str) -> tuple[str, str]:
    return runs.event_json("run_finished", {"run_id": run_id, "status": status})
