"""The first page: two tools side by side, rendered from a dataclass; and the files its browser needs.

Knows what the page offers to choose from; refuses to know runs, songs and playlists, which its scripts ask for.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response
from starlette.types import Scope

from songwright import __version__
from songwright.form import GENRES, STRUCTURES
from songwright.song import Arc

HERE = Path(__file__).parent
STATIC = HERE / "static"
A_YEAR_S = 31_536_000

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list: what is sent, and what a person reads."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class FirstPage:
    """Everything the first page shows before anyone has asked for anything."""

    static: str  # folder of the page's files; its name changes whenever one of them does
    version: str
    ideas: tuple[str, ...]
    genres: tuple[str, ...]
    moods: tuple[str, ...]
    structures: tuple[Choice, ...]
    schemes: tuple[Choice, ...]
    arcs: tuple[Choice, ...]
    weathers: tuple[Choice, ...]
    times: tuple[Choice, ...]


IDEAS = (
    "Leaving the village where everyone knows my name",
    "My daughter learns to ride a bike",
    "An empty flat and one warm light",
)
MOODS = ("wistful", "hopeful", "tender", "joyful", "restless", "defiant", "lonely", "calm", "grateful", "heartbroken")
SCHEMES = (
    Choice("", "As the genre has it"),
    Choice("AABB", "AABB, couplets"),
    Choice("ABAB", "ABAB, crossed"),
    Choice("ABCB", "ABCB, ballad"),
    Choice("ABBA", "ABBA, enclosed"),
    Choice("AAAA", "AAAA, one rhyme"),
    Choice("AABA", "AABA"),
    Choice("AABBCC", "AABBCC, six lines"),
    Choice("XXXX", "No rhyme"),
)
ARCS: dict[Arc, str] = {
    "match": "Stay with the feeling",
    "lift": "Lift me up",
    "calm": "Calm me down",
    "energize": "Wake me up",
    "iso": "Start where I am, lead me over",
    "direct": "Go there at once",
}
WEATHERS = ("clear", "rain", "snow", "storm")  # those that a reading of the mood takes into account
TIMES = ("morning", "evening", "late night")

_PAGES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _digest(folder: Path) -> str:
    """Twelve hex digits that stand for every file of the folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return total.hexdigest()[:12]


class StaticFolder(StaticFiles):
    """Files of the pages. Under the folder's present digest they may be kept for a year, otherwise not unasked.

    Scripts import each other by relative path, so everything a page needs comes from under one digest.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        self.digest = _digest(folder)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file; raises Starlette's 404 where there is none."""
        inner = path.removeprefix(f"{self.digest}/")
        response = await super().get_response(inner, scope)
        keeping = "no-cache" if inner == path else f"public, max-age={A_YEAR_S}, immutable"
        response.headers["Cache-Control"] = keeping
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


static_app = StaticFolder(STATIC)  # mounted at /static by the app


def _choices(first: str, values: tuple[str, ...]) -> tuple[Choice, ...]:
    return (Choice("", first), *(Choice(value, value.capitalize()) for value in values))


def _structure_label(name: str) -> str:
    kinds = ", ".join(kind.value for kind in STRUCTURES[name])
    return f"{name.upper() if name == 'aaba' else name.replace('-', ' ').capitalize()} ({kinds})"


def make_first_page() -> FirstPage:
    """The page's content, from the vocabulary of the service."""
    return FirstPage(
        static=f"/static/{static_app.digest}",
        version=__version__,
        ideas=IDEAS,
        genres=tuple(GENRES),
        moods=MOODS,
        structures=(
            Choice("", "As the genre has it"),
            *(Choice(name, _structure_label(name)) for name in STRUCTURES),
        ),
        schemes=SCHEMES,
        arcs=(Choice("", "As you say it"), *(Choice(arc, ARCS[arc]) for arc in get_args(Arc))),
        weathers=_choices("Does not matter", WEATHERS),
        times=_choices("Does not matter", TIMES),
    )


@router.get("/", include_in_schema=False, response_class=HTMLResponse)
async def first_page(request: Request) -> HTMLResponse:
    """The page where a person writes a song or finds music."""
    del request
    text = _PAGES.get_template("first.html").render(page=make_first_page())
    return HTMLResponse(text, headers=PAGE_HEADERS)
