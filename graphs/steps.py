"""The one wrapper around every node: it builds an agent's kit, keeps the trace, and degrades where a model fails.

LangGraph owns retries, timeouts and checkpoints, declared here as policies; nothing of them is written by hand.
Refuses to know what any agent does.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt, NodeError, NodeTimeoutError
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, RetryPolicy, Send, TimeoutPolicy

from agents.kit import Kit
from agents.models import ModelFailure, ModelRateLimited, Voice
from graphs.recorder import StepRecord
from graphs.state import RunContext, SongState, Workshop
from graphs.workshop import lone_context
from songwright.errors import SongwrightError, Unfit
from songwright.progress import Progress
from songwright.settings import AgentSettings
from songwright.song import Call, Degradation, KeptSong
from storage import lyrics, playlists

TASK_ID = "__pregel_task_id"  # in `configurable`: the id under which a task's writes are put
Update = dict[str, Any]
Work = Callable[[SongState, Kit], Awaitable[Update]]
Route = Callable[[SongState], Sequence[str | Send]]
Label = Callable[[SongState], str | None]


def retry_policies(settings: AgentSettings) -> tuple[RetryPolicy, ...]:
    """A server that is full gets time (429, 503); other failures worth another try are tried soon.

    LangGraph's default retries neither 429 nor timeouts, so both lists are explicit.
    """
    return (
        RetryPolicy(
            initial_interval=2.0, max_interval=30.0, max_attempts=settings.retries + 1, retry_on=ModelRateLimited
        ),
        RetryPolicy(initial_interval=0.2, max_attempts=settings.retries, retry_on=_is_worth_another_try),
    )


def _is_worth_another_try(error: Exception) -> bool:
    return isinstance(error, NodeTimeoutError) or (isinstance(error, ModelFailure) and error.retry)


def add_step(
    builder: "StateGraph[SongState, RunContext, SongState, SongState]",
    name: str,
    work: Work,
    *,
    agent: str,
    settings: AgentSettings,
    route: Route | None = None,
    label: Label | None = None,
    speaks: bool = True,
) -> None:
    """Add a node that does one agent's work under trace, with its policies.

    `route` says where to go next; it is given so that a degraded step goes the same way as one that succeeded.
    A step that never `speaks` to a model has no time limit: LangGraph's watch over one costs a tenth of a run.
    """
    builder.add_node(
        name,
        partial(_attempt, name, agent, work, label),
        retry_policy=retry_policies(settings),
        timeout=TimeoutPolicy(
            run_timeout=settings.step_timeout_s, idle_timeout=settings.idle_timeout_s, refresh_on="heartbeat"
        )
        if speaks
        else None,
        error_handler=cast(
            "Any", partial(_stand_in, name, agent, work, label, route)
        ),  # LangGraph gives it NodeError too
    )


async def _attempt(
    name: str, agent: str, work: Work, label: Label | None, state: SongState, runtime: Runtime[RunContext]
) -> Update:
    runtime = await _equipped(runtime)
    models = runtime.context.workshop.models
    try:
        choice = await models.choose(state.get("model") or runtime.context.model)
        voice_of, stood_in = choice.voice, choice.degradation
    except Unfit as error:  # it was there when the run was admitted
        voice_of, stood_in = models.fallback, f"{error.detail} The embedded writer stood in."
    update = await _traced(name, agent, work, label, state, runtime, voice_of=voice_of)
    return _declared(update, Degradation(name, stood_in)) if stood_in else update


async def _stand_in(
    name: str,
    agent: str,
    work: Work,
    label: Label | None,
    route: Route | None,
    state: SongState,
    error: NodeError,
    runtime: Runtime[RunContext],
) -> "Command[str]":
    """Do the step again with the embedded writer, after a model failed for good; other errors go on up."""
    reason = _model_failure(error.error)
    if reason is None:
        raise error.error if isinstance(cast("object", error.error), BaseException) else StepBroke(str(error.error))
    runtime = await _equipped(runtime)
    fallback = runtime.context.workshop.models.fallback
    update = await _traced(name, agent, work, label, state, runtime, voice_of=fallback, stands_in=True)
    declared = _declared(update, Degradation(step=name, reason=reason))
    after = {**state, **declared}
    if "sections" in declared:
        after["sections"] = {**state.get("sections", {}), **declared["sections"]}
    return Command(update=declared, goto=list(route(cast("SongState", after))) if route else ())


class StepBroke(SongwrightError):
    """A step had failed with an error of the service's own before its run was taken up again."""


def _model_failure(error: object) -> str | None:
    """The reason, where a model failed; None for any other error.

    An error that was checkpointed comes back as its `repr`, so it is told by its type's name.
    """
    if isinstance(error, ModelFailure | NodeTimeoutError):
        return str(error)
    if isinstance(error, str) and error.partition("(")[0] in _failure_names(ModelFailure):
        return error.partition("(")[2].rstrip(")").strip("'\"")
    return None


def _failure_names(kind: type[Exception]) -> set[str]:
    names = {kind.__name__, NodeTimeoutError.__name__}
    return names.union(*(_failure_names(below) for below in kind.__subclasses__()))


async def _equipped(runtime: Runtime[RunContext]) -> Runtime[RunContext]:
    """The runtime with a context, also where LangGraph's own tools run the graph and give none."""
    context = cast("RunContext | None", runtime.context)
    return runtime if context is not None else runtime.override(context=await lone_context())


def _declared(update: Update, degradation: Degradation) -> Update:
    return {**update, "degraded": [*update.get("degraded", ()), degradation]}


async def _traced(
    name: str,
    agent: str,
    work: Work,
    label: Label | None,
    state: SongState,
    runtime: Runtime[RunContext],
    *,
    voice_of: Callable[[Callable[[Call], None]], Voice],
    stands_in: bool = False,
) -> Update:
    step = begin_step(runtime, node=name, agent=agent, label=label(state) if label else None, stands_in=stands_in)
    kit = make_kit(runtime, step, voice_of(step.calls.append))
    recorder = runtime.context.recorder
    if recorder is None:
        return await work(state, kit)
    recorder.open_step(step)
    try:
        update = await work(state, kit)
    except GraphInterrupt:
        recorder.interrupt_step(step, given=state)
        raise
    except BaseException as error:
        recorder.fail_step(step, error, given=state)
        raise
    recorder.close_step(step, given=state, made=update)
    return update


def begin_step(
    runtime: Runtime[Any], *, node: str, agent: str, label: str | None, stands_in: bool = False
) -> StepRecord:
    """The record of the attempt that LangGraph is executing now.

    An error handler has a task of its own, under whose id its writes come, and execution info of the failed one.
    """
    info = runtime.execution_info
    if info is None:
        raise RuntimeError("LangGraph gave a node no execution info; it was called outside of a graph.")
    return StepRecord(
        agent=agent,
        node=node,
        task_id=str(get_config().get("configurable", {}).get(TASK_ID, info.task_id)),
        attempt=info.node_attempt,
        label=label,
        checkpoint_id=info.checkpoint_id,
        superstep=None,
        stands_in=stands_in,
    )


def make_kit(runtime: Runtime[RunContext], step: StepRecord, voice: Voice) -> Kit:
    """An agent's tools for one step. Every report is a sign of life to the idle timeout."""
    context = runtime.context

    def report(progress: Progress) -> None:
        runtime.heartbeat()
        if context.recorder is not None:
            context.recorder.report(step, progress)
        else:
            runtime.stream_writer(progress)

    return Kit(
        voice=replace(voice, alive=runtime.heartbeat),
        report=report,
        catalogue=context.workshop.catalogue,
        embedder=context.workshop.embedder,
        kept_songs=partial(_kept_songs, context.workshop, context.user_id),
        recently_served=partial(_recently_served, context.workshop, context.user_id),
        memory=context.workshop.cache,
        mood_ttl_s=context.workshop.mood_ttl_s,
    )


async def _kept_songs(workshop: Workshop, user_id: str, text: str) -> tuple[KeptSong, ...]:
    return await workshop.database.read(lambda connection: lyrics.resembling(connection, user_id, text))


async def _recently_served(workshop: Workshop, user_id: str) -> frozenset[str]:
    return await workshop.database.read(lambda connection: playlists.recently_served(connection, user_id))
