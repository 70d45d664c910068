"""Playlists as they were served, and what you said of them."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from api.answers import Items, PageOf, TrackView, WriterView
from api.deps import CurrentUser, JsonBody, PlaylistId, StudioDep
from api.paging import PageDep
from api.problems import described
from api.schemas import FeedbackRequest
from api.shelf import FeedbackView, PlaylistSummary, PlaylistView
from storage import playlists
from storage.resources import Feedback

router = APIRouter(prefix="/playlists", tags=["Playlists"])


@router.get("")
async def list_playlists(
    studio: StudioDep, user_id: CurrentUser, page: PageDep, request: Request, response: Response
) -> PageOf[PlaylistSummary]:
    """Your playlists, newest first."""
    rows = await studio.database.read(partial(playlists.listed, user_id=user_id, **page.asked))
    return page.cut(rows, PlaylistSummary, request, response)


@router.get("/{playlist_id}", responses=described(404))
async def get_playlist(playlist_id: PlaylistId, studio: StudioDep, user_id: CurrentUser) -> PlaylistView:
    """One playlist with its tracks in listening order."""
    query = partial(playlists.one, user_id=user_id, playlist_id=playlist_id)
    playlist, places = await studio.database.read(query)
    tracks: list[dict[str, Any]] = [{**place.model_dump(), "id": place.external_id} for place in places]
    writer = WriterView(provider=playlist.writer_provider, model=playlist.writer_model)
    shown = {**playlist.model_dump(), "tracks": [TrackView.model_validate(t) for t in tracks], "writer": writer}
    return PlaylistView.model_validate(shown)


@router.delete("/{playlist_id}", status_code=204, responses=described(404))
async def delete_playlist(playlist_id: PlaylistId, studio: StudioDep, user_id: CurrentUser) -> None:
    """Delete a playlist with what you said of it."""
    await studio.database.write(partial(playlists.erase, user_id=user_id, playlist_id=playlist_id))


@router.post(
    "/{playlist_id}/feedback", status_code=201, responses=described(400, 404, 413, 415), dependencies=[JsonBody]
)
async def give_feedback(
    playlist_id: PlaylistId, body: FeedbackRequest, studio: StudioDep, user_id: CurrentUser
) -> FeedbackView:
    """Say what you think of a playlist, or of one of its tracks."""
    feedback = Feedback(user_id=user_id, playlist_id=playlist_id, **body.model_dump())
    kept = await studio.database.write(partial(playlists.give_feedback, feedback=feedback))
    return FeedbackView.model_validate(kept)


@router.get("/{playlist_id}/feedback", responses=described(404))
async def list_feedback(playlist_id: PlaylistId, studio: StudioDep, user_id: CurrentUser) -> Items[FeedbackView]:
    """What you said of a playlist, oldest first."""
    query = partial(playlists.feedback_on, user_id=user_id, playlist_id=playlist_id)
    return Items(items=[FeedbackView.model_validate(row) for row in await studio.database.read(query)])
