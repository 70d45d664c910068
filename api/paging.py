"""Lists by keyset: a page names the row it ends with, and the next one starts there, however much is added meanwhile.

Knows cursors and links; refuses to know what is listed.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from api.answers import Answer, PageOf
from api.deps import UUID

View = TypeVar("View", bound=Answer)


def _cursor_of(row_id: str) -> str:
    return urlsafe_b64encode(row_id.encode()).decode().rstrip("=")


def _row_id(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        row_id = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        row_id = ""
    if not UUID.fullmatch(row_id):
        raise PydanticCustomError("cursor", "This is no cursor of ours; take it from the `next` of a page")
    return row_id


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for: so many rows, from before the row of that id."""

    limit: int
    before: str | None

    @property
    def asked(self) -> dict[str, Any]:
        """What the list functions of `storage` take; one row more tells whether there is a next page."""
        return {"limit": self.limit + 1, "before": self.before}

    def cut(self, rows: Sequence[Any], view: type[View], request: Request, response: Response) -> PageOf[View]:
        """The page of those rows, with the cursor of the next one in the body and in the Link header."""
        shown = rows[: self.limit]
        cursor = _cursor_of(shown[-1].id) if len(rows) > self.limit else None
        if cursor is not None:
            following = request.url.include_query_params(cursor=cursor)
            response.headers["link"] = f'<{following.path}?{following.query}>; rel="next"'
        return PageOf(items=[view.model_validate(row) for row in shown], next=cursor)


def _page(
    limit: Annotated[int, Query(ge=1, le=100, description="Rows of a page.")] = 20,
    cursor: Annotated[
        str | None, Query(max_length=64, description="The `next` of the page before."), AfterValidator(_row_id)
    ] = None,
) -> Page:
    return Page(limit, cursor)


PageDep = Annotated[Page, Depends(_page)]
