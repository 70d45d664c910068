"""The API's documentation, from files of this service alone, so that it works without a network."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.pages import rendered

router = APIRouter(include_in_schema=False)


def _answer(template: str) -> HTMLResponse:
    page = rendered(template)
    return HTMLResponse(page.text, headers=page.headers)


@router.get("/docs")
async def swagger_ui() -> HTMLResponse:
    """Swagger UI, to read and to try."""
    return _answer("docs.html")


@router.get("/redoc")
async def redoc() -> HTMLResponse:
    """Redoc, to read."""
    return _answer("redoc.html")
