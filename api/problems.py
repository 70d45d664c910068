"""How errors become HTTP: problem details (RFC 9457), each with a type whose page exists.

The only file that knows both the errors and HTTP. Refuses to tell a client what went on inside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from api.negotiation import PROBLEM, Json
from songwright.errors import (
    Conflict,
    NotFound,
    Overworked,
    Refused,
    SongwrightError,
    Unavailable,
    Unfit,
    problem_json,
)

log = structlog.get_logger()

MOST_ERRORS = 20  # faults of one body that are told


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One type of problem, as its page explains it."""

    slug: str
    title: str
    status: int
    meaning: str
    remedy: str


def _of(error: type[SongwrightError], meaning: str, remedy: str) -> ProblemKind:
    return ProblemKind(error.slug, error.title, error.status, meaning, remedy)


KINDS: dict[str, ProblemKind] = {
    kind.slug: kind
    for kind in (
        _of(
            NotFound,
            "The address or the id names nothing that you can see. What belongs to somebody else is answered alike.",
            "Check the id; lists such as GET /runs, /lyrics and /playlists name what there is.",
        ),
        _of(
            Conflict,
            "The thing exists, but its present state forbids what was asked: it has ended, was changed meanwhile,"
            " or an Idempotency-Key came with another body.",
            "Read it again and repeat the request if it still makes sense; use a new Idempotency-Key for a new body.",
        ),
        _of(
            Refused,
            "The request is not allowed: it comes from a page of another origin, or names a host that is not this"
            " service's.",
            "Call the service from its own pages or from a program, or add the origin to SONGWRIGHT_CORS__ORIGINS.",
        ),
        _of(
            Unfit,
            "The request was read, but a value in it cannot be used. `errors` points to each fault.",
            "Mend what `errors` names; /docs shows every field with its bounds.",
        ),
        _of(
            Overworked,
            "A queue or a bound is full at this moment, so that nothing more is taken on.",
            "Send the request again after the seconds that Retry-After names.",
        ),
        _of(
            Unavailable,
            "A part that the answer needs (the database, a model) cannot be reached.",
            "Try again in a moment; GET /health/info tells the state of every part.",
        ),
        _of(
            SongwrightError,
            "The service met an error of its own. Nothing of what was kept before is lost.",
            "Try again; if it stays, report the trace_id, under which the service's log has the whole story.",
        ),
        ProblemKind(
            "unreadable",
            "The request cannot be read",
            400,
            "The request is not well-formed: its body is no JSON text in UTF-8, or nests too deep.",
            "Send one JSON value in UTF-8 with Content-Type: application/json.",
        ),
        ProblemKind(
            "method-not-allowed",
            "Method not allowed",
            405,
            "The address exists, but not for this method.",
            "Use one of the methods that the Allow header names.",
        ),
        ProblemKind(
            "not-acceptable",
            "No acceptable form",
            406,
            "The answer does not exist in a form that the Accept header admits.",
            "Accept application/json, or text/event-stream where the address streams.",
        ),
        ProblemKind(
            "stale",
            "Changed meanwhile",
            412,
            "If-Match names a version that is no longer the present one.",
            "Read the resource again, look at what changed, and send the ETag you got.",
        ),
        ProblemKind(
            "too-large",
            "The request is too large",
            413,
            "The body has more bytes than the service takes (SONGWRIGHT_LIMITS__BODY_BYTES).",
            "Send less; a prompt needs no more than some thousand characters.",
        ),
        ProblemKind(
            "unsupported-media-type",
            "Unsupported media type",
            415,
            "The body is not in a form that this address reads.",
            "Send JSON, uncompressed, with Content-Type: application/json.",
        ),
        ProblemKind(
            "bad-request",
            "Bad request",
            400,
            "The request was refused before it reached its address.",
            "Compare it with the examples at /docs.",
        ),
    )
}

_BY_STATUS = {400: "unreadable", 404: "not-found", 405: "method-not-allowed", 406: "not-acceptable"} | {
    403: "refused",
    412: "stale",
    413: "too-large",
    415: "unsupported-media-type",
    503: "overworked",
}
_SENTENCES = {
    400: "The body cannot be read; send one JSON value in UTF-8.",
    404: "There is nothing at this address; GET / names where to start.",
    405: "This address does not know that method; the Allow header names those it knows.",
}


def trace_id_of(scope: Scope) -> str | None:
    """The id of the request, under which the log tells of it."""
    state: Mapping[str, Any] = scope.get("state") or {}
    return state.get("request_id")


def problem(error: SongwrightError, scope: Scope) -> Response:
    """The answer to a request that met this error."""
    body = problem_json(error, instance=quote(scope["path"]), trace_id=trace_id_of(scope))
    headers: dict[str, str] = {}
    if isinstance(error, Unfit) and error.pointer:
        body["errors"] = [{"in": "body", "pointer": error.pointer, "detail": error.detail}]
    if isinstance(error, Overworked):
        headers["retry-after"] = str(error.retry_after_s)
    elif isinstance(error, Unavailable):
        headers["retry-after"] = "5"
    return Json(body, status_code=error.status, media_type=PROBLEM, headers=headers)


def problem_of_kind(
    slug: str, detail: str, scope: Scope, *, headers: Mapping[str, str] | None = None, status: int | None = None
) -> Response:
    """The answer for a kind of problem that belongs to HTTP alone."""
    kind = KINDS[slug]
    body: dict[str, Any] = {
        "type": f"/problems/{slug}",
        "title": kind.title,
        "status": status or kind.status,
        "detail": detail,
        "instance": quote(scope["path"]),
    }
    if trace_id := trace_id_of(scope):
        body["trace_id"] = trace_id
    return Json(body, status_code=status or kind.status, media_type=PROBLEM, headers=headers)


def stored_problem(kept: Mapping[str, Any], scope: Scope) -> Response:
    """The answer for a run that failed: the problem it ended with."""
    body = {**kept, "trace_id": trace_id_of(scope)}
    headers = {"retry-after": "5"} if kept["status"] == 503 else None
    return Json(body, status_code=kept["status"], media_type=PROBLEM, headers=headers)


async def _on_known(request: Request, error: Exception) -> Response:
    if not isinstance(error, SongwrightError):
        raise error
    if error.status >= 500:
        log.warning("request_failed", reason=error.detail, type=type(error).__name__)
    return problem(error, request.scope)


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    if status in (204, 304):
        return Response(status_code=status, headers=error.headers)
    is_plain = status in _SENTENCES and (status != 400 or "parsing" in error.detail)
    detail = _SENTENCES[status] if is_plain else error.detail
    slug = _BY_STATUS.get(status, "bad-request")
    return problem_of_kind(slug, detail, request.scope, headers=error.headers, status=status)


async def _on_unfit(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [_fault(fault) for fault in error.errors()[:MOST_ERRORS]]
    told = "; ".join(f"{fault['pointer'] or 'the body'}: {fault['detail']}" for fault in faults[:3])
    detail = f"The request cannot be used: {told}"[:1000]
    body = problem_json(Unfit(detail), instance=quote(request.url.path), trace_id=trace_id_of(request.scope))
    return Json({**body, "errors": faults}, status_code=422, media_type=PROBLEM)


def _fault(fault: Mapping[str, Any]) -> dict[str, str]:
    place, *path = fault["loc"]
    if fault["type"] == "json_invalid":
        detail = f"The body is no JSON text: {fault['ctx']['error']} at character {path[0]}."
        return {"in": "body", "pointer": "", "detail": _plain(detail)}
    ctx: Mapping[str, Any] = fault.get("ctx") or {}
    pointer = str(ctx.get("pointer", "")) or json_pointer(path)
    message = str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
    return {"in": str(place), "pointer": _plain(pointer), "detail": f"{_plain(message)}."}


def json_pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) to the value at that path."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _plain(text: str) -> str:
    """Text that can be sent: bounded, what UTF-8 cannot hold is escaped."""
    return text[:300].encode("utf-8", "backslashreplace").decode()


async def _on_anything(request: Request, error: Exception) -> Response:
    """The last resort. Starlette raises the error again for the server's log."""
    log.error("request_broke", type=type(error).__name__, request_id=trace_id_of(request.scope))
    answer = problem(
        SongwrightError("The service met an error of its own; its log has it under the trace_id."), request.scope
    )
    answer.headers["x-content-type-options"] = "nosniff"  # the envelope around every other answer is inside of this
    if trace_id := trace_id_of(request.scope):
        answer.headers["x-request-id"] = trace_id
    return answer


def install(app: FastAPI) -> None:
    """Make every error of this app a problem."""
    app.add_exception_handler(SongwrightError, _on_known)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_unfit)
    app.add_exception_handler(Exception, _on_anything)


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of the problems an operation may answer with."""
    by_status: dict[int, ProblemKind] = {}
    for kind in KINDS.values():
        by_status.setdefault(kind.status, kind)
    return {
        status: {
            "description": by_status[status].title,
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }
