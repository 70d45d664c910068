"""Writes down what a run does while it does it: stream events, and a row for every attempt of every step.

Tokens are coalesced per tick, everything keeps its order, and followers hear of an event only once it is
committed. A step's last events and the completion of its row travel with the writes of its task, in the same
transaction (`Recorders` hands them to the checkpointer). Refuses to know which graph runs.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphs import views
from songwright.progress import Progress, Token
from songwright.song import Call
from storage import agentlog, runs
from storage.database import Connection, Database, Unit
from storage.runs import Claim, Event, NewEvent
from storage.tables import new_id, now
from storage.wire import Wire


@dataclass(slots=True)
class StepRecord:
    """One attempt of one step, from its start to its end."""

    agent: str
    node: str
    task_id: str
    attempt: int
    label: str | None
    checkpoint_id: str | None
    superstep: int | None
    stands_in: bool = False  # for a step that failed for good; what that one told is to be dropped
    id: str = field(default_factory=new_id)
    began: float = field(default_factory=time.monotonic)
    calls: list[Call] = field(default_factory=list[Call])

    @property
    def public(self) -> dict[str, Any]:
        """What an event says of the step it belongs to."""
        return {"step": self.node, "step_id": self.id, "attempt": self.attempt, "label": self.label}


Ending = Mapping[str, Any]  # values of an AgentLog row at its end


class RunRecorder:
    """The pen of one claimed run. Every write carries the claim's fence; a lost fence ends the run here."""

    def __init__(
        self, database: Database, wire: Wire, claim: Claim, *, tick_s: float, on_lost: Callable[[Exception], None]
    ) -> None:
        self.run_id = claim.run.id
        self.user_id = claim.run.user_id
        self.fence = claim.fence
        self.is_stopping = False  # cancelled or draining: cancellation of a step is then not its failure
        self.lane = claim.run.thread_id
        self._cut_off = set(claim.cut_off)
        self._database = database
        self._wire = wire
        self._tick_s = tick_s
        self._on_lost = on_lost
        self._unsent: list[tuple[str, dict[str, Any]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = 0.0
        self._closings: dict[str, Unit[list[Event]]] = {}
        self._is_lost = False  # a write failed or was refused: whatever would follow it must not stand

    # Events

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        """Append an event to the stream, at once and after all that came before it."""
        self._unsent.append((kind, {"run_id": self.run_id, **data}))
        self.flush()

    def report(self, step: StepRecord, progress: Progress) -> None:
        """Append what an agent tells. Tokens of one tick become one event; the first goes at once."""
        if not isinstance(progress, Token):
            self.emit(progress.type, {**views.progress_json(progress), "step_id": step.id})
            return
        if self._unsent:
            kind, last = self._unsent[-1]
            if kind == Token.type and last["section"] == progress.section and last["step_id"] == step.id:
                last["text"] += progress.text
                return
        self._unsent.append(
            (
                Token.type,
                {"run_id": self.run_id, "section": progress.section, "text": progress.text, "step_id": step.id},
            )
        )
        if self._timer is None:
            wait_s = self._sent_at + self._tick_s - time.monotonic()
            if wait_s <= 0:
                self.flush()
            else:
                self._timer = asyncio.get_running_loop().call_later(wait_s, self.flush)

    def flush(self) -> None:
        """Submit every event that waits for its tick."""
        events = self._take_unsent()
        if events:
            run_id, fence = self.run_id, self.fence
            self._submit(lambda connection: runs.append_events(connection, run_id, fence, events))

    def _take_unsent(self) -> list[NewEvent]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sent_at = time.monotonic()
        unsent, self._unsent = self._unsent, []
        return [runs.event_json(kind, data) for kind, data in unsent]

    def _submit(self, unit: Unit[list[Event]]) -> None:
        if self._is_lost:
            return
        self._database.submit(unit, lane=self.lane).add_done_callback(self._written)

    def _written(self, done: "asyncio.Future[list[Event]]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._wire.announce(self.run_id, done.result())
        elif isinstance(error, Exception):
            self._is_lost = True
            self._on_lost(error)

    # Steps

    def open_step(self, step: StepRecord) -> None:
        """Write the row of an attempt that starts, with `step_started` or, where it ran before, `step_restarted`."""
        again = step.stands_in or step.attempt > 1 or step.task_id in self._cut_off
        self._unsent.append(
            (
                "step_restarted" if again else "step_started",
                {"run_id": self.run_id, "agent": step.agent, **step.public},
            )
        )
        events = self._take_unsent()
        run_id, fence = self.run_id, self.fence
        row = {
            "id": step.id,
            "run_id": run_id,
            "task_id": step.task_id,
            "fence": fence,
            "attempt": step.attempt,
            "agent": step.agent,
            "node": step.node,
            "label": step.label,
            "step": step.superstep,
            "status": "running",
            "checkpoint_id": step.checkpoint_id,
            "calls": 0,
            "started_at": now(),
        }

        def unit(connection: Connection) -> list[Event]:
            numbered = runs.append_events(connection, run_id, fence, events)
            agentlog.open_step(connection, row)
            return numbered

        self._submit(unit)

    def close_step(self, step: StepRecord, *, given: Any, made: Any) -> None:
        """Prepare the end of a step that succeeded; it is written with the writes of its task."""
        values, payloads = self._ending(step, status="succeeded", given=given, made=made)
        self._unsent.append(
            (
                "step_finished",
                {
                    "run_id": self.run_id,
                    "agent": step.agent,
                    **step.public,
                    "status": "succeeded",
                    "duration_ms": values["duration_ms"],
                },
            )
        )
        self._closings[step.task_id] = self._closing(step, values, payloads)

    def interrupt_step(self, step: StepRecord, *, given: Any) -> None:
        """Prepare the end of a step that asked a person; it is written with its interrupt."""
        values, payloads = self._ending(step, status="interrupted", given=given, made=None)
        self._closings[step.task_id] = self._closing(step, values, payloads)

    def fail_step(self, step: StepRecord, error: BaseException, *, given: Any) -> None:
        """Write the end of an attempt that failed; its retry will be a row of its own."""
        stopped = isinstance(error, asyncio.CancelledError)
        status = "cancelled" if stopped and self.is_stopping else "failed"
        values, payloads = self._ending(step, status=status, given=given, made=None)
        values["error_type"] = "TimeoutError" if stopped and not self.is_stopping else type(error).__name__
        values["error"] = "The step took longer than it may." if stopped and not self.is_stopping else str(error)
        self._submit(self._closing(step, values, payloads))

    def _ending(self, step: StepRecord, *, status: str, given: Any, made: Any) -> tuple[dict[str, Any], list[Any]]:
        packed_given = agentlog.pack(given)
        payloads = [packed_given]
        packed_made = packed_calls = None
        if made is not None:
            packed_made = agentlog.pack(made)
            payloads.append(packed_made)
        if step.calls:
            packed_calls = agentlog.pack(step.calls)
            payloads.append(packed_calls)
        last = step.calls[-1] if step.calls else None
        values: dict[str, Any] = {
            "status": status,
            "label": step.label,
            "provider": last.provider if last else None,
            "model": last.model if last else None,
            "prompt": last.prompt if last else None,
            "prompt_digest": last.prompt_digest if last else None,
            "calls": len(step.calls),
            "tokens_in": _sum(call.tokens_in for call in step.calls),
            "tokens_out": _sum(call.tokens_out for call in step.calls),
            "first_token_ms": step.calls[0].first_token_ms if step.calls else None,
            "duration_ms": round((time.monotonic() - step.began) * 1000, 3),
            "error_type": None,
            "error": None,
            "preview": views.preview(made),
            "input_sha256": packed_given[0],
            "output_sha256": packed_made[0] if packed_made else None,
            "calls_sha256": packed_calls[0] if packed_calls else None,
            "finished_at": now(),
        }
        return values, payloads

    def _closing(self, step: StepRecord, values: Ending, payloads: Sequence[Any]) -> Unit[list[Event]]:
        events = self._take_unsent()
        run_id, fence, user_id, step_id = self.run_id, self.fence, self.user_id, step.id

        def unit(connection: Connection) -> list[Event]:
            numbered = runs.append_events(connection, run_id, fence, events)
            agentlog.close_step(connection, step_id, user_id, values=values, payloads=payloads)
            return numbered

        return unit

    def take(self, task_id: str) -> Unit[list[Event]] | None:
        """What must commit together with the writes of that task, once."""
        return self._closings.pop(task_id, None)

    def told(self, events: Sequence[Event]) -> None:
        """Tell followers of events that were committed with a task's writes."""
        self._wire.announce(self.run_id, events)

    # The end

    async def finish(
        self,
        *,
        values: dict[str, Any],
        events: Sequence[tuple[str, Mapping[str, Any]]],
        keep: Unit[None] | None = None,
    ) -> None:
        """Close the run: its last events, its status and what it made are one transaction. Raises FenceLost."""
        for kind, data in events:
            self._unsent.append((kind, {"run_id": self.run_id, **data}))
        last = self._take_unsent()
        run_id, fence = self.run_id, self.fence

        def unit(connection: Connection) -> list[Event]:
            if values["status"] == "interrupted" and runs.is_cancel_asked(connection, run_id):
                closing = runs.event_json("run_finished", {"run_id": run_id, "status": "cancelled"})
                cancelled = {"status": "cancelled", "resume": None}
                return runs.finish(connection, run_id, fence, values=cancelled, events=[*last[:-1], closing])
            if keep is not None:
                keep(connection)
            return runs.finish(connection, run_id, fence, values=values, events=last)

        self._wire.announce(run_id, await self._database.write(unit, lane=self.lane))

    async def release(self) -> None:
        """Give the run back unfinished; events that wait are written first."""
        self.flush()
        run_id, fence = self.run_id, self.fence
        await self._database.write(lambda connection: runs.release(connection, run_id, fence), lane=self.lane)


class Recorders:
    """The recorders of the runs that this process executes, as the checkpointer's companions."""

    def __init__(self) -> None:
        self._open: dict[str, RunRecorder] = {}

    def add(self, recorder: RunRecorder) -> None:
        """Make a recorder known for as long as its run is executed here."""
        self._open[recorder.run_id] = recorder

    def remove(self, recorder: RunRecorder) -> None:
        """Forget it, unless a newer claim of the same run has taken its place."""
        if self._open.get(recorder.run_id) is recorder:
            del self._open[recorder.run_id]

    def take(self, run_id: str, task_id: str) -> Unit[object] | None:
        """See `storage.checkpoints.Companions`."""
        recorder = self._open.get(run_id)
        return recorder.take(task_id) if recorder else None

    def committed(self, run_id: str, task_id: str, value: object) -> None:
        """See `storage.checkpoints.Companions`."""
        del task_id
        recorder = self._open.get(run_id)
        if recorder is not None and isinstance(value, list):
            recorder.told(value)  # pyright: ignore[reportUnknownArgumentType]


def _sum(values: Any) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
