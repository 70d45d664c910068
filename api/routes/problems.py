"""The page behind every problem's `type`: what it means and what to do about it."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.answers import Items, ProblemKindView
from api.negotiation import HTML, JSON, PROBLEM, Json, accepted
from api.pages import rendered
from api.problems import KINDS, ProblemKind, described
from songwright.errors import NotFound

router = APIRouter(prefix="/problems", tags=["Problems"])


def _shown(kind: ProblemKind) -> ProblemKindView:
    return ProblemKindView(
        type=f"/problems/{kind.slug}",
        title=kind.title,
        status=kind.status,
        meaning=kind.meaning,
        remedy=kind.remedy,
    )


@router.get("")
async def list_problems() -> Items[ProblemKindView]:
    """Every type of problem."""
    return Items(items=[_shown(kind) for kind in KINDS.values()])


@router.get(
    "/{slug}",
    response_model=ProblemKindView,
    responses={200: {"content": {HTML: {"schema": {"type": "string"}}}}, **described(404, 406)},
)
async def explain_problem(slug: str, request: Request) -> Response:
    """One type of problem, as a page for people or as JSON for programs."""
    kind = KINDS.get(slug)
    if kind is None:
        raise NotFound(f"There is no problem {slug[:80]!r}; there are {', '.join(KINDS)}.")
    if accepted(request, JSON, HTML, PROBLEM) == HTML:
        page = rendered("problem.html", kind=kind)
        return HTMLResponse(page.text, headers=page.headers)
    return Json(_shown(kind).model_dump())
