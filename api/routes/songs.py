"""The product's main job: a song or a playlist, from what a person says."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import Accepted, PlaylistAnswer, SongAnswer
from api.delivery import IdempotencyKey, Prefer, deliver, ordered
from api.deps import CurrentUser, JsonBody, StreamsDep, StudioDep
from api.negotiation import EVENTS
from api.problems import described
from api.schemas import GenerateRequest, RecommendRequest

router = APIRouter(tags=["Songs and playlists"])

_RUN_HEADERS = {
    "X-Songwright-Run": {"description": "The run's id.", "schema": {"type": "string"}},
    "Link": {"description": "Where its trace is, rel=trace.", "schema": {"type": "string"}},
}
_STREAM = {
    "schema": {"type": "string"},
    "example": 'event: token\ndata: {"run_id": "…", "section": "Verse 1", "text": "I took "}\nid: 7\n\n',
}
_WAYS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result, or the stream of events.",
        "content": {EVENTS: _STREAM},
        "headers": _RUN_HEADERS,
    },
    202: {
        "model": Accepted,
        "description": "It takes longer, waits for a person, or was asked to answer at once: look at Location.",
        "headers": _RUN_HEADERS | {"Location": {"schema": {"type": "string"}}},
    },
    **described(400, 406, 409, 413, 415),
}


@router.post("/generate", response_model=SongAnswer, responses=_WAYS, dependencies=[JsonBody])
async def generate(
    body: GenerateRequest,
    request: Request,
    studio: StudioDep,
    user_id: CurrentUser,
    streams: StreamsDep,
    key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Write a song.

    Waits for it (`Prefer: wait=N`), answers at once (`Prefer: respond-async`), or streams it
    (`Accept: text/event-stream`).
    """
    del prefer  # documented here, read with all its lines in `deliver`
    order = await ordered("generate", body, studio=studio, user_id=user_id, key=key)
    return await deliver(order, request=request, studio=studio, streams=streams, on_disconnect=body.on_disconnect)


@router.post("/recommend", response_model=PlaylistAnswer, responses=_WAYS, dependencies=[JsonBody])
async def recommend(
    body: RecommendRequest,
    request: Request,
    studio: StudioDep,
    user_id: CurrentUser,
    streams: StreamsDep,
    key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Recommend a playlist for how a person feels, with a reason for every track.

    Answers in the same three ways as `/generate`.
    """
    del prefer
    order = await ordered("recommend", body, studio=studio, user_id=user_id, key=key)
    return await deliver(order, request=request, studio=studio, streams=streams, on_disconnect=body.on_disconnect)
