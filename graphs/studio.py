"""The life of every run: admitted before it executes, claimed under a lease, followed, answered, cancelled, finished.

`Studio` is what HTTP, the CLI and benchmarks hold. It alone changes a run's status, and the database is the truth:
a run that was cut off is found here, claimed again and resumed from its last checkpoint. It refuses to know what a
graph makes; a `Recipe` says that.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
import uuid_utils
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Interrupt

from graphs.answers import answers_by_id, where_it_stood
from graphs.outcome import Outcome
from graphs.recorder import Recorders, RunRecorder
from graphs.state import Workshop
from songwright.errors import Conflict, NotFound, Overworked, SongwrightError, problem_json
from songwright.settings import Settings
from storage import runs, schema
from storage.checkpoints import SqlCheckpointer
from storage.database import Database, DatabaseAway
from storage.fence import FenceLost
from storage.home import held
from storage.runs import FINAL, Claim, Event
from storage.tables import Run, new_id, now
from storage.wire import Wire

log = structlog.get_logger()

FOLLOW_POLL_S = 1.0  # a run that another process executes: its events are looked for this often
FOLLOW_POLL_HERE_S = 10.0  # a run that this process executes: news comes by the wire
RECURSION_LIMIT = 100  # supersteps of one run


@dataclass(frozen=True, slots=True)
class Recipe:
    """How Studio runs one kind of graph: how to build it, feed it, and what its last state comes to."""

    build: Callable[[SqlCheckpointer], "CompiledStateGraph[Any, Any, Any, Any]"]
    begin: Callable[[Run], Mapping[str, Any]]  # the graph's input
    context: Callable[[Run, Workshop, RunRecorder], Any]  # LangGraph's runtime context
    conclude: Callable[[Run, Any], Outcome]


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


@dataclass(slots=True)
class _Execution:
    """A run that this process executes now."""

    recorder: RunRecorder
    control: RunControl
    work: "asyncio.Task[None]"
    ended_by: str | None = None  # "cancel", "lost" or "drain", where the work was cancelled from here

    def stop(self, why: str) -> None:
        if self.ended_by is None:
            self.ended_by = why
            self.recorder.is_stopping = True
            self.work.cancel()


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
        self._recorders = Recorders()
        self.checkpointer = SqlCheckpointer(database, companions=self._recorders)
        self._recipes = recipes
        self.graphs = {name: recipe.build(self.checkpointer) for name, recipe in recipes.items()}
        self._owner = f"{os.getpid()}-{uuid_utils.uuid4()}"
        self._executions: dict[str, _Execution] = {}
        self._starting: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._is_open = False

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
            async with studio._working():
                yield studio

    @asynccontextmanager
    async def _working(self) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._is_open = True
            upkeep = [tasks.create_task(self._reap()), tasks.create_task(self._renew())]
            try:
                yield
            finally:
                self._is_open = False
                for task in upkeep:
                    task.cancel()
                await self._drain()

    async def _drain(self) -> None:
        """Let runs reach their next step boundary; what has not after the deadline is cut off and resumes later."""
        works = [execution.work for execution in self._executions.values()]
        for execution in self._executions.values():
            execution.control.request_drain()
        if works:
            await asyncio.wait(works, timeout=self.settings.app.drain_s)
        for execution in list(self._executions.values()):
            execution.stop("drain")

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
        bound = self.settings.agents.queued_runs

        def unit(connection: Any) -> tuple[Run, bool]:
            if runs.count_waiting(connection) >= bound:
                raise Overworked(f"{bound} runs are waiting already; try again in a few seconds.")
            return runs.admit(connection, run, started=_started(run))

        admitted, is_new = await self.database.write(unit)
        if is_new:
            log.info("run_admitted", run_id=admitted.id, kind=admitted.kind)
            self._kick(admitted.id)
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
        self._kick(run_id)
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
        if run_id in self._executions:
            self._executions[run_id].stop("cancel")
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
                while not events or status not in (*FINAL, "interrupted"):
                    told = await mailbox.take(timeout_s=self._poll_s(run_id))
                    fresh = [event for event in told if event[0] > seen]
                    if not fresh or fresh[0][0] != seen + 1:
                        break
                    for event in fresh:
                        seen = event[0]
                        yield event
                    if fresh[-1][1] in ("run_finished", "run_failed"):
                        return
                    if fresh[-1][1] == "interrupted":
                        break

    def _poll_s(self, run_id: str) -> float:
        return FOLLOW_POLL_HERE_S if run_id in self._executions else FOLLOW_POLL_S

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

    # Execution

    def _kick(self, run_id: str) -> None:
        if self._tasks is None or not self._is_open or run_id in self._executions or run_id in self._starting:
            return
        if len(self._executions) + len(self._starting) >= self.settings.agents.concurrent_runs:
            return  # it waits in the database; whichever run ends next takes it up
        self._starting.add(run_id)
        self._tasks.create_task(self._execute(run_id))

    async def _pull(self) -> None:
        free = self.settings.agents.concurrent_runs - len(self._executions) - len(self._starting)
        if free <= 0 or not self._is_open:
            return
        for run_id in await self.database.read(partial(runs.waiting, limit=free)):
            self._kick(run_id)

    async def _reap(self) -> None:
        """Take up runs that nobody executes: at start, and every few seconds."""
        while True:
            with suppress(DatabaseAway):
                await self._pull()
            await asyncio.sleep(self.settings.agents.reap_s)

    async def _renew(self) -> None:
        """Prolong the leases of what runs here, and stop what was cancelled from another process."""
        while True:
            await asyncio.sleep(min(self.settings.agents.renew_s, 1.0))
            with suppress(DatabaseAway, Overworked):
                asked = await self.database.write(
                    partial(
                        runs.renew,
                        run_ids=list(self._executions),
                        owner=self._owner,
                        lease_s=self.settings.agents.lease_s,
                    )
                )
                for run_id in asked & self._executions.keys():
                    self._executions[run_id].stop("cancel")

    async def _execute(self, run_id: str) -> None:
        """The run boundary: claims a run, performs it, and settles whatever came of it."""
        try:
            claim = await self.database.write(
                partial(runs.claim, run_id=run_id, owner=self._owner, lease_s=self.settings.agents.lease_s)
            )
            if claim is not None:
                with structlog.contextvars.bound_contextvars(run_id=run_id):
                    await self._perform(claim)
        except DatabaseAway as error:
            log.warning("run_not_settled", run_id=run_id, reason=error.detail)
        finally:
            self._starting.discard(run_id)
        with suppress(DatabaseAway):
            await self._pull()

    async def _perform(self, claim: Claim) -> None:
        run = claim.run
        recorder = RunRecorder(
            self.database,
            self.wire,
            claim,
            tick_s=self.settings.agents.tick_ms / 1000,
            on_lost=lambda error: self._lose(run.id, error),
        )
        control = RunControl()
        work = asyncio.create_task(self._settle(run, claim, recorder, control))
        execution = _Execution(recorder, control, work)
        self._recorders.add(recorder)
        self._executions[run.id] = execution
        self._starting.discard(run.id)
        try:
            await asyncio.wait({work})
            if work.cancelled() and execution.ended_by == "cancel":
                await recorder.finish(values={"status": "cancelled"}, events=[_finished_event(run.id, "cancelled")])
                log.info("run_cancelled")
            elif work.cancelled() and execution.ended_by == "drain":
                await recorder.release()
            elif not work.cancelled():
                work.result()
        except FenceLost:
            log.warning("run_taken_over")
        finally:
            work.cancel()  # where this task itself is being cancelled
            del self._executions[run.id]
            self._recorders.remove(recorder)

    def _lose(self, run_id: str, error: Exception) -> None:
        """A write was refused or failed: this process stops executing the run; the reaper finds it if it is ours."""
        log.warning("run_write_failed", run_id=run_id, reason=str(error))
        if run_id in self._executions:
            self._executions[run_id].stop("lost")

    async def _settle(self, run: Run, claim: Claim, recorder: RunRecorder, control: RunControl) -> None:
        try:
            state = await self._stream(run, claim, recorder, control)
        except GraphDrained:
            await recorder.release()
            log.info("run_released")
            return
        except (FenceLost, DatabaseAway):
            raise  # not the run's failure: whoever holds it next goes on
        except SongwrightError as error:
            await self._fail(run, recorder, error)
            return
        except Exception:  # the run boundary
            log.exception("run_broke")
            error = SongwrightError("The run met an error of the service's own; its trace shows the step.")
            await self._fail(run, recorder, error)
            return
        asked: list[Interrupt[Any]] = list(state.get("__interrupt__", ()))
        if asked:
            await self._interrupt(recorder, asked)
            return
        outcome = self._recipes[run.graph].conclude(run, state)
        await recorder.finish(
            values={"status": "succeeded", "result": outcome.result, "resume": None, **outcome.values},
            events=[("run_finished", outcome.result)],
            keep=outcome.keep,
        )
        log.info("run_finished")

    async def _stream(self, run: Run, claim: Claim, recorder: RunRecorder, control: RunControl) -> Any:
        graph, recipe = self.graphs[run.graph], self._recipes[run.graph]
        config: Any = {
            "configurable": {
                "thread_id": run.thread_id,
                "__songwright_fence": claim.fence,
                "__pregel_strict_resume": True,
            },
            "metadata": {"run_id": run.id},
            "recursion_limit": RECURSION_LIMIT,
        }
        feed: Any = recipe.begin(run)
        if claim.fence > 1:
            feed = await where_it_stood(graph, config, run, feed)
        return await graph.ainvoke(
            feed,
            config,
            context=recipe.context(run, self.workshop, recorder),
            durability="sync",
            control=control,
        )

    async def _interrupt(self, recorder: RunRecorder, asked: list[Interrupt[Any]]) -> None:
        interrupts = [{"id": i.id, "value": i.value, "schema": i.response_schema} for i in asked]
        await recorder.finish(
            values={"status": "interrupted", "interrupts": interrupts, "resume": None},
            events=[("interrupted", {"status": "interrupted", "interrupts": interrupts})],
        )
        log.info("run_interrupted")

    async def _fail(self, run: Run, recorder: RunRecorder, error: SongwrightError) -> None:
        problem = problem_json(error, instance=f"/runs/{run.id}")
        await recorder.finish(
            values={"status": "failed", "problem": problem},
            events=[("run_failed", problem)],
        )
        log.warning("run_failed", reason=error.detail)


def _started(run: Run) -> tuple[str, str]:
    return runs.event_json("run_started", {"run_id": run.id, "kind": run.kind, "created_at": now().isoformat()})


def _finished_event(run_id: str, status: str) -> tuple[str, dict[str, Any]]:
    return "run_finished", {"run_id": run_id, "status": status}


def _finished(run_id: str, status: str) -> tuple[str, str]:
    return runs.event_json(*_finished_event(run_id, status))
