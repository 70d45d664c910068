"""The one family of errors a caller can meet. Knows nothing of HTTP: `api/problems.py` translates.

SongwrightError
├── NotFound      the thing named does not exist, or is not the caller's
├── Conflict      it exists, but its state forbids what was asked
├── Refused       the caller may not do this
├── Unfit         the input cannot be used as it stands
├── Overworked    a queue or budget is full; later it will do
└── Unavailable   a part the answer needs is away
"""

from typing import Any, ClassVar


class SongwrightError(Exception):
    """Base of the family. The message is one sentence: what is wrong (value by !r) and what to do."""

    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"
    status: ClassVar[int] = 500

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(SongwrightError):
    """Raised where an id names nothing the caller can see."""

    slug, title, status = "not-found", "Not found", 404


class Conflict(SongwrightError):
    """Raised where the thing's present state forbids the request."""

    slug, title, status = "conflict", "Conflict with the present state", 409


class Refused(SongwrightError):
    """Raised where the caller is not allowed."""

    slug, title, status = "refused", "Refused", 403


class Unfit(SongwrightError):
    """Raised where input cannot be used; `pointer` is a JSON pointer (RFC 6901) to the offending part."""

    slug, title, status = "unfit", "The input cannot be used", 422

    def __init__(self, detail: str, *, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class Overworked(SongwrightError):
    """Raised where a bound is reached; `retry_after_s` says when to come back, in seconds."""

    slug, title, status = "overworked", "Too much at once", 503

    def __init__(self, detail: str, *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(SongwrightError):
    """Raised where a part that the answer needs cannot be reached."""

    slug, title, status = "unavailable", "A needed part is away", 503


def problem_json(error: SongwrightError, *, instance: str, trace_id: str | None = None) -> dict[str, Any]:
    """The error as an RFC 9457 problem object; `instance` is the URI reference of the thing it befell."""
    body: dict[str, Any] = {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
    }
    return body | ({"trace_id": trace_id} if trace_id else {})
