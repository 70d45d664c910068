"""What handlers ask for: the Studio, the user, ids, and a body that is JSON.

Knows where the app keeps its parts; refuses to know what handlers do with them.
"""

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import AfterValidator
from starlette.exceptions import HTTPException

from api.limits import OpenStreams
from graphs.studio import Studio
from songwright.errors import NotFound
from storage.cache import Cache

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def _studio(request: Request) -> Studio:
    return request.app.state.studio


def _cache(request: Request) -> Cache:
    return request.app.state.cache


def _streams(request: Request) -> OpenStreams:
    return request.app.state.streams


StudioDep = Annotated[Studio, Depends(_studio)]
CacheDep = Annotated[Cache, Depends(_cache)]
StreamsDep = Annotated[OpenStreams, Depends(_streams)]


def _current_user(studio: StudioDep) -> str:
    """The open mode has one user, who is at this machine."""
    return studio.local_user_id


CurrentUser = Annotated[str, Depends(_current_user)]


def _known_as(thing: str) -> Callable[[str], str]:
    def known(value: str) -> str:
        if not UUID.fullmatch(value):
            raise NotFound(f"There is no {thing} {value[:80]!r}.")
        return value

    return known


_FORMAT = {"format": "uuid"}
RunId = Annotated[str, Path(json_schema_extra=_FORMAT), AfterValidator(_known_as("run"))]
StepId = Annotated[str, Path(json_schema_extra=_FORMAT), AfterValidator(_known_as("step"))]
LyricsId = Annotated[str, Path(json_schema_extra=_FORMAT), AfterValidator(_known_as("song"))]
PlaylistId = Annotated[str, Path(json_schema_extra=_FORMAT), AfterValidator(_known_as("playlist"))]


async def _json_body(request: Request) -> None:
    if not await request.body():
        return
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if encoding != "identity":
        raise HTTPException(415, f"The body is encoded as {encoding[:40]!r}; send it uncompressed.")
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HTTPException(415, f"The body is {kind[:80]!r}; send JSON with Content-Type: application/json.")


JsonBody = Depends(_json_body)
