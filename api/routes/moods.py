"""How you felt, over time, as it was read from what you wrote."""

from functools import partial

from fastapi import APIRouter, Request, Response

from api.answers import PageOf
from api.deps import CurrentUser, StudioDep
from api.paging import PageDep
from api.shelf import MoodEntryView
from storage import moods

router = APIRouter(prefix="/moods", tags=["Moods"])


@router.get("")
async def list_moods(
    studio: StudioDep, user_id: CurrentUser, page: PageDep, request: Request, response: Response
) -> PageOf[MoodEntryView]:
    """Readings of your mood, newest first."""
    rows = await studio.database.read(partial(moods.listed, user_id=user_id, **page.asked))
    return page.cut(rows, MoodEntryView, request, response)
