"""Where to start: the first page for people, and its links for programs."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import Root
from api.dashboard.pages import first_page
from api.negotiation import HTML, JSON, Json, accepted
from api.problems import described
from songwright import __version__

router = APIRouter()

_LINKS = {
    "generate": "/generate",
    "recommend": "/recommend",
    "runs": "/runs",
    "lyrics": "/lyrics",
    "playlists": "/playlists",
    "moods": "/moods",
    "health": "/health",
    "problems": "/problems",
    "docs": "/docs",
    "redoc": "/redoc",
    "openapi": "/openapi.json",
}


@router.get(
    "/",
    response_model=Root,
    responses={200: {"content": {HTML: {"schema": {"type": "string"}}}}, **described(406)},
    tags=["Health"],
)
async def root(request: Request) -> Response:
    """Where to start: a page for browsers, links for programs."""
    if accepted(request, JSON, HTML) == HTML:
        page = await first_page(request)
        page.headers["vary"] = "Accept"
        return page
    return Json(Root(name="Songwright", version=__version__, links=_LINKS).model_dump(), headers={"vary": "Accept"})
