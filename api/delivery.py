"""From an order to an answer: the run is started, then streamed, waited for, or answered with where it will be.

Knows the three ways of answering; refuses to know what is ordered.
"""

import secrets
from hashlib import sha256
from typing import Annotated, Literal

import orjson
from fastapi import Header, Request
from starlette.responses import Response

from api.limits import OpenStreams
from api.negotiation import EVENTS, JSON, Json, accepted, preference
from api.problems import problem, stored_problem
from api.schemas import GenerateRequest, RecommendRequest
from api.streams import EventStream, while_here
from graphs.coordinator import BRIEF, NAME
from graphs.outcome import links_json
from graphs.studio import Order, Studio
from songwright.errors import Conflict, NotFound, Unfit
from storage.tables import Run

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,255}$",
        description="A key of your own; the same key with the same body gives the first run again.",
    ),
]
Prefer = Annotated[
    str | None,
    Header(description="`wait=N` waits so many seconds, `respond-async` answers 202 at once (RFC 7240)."),
]


async def ordered(
    kind: Literal["generate", "recommend"],
    body: GenerateRequest | RecommendRequest,
    *,
    studio: Studio,
    user_id: str,
    key: str | None,
) -> Order:
    """The order for a request. Raises Unfit where it names a model or a catalogue that cannot be used."""
    brief = body.brief(seed=body.seed if body.seed is not None else secrets.randbits(31))
    field, most = ("/prompt" if kind == "generate" else "/text"), studio.settings.limits.prompt_chars
    if len(brief.prompt) > most:
        raise Unfit(f"The text has {len(brief.prompt)} characters; {most} are taken at most.", pointer=field)
    if body.model is not None:
        await studio.workshop.models.choose(body.model)
    if brief.catalogue is not None:
        try:
            await studio.workshop.catalogue.tracks(brief.catalogue)
        except NotFound as error:
            raise Unfit(error.detail, pointer="/catalogue") from error
    kept = BRIEF.dump_python(brief, mode="json")
    BRIEF.validate_python(kept)
    return Order(
        user_id=user_id,
        graph=NAME,
        kind=kind,
        input={"brief": kept, "model": body.model},
        preview=brief.prompt,
        idempotency_key=key,
        body_digest=_digest(kind, body) if key else None,
    )


def _digest(kind: str, body: GenerateRequest | RecommendRequest) -> str:
    """A sha256 that equal requests share, however their JSON is written."""
    canonical = {"kind": kind, "body": body.model_dump(mode="json")}
    return sha256(orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def deliver(
    order: Order,
    *,
    request: Request,
    studio: Studio,
    streams: OpenStreams,
    on_disconnect: Literal["continue", "cancel"],
) -> Response:
    """Start the run and answer as the request's Accept and Prefer ask."""
    form = accepted(request, JSON, EVENTS)
    if form == EVENTS:
        streams.check()
    run = await studio.start(order)

    async def farewell() -> None:
        if on_disconnect == "cancel":
            await studio.cancel(run.id, order.user_id)

    if form == EVENTS:
        return EventStream(
            studio.follow(run.id),
            streams=streams,
            heartbeat_s=studio.settings.app.heartbeat_s,
            instance=request.url.path,
            headers=run_headers(run.id),
            on_gone=farewell,
        )
    wish = preference(request.headers.getlist("prefer"), usual_wait_s=studio.settings.app.wait_s)
    waiting = studio.wait(run.id, timeout_s=wish.wait_s)
    ended, has_left = await while_here(request.receive, waiting, closing=streams.closing)
    if has_left:
        await farewell()
    answer = answer_of(ended or run, request)
    if wish.applied:
        answer.headers["preference-applied"] = wish.applied
    return answer


def run_headers(run_id: str) -> dict[str, str]:
    """What every answer about a run says of it."""
    return {
        "x-songwright-run": run_id,
        "link": f'</runs/{run_id}>; rel="trace"',
        "vary": "Accept, Prefer",
    }


def answer_of(run: Run, request: Request) -> Response:
    """200 with the result, the problem it failed with, or 202 with where it will be."""
    if run.status == "succeeded":
        answer: Response = Json(run.result)
    elif run.status == "failed":
        answer = stored_problem(run.problem, request.scope)
    elif run.status == "cancelled":
        answer = problem(Conflict(f"Run {run.id!r} was cancelled before it had ended."), request.scope)
    else:
        answer = accepted_answer(run)
    answer.headers.update(run_headers(run.id))
    return answer


def accepted_answer(run: Run) -> Json:
    """202 for a run that has not ended, with what it asks where it waits for a person."""
    body = {"run_id": run.id, "status": run.status, "links": links_json(run.id)}
    asked = {"interrupts": run.interrupts} if run.interrupts else {}
    return Json({**body, **asked}, status_code=202, headers={"location": f"/runs/{run.id}"})
