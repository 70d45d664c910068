"""Songs that were kept: read, listed, edited by a person, deleted; every version stays."""

import asyncio
import re
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.exceptions import HTTPException

from api.answers import Items, PageOf, WriterView
from api.deps import CurrentUser, JsonBody, LyricsId, StudioDep
from api.edits import Section, sung, with_lines, with_sections
from api.paging import PageDep
from api.problems import described
from api.schemas import LyricsEdit
from api.shelf import LyricsSummary, LyricsView, VersionView
from storage import lyrics
from storage.lyrics import KeptLyrics

router = APIRouter(prefix="/lyrics", tags=["Lyrics"])

IfMatch = Annotated[str | None, Header(max_length=100, description="The ETag of the version the edit was made on.")]
_ETAG = re.compile(r'(?:W/)?"?(\d{1,9})"?', re.ASCII)


@router.get("")
async def list_lyrics(
    studio: StudioDep, user_id: CurrentUser, page: PageDep, request: Request, response: Response
) -> PageOf[LyricsSummary]:
    """Your songs, newest first."""
    rows = await studio.database.read(partial(lyrics.listed, user_id=user_id, **page.asked))
    return page.cut(rows, LyricsSummary, request, response)


@router.get("/{lyrics_id}", responses=described(404))
async def get_lyrics(
    lyrics_id: LyricsId,
    studio: StudioDep,
    user_id: CurrentUser,
    response: Response,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="An earlier version.")] = None,
) -> LyricsView:
    """One song with its words."""
    query = partial(lyrics.one, user_id=user_id, lyrics_id=lyrics_id, number=version)
    return _shown(await studio.database.read(query), response)


@router.get("/{lyrics_id}/versions", responses=described(404))
async def list_versions(lyrics_id: LyricsId, studio: StudioDep, user_id: CurrentUser) -> Items[VersionView]:
    """Every version of a song's words, first to last."""
    rows = await studio.database.read(partial(lyrics.versions, user_id=user_id, lyrics_id=lyrics_id))
    return Items(items=[VersionView.model_validate(row) for row in rows])


@router.patch("/{lyrics_id}", responses=described(400, 404, 409, 412, 413, 415), dependencies=[JsonBody])
async def edit_lyrics(
    lyrics_id: LyricsId,
    body: LyricsEdit,
    studio: StudioDep,
    user_id: CurrentUser,
    response: Response,
    if_match: IfMatch = None,
) -> LyricsView:
    """Change a song's title, status or words; changed words become a new version and are measured anew."""
    kept = await studio.database.read(partial(lyrics.one, user_id=user_id, lyrics_id=lyrics_id))
    _check_match(if_match, kept.lyrics.version)
    sections = await asyncio.to_thread(_edited, kept, body)
    edit = partial(
        lyrics.edit,
        user_id=user_id,
        lyrics_id=lyrics_id,
        values={name: value for name in ("title", "status") if (value := getattr(body, name)) is not None},
        sections=sections,
        text=sung(sections) if sections else "",
        note=body.note,
        expected_version=body.version or kept.lyrics.version,
    )
    return _shown(await studio.database.write(edit), response)


@router.delete("/{lyrics_id}", status_code=204, responses=described(404))
async def delete_lyrics(lyrics_id: LyricsId, studio: StudioDep, user_id: CurrentUser) -> None:
    """Delete a song with all its versions."""
    await studio.database.write(partial(lyrics.erase, user_id=user_id, lyrics_id=lyrics_id))


def _check_match(if_match: str | None, version: int) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    wanted = [_ETAG.fullmatch(tag.strip()) for tag in if_match.split(",")]
    if version not in {int(tag[1]) for tag in wanted if tag is not None}:
        raise HTTPException(412, f"The song is at version {version}; read it again before you change it.")


def _edited(kept: KeptLyrics, body: LyricsEdit) -> list[Section] | None:
    """The sections after the edit, None where no words change."""
    before: list[Section] = [_section(section) for section in kept.sections]
    if body.lines is not None:
        after = with_lines(before, body.lines)
    elif body.sections is not None:
        after = with_sections(before, body.sections)
    else:
        return None
    return None if after == before else after


def _section(section: Any) -> Section:
    return {"name": section.name, "kind": section.kind, "lines": section.lines}


def _shown(kept: KeptLyrics, response: Response) -> LyricsView:
    song, version = kept.lyrics, kept.version
    response.headers["etag"] = f'"{version.number}"'
    return LyricsView.model_validate(
        {
            **song.model_dump(),
            "version": version.number,
            "author": version.author,
            "note": version.note,
            "text": version.text,
            "sections": [_section(section) for section in kept.sections],
            "writer": WriterView(provider=song.writer_provider, model=song.writer_model),
        }
    )
