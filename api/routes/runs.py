"""Runs: what was ordered, how it went, step by step; and the way to cancel, answer, follow or delete one."""

from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Request, Response

from api.answers import (
    Accepted,
    CheckpointView,
    EventPage,
    EventView,
    Items,
    PageOf,
    RunStatus,
    RunSummary,
    RunView,
    StepPayloads,
    StepView,
)
from api.delivery import accepted_answer, run_headers
from api.deps import CurrentUser, JsonBody, RunId, StepId, StreamsDep, StudioDep
from api.negotiation import EVENTS, JSON, Json, accepted
from api.paging import PageDep
from api.problems import described
from api.schemas import ResumeRequest
from api.streams import EventStream
from api.traces import checkpoints_of, forget, step_with_payloads
from songwright.errors import Conflict
from storage import runs

router = APIRouter(prefix="/runs", tags=["Runs"])

CANCEL_WAIT_S = 2.0  # a run that is cancelled here ends within milliseconds
EVENTS_OF_A_PAGE = 500
_INT4 = 2**31 - 1
_FOUND = described(404)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {EVENTS: {"schema": {"type": "string"}}}, "description": "The stream, or a page of events."},
    **described(404, 406),
}


@router.get("")
async def list_runs(
    studio: StudioDep,
    user_id: CurrentUser,
    page: PageDep,
    request: Request,
    response: Response,
    status: RunStatus | None = None,
) -> PageOf[RunSummary]:
    """Your runs, newest first."""
    query = partial(runs.listed, user_id=user_id, status=status, **page.asked)
    return page.cut(await studio.database.read(query), RunSummary, request, response)


@router.get("/{run_id}", responses=_FOUND)
async def get_run(run_id: RunId, studio: StudioDep, user_id: CurrentUser) -> RunView:
    """One run with what went in and what came out."""
    return RunView.model_validate(await studio.run(run_id, user_id))


@router.delete("/{run_id}", status_code=204, responses=described(404, 409))
async def delete_run(run_id: RunId, studio: StudioDep, user_id: CurrentUser) -> None:
    """Delete a finished run with its events, steps and checkpoints; the songs and playlists it made stay."""
    run = await studio.run(run_id, user_id)
    if run.status not in runs.FINAL:
        raise Conflict(f"Run {run_id!r} is {run.status}; cancel it first.")
    await forget(studio, run)


@router.get("/{run_id}/events", response_model=EventPage, responses=_STREAM)
async def follow_run(
    run_id: RunId,
    request: Request,
    studio: StudioDep,
    user_id: CurrentUser,
    streams: StreamsDep,
    after: Annotated[int, Query(ge=0, le=_INT4, description="The last event that you have.")] = 0,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=_INT4, description="The same, as browsers send it; it wins over `after`.")
    ] = None,
) -> Response:
    """A run's events from any point on, each once: as a stream that goes on, or with Accept: JSON as a page."""
    form = accepted(request, EVENTS, JSON)
    run = await studio.run(run_id, user_id)
    seq = after if last_event_id is None else last_event_id
    if form == JSON:
        return await _event_page(studio, run_id, seq)
    return EventStream(
        studio.follow(run_id, after=seq),
        streams=streams,
        heartbeat_s=studio.settings.app.heartbeat_s,
        instance=request.url.path,
        headers=run_headers(run.id),
    )


async def _event_page(studio: StudioDep, run_id: str, after: int) -> Response:
    query = partial(runs.events_after, run_id=run_id, seq=after, limit=EVENTS_OF_A_PAGE)
    events, status = await studio.database.read(query)
    is_all = status in runs.FINAL and len(events) < EVENTS_OF_A_PAGE
    items = [EventView(seq=seq, type=kind, data=orjson.loads(stored)) for seq, kind, stored in events]
    last = items[-1].seq if items else after
    page = EventPage(items=items, status=status, next=None if is_all else last)  # pyright: ignore[reportArgumentType]
    return Json(page.model_dump(), headers=run_headers(run_id))


@router.get("/{run_id}/steps", responses=_FOUND)
async def list_steps(run_id: RunId, studio: StudioDep, user_id: CurrentUser) -> Items[StepView]:
    """Every attempt of every step, in the order they started."""
    run = await studio.run(run_id, user_id)
    rows = await studio.database.read(partial(runs.steps, run_id=run.id))
    return Items(items=[StepView.model_validate(row) for row in rows])


@router.get("/{run_id}/steps/{step_id}", responses=_FOUND)
async def get_step(run_id: RunId, step_id: StepId, studio: StudioDep, user_id: CurrentUser) -> StepPayloads:
    """One attempt with the whole of what it was given, what it made, and its calls to models."""
    return await step_with_payloads(studio, await studio.run(run_id, user_id), step_id)


@router.get("/{run_id}/checkpoints", responses=_FOUND)
async def list_checkpoints(run_id: RunId, studio: StudioDep, user_id: CurrentUser) -> Items[CheckpointView]:
    """The states that the run went through, newest first."""
    return Items(items=await checkpoints_of(studio, await studio.run(run_id, user_id)))


@router.post("/{run_id}/cancel", responses=_FOUND)
async def cancel_run(run_id: RunId, studio: StudioDep, user_id: CurrentUser) -> RunView:
    """Stop a run; one that has ended stays as it is."""
    await studio.cancel(run_id, user_id)
    return RunView.model_validate(await studio.wait(run_id, timeout_s=CANCEL_WAIT_S))


@router.post(
    "/{run_id}/resume",
    status_code=202,
    response_model=Accepted,
    responses=described(400, 404, 409, 413, 415),
    dependencies=[JsonBody],
)
async def resume_run(run_id: RunId, body: ResumeRequest, studio: StudioDep, user_id: CurrentUser) -> Response:
    """Answer what an interrupted run asks; it goes on from there."""
    answer = accepted_answer(await studio.resume(run_id, user_id, body.value))
    answer.headers.update(run_headers(run_id))
    return answer
