"""Executes runs: claims them under a lease, feeds the graph, and settles whatever came of it.

A run that was cut off is found here, claimed again and resumed from its last checkpoint; what loses its fence stops.
Refuses to know who asked for a run and who follows it (`graphs.studio`), and what a graph makes (`Recipe`).
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
import uuid_utils
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Interrupt

from graphs.answers import where_it_stood
from graphs.outcome import Outcome
from graphs.recorder import Recorders, RunRecorder
from graphs.state import Workshop
from songwright.errors import SongwrightError, problem_json
from songwright.settings import Settings
from storage import runs
from storage.checkpoints import SqlCheckpointer
from storage.database import Database, DatabaseAway
from storage.fence import FenceLost
from storage.runs import Claim
from storage.tables import Run
from storage.wire import Wire

log = structlog.get_logger()

RECURSION_LIMIT = 100  # supersteps of one run
CANCELLED = ("run_finished", {"status": "cancelled"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """How Studio runs one kind of graph: how to build it, feed it, and what its last state comes to."""

    build: Callable[[SqlCheckpointer], "CompiledStateGraph[Any, Any, Any, Any]"]
    begin: Callable[[Run], Mapping[str, Any]]  # the graph's input
    context: Callable[[Run, Workshop, RunRecorder], Any]  # LangGraph's runtime context
    conclude: Callable[[Run, Any], Outcome]


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


class Executor:
    """Executes the runs of one process. Use `working`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        wire: Wire,
        workshop: Workshop,
        recipes: Mapping[str, Recipe],
    ) -> None:
        self._settings = settings
        self._database = database
        self._wire = wire
        self._workshop = workshop
        self._recipes = recipes
        self._recorders = Recorders()
        self.checkpointer = SqlCheckpointer(database, companions=self._recorders)
        self.graphs = {name: recipe.build(self.checkpointer) for name, recipe in recipes.items()}
        self._owner = f"{os.getpid()}-{uuid_utils.uuid4()}"
        self._executions: dict[str, _Execution] = {}
        self._starting: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._is_open = False

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
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
            await asyncio.wait(works, timeout=self._settings.app.drain_s)
        for execution in list(self._executions.values()):
            execution.stop("drain")

    def is_executing(self, run_id: str) -> bool:
        """True while this process executes the run."""
        return run_id in self._executions

    def stop(self, run_id: str) -> None:
        """Cancel a run that executes here; nothing where it does not."""
        if run_id in self._executions:
            self._executions[run_id].stop("cancel")

    def kick(self, run_id: str) -> None:
        """Have a run executed as soon as there is room; it waits in the database until then."""
        if self._tasks is None or not self._is_open or run_id in self._executions or run_id in self._starting:
            return
        if len(self._executions) + len(self._starting) >= self._settings.agents.concurrent_runs:
            return  # it waits in the database; whichever run ends next takes it up
        self._starting.add(run_id)
        self._tasks.create_task(self._execute(run_id))

    async def _pull(self) -> None:
        free = self._settings.agents.concurrent_runs - len(self._executions) - len(self._starting)
        if free <= 0 or not self._is_open:
            return
        for run_id in await self._database.read(partial(runs.waiting, limit=free)):
            self.kick(run_id)

    async def _reap(self) -> None:
        """Take up runs that nobody executes: at start, and every few seconds."""
        while True:
            try:
                await self._pull()
            except Exception as error:  # noqa: BLE001  # the worker's loop: it goes on whatever happens
                log.warning("reaping_failed", reason=str(error))
            await asyncio.sleep(self._settings.agents.reap_s)

    async def _renew(self) -> None:
        """Prolong the leases of what runs here, and stop what was cancelled from another process."""
        while True:
            await asyncio.sleep(min(self._settings.agents.renew_s, 1.0))
            renewals = [self._renew_one(execution) for execution in self._executions.values()]
            await asyncio.gather(*renewals)

    async def _renew_one(self, execution: _Execution) -> None:
        recorder, lease_s = execution.recorder, self._settings.agents.lease_s
        try:
            is_asked = await self._database.write(
                partial(runs.renew, run_id=recorder.run_id, fence=recorder.fence, lease_s=lease_s), lane=recorder.lane
            )
        except Exception as error:  # noqa: BLE001  # the worker's loop; a lease that ends is the fence's matter
            log.warning("renewal_failed", run_id=recorder.run_id, reason=str(error))
            return
        if is_asked:
            execution.stop("cancel")

    async def _execute(self, run_id: str) -> None:
        """The run boundary: claims a run, performs it, and settles whatever came of it."""
        try:
            claim = await self._database.write(
                partial(runs.claim, run_id=run_id, owner=self._owner, lease_s=self._settings.agents.lease_s)
            )
            if claim is None:
                return  # another has it, or its thread is busy; the reaper looks again
            with structlog.contextvars.bound_contextvars(run_id=run_id):
                if self._is_open:
                    await self._perform(claim)
                else:
                    await self._database.write(partial(runs.release, run_id=run_id, fence=claim.fence))
            self._starting.discard(run_id)
            await self._pull()
        except Exception as error:  # noqa: BLE001  # the worker's loop: one run's trouble is no other's
            log.warning("run_not_settled", run_id=run_id, reason=str(error))
        finally:
            self._starting.discard(run_id)

    async def _perform(self, claim: Claim) -> None:
        run = claim.run
        recorder = RunRecorder(
            self._database,
            self._wire,
            claim,
            tick_s=self._settings.agents.tick_ms / 1000,
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
                await recorder.finish(values={"status": "cancelled"}, events=[CANCELLED])
                log.info("run_cancelled")
            elif work.cancelled() and execution.ended_by == "drain":
                await recorder.release()
            elif not work.cancelled():
                work.result()
        except FenceLost:
            log.warning("run_taken_over")
        except Exception:  # the run boundary: its end could not be written; the reaper takes it up again
            log.exception("run_not_settled")
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
        """Bring the run to its end, or say why not. The run boundary: no failure of one run reaches another."""
        try:
            await self._bring_home(run, claim, recorder, control)
        except GraphDrained:
            await recorder.release()
            log.info("run_released")
        except (FenceLost, DatabaseAway):
            raise  # not the run's failure: whoever holds it next goes on
        except SongwrightError as error:
            await self._fail(run, recorder, error)
        except Exception:  # the run boundary
            log.exception("run_broke")
            error = SongwrightError("The run met an error of the service's own; its trace shows the step.")
            await self._fail(run, recorder, error)

    async def _bring_home(self, run: Run, claim: Claim, recorder: RunRecorder, control: RunControl) -> None:
        state = await self._stream(run, claim, recorder, control)
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
            context=recipe.context(run, self._workshop, recorder),
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
