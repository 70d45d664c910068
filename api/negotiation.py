"""Which form an answer takes: what the client accepts (RFC 9110) and what it prefers (RFC 7240).

Knows headers; refuses to know what is answered.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from typing_extensions import override

JSON = "application/json"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"
HTML = "text/html"
LONGEST_WAIT_S = 600.0

_QUALITY = re.compile(r"q\s*=\s*([01](?:\.\d{0,3})?)", re.ASCII)


class Json(Response):
    """A JSON answer, written as it stands: values were checked before they were kept."""

    media_type = JSON

    @override
    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)


def best_of(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that an Accept header wants most; of equals the first, None where it wants none of them."""
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    weighed = [(_quality(offer, ranges), offer) for offer in offers]
    best = max(weighed, key=lambda pair: pair[0])
    return best[1] if best[0] > 0 else None


def _media_range(part: str) -> tuple[str, float]:
    name, _, parameters = part.strip().partition(";")
    found = _QUALITY.search(parameters)
    return name.strip().lower(), float(found[1]) if found else 1.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that matches the offer, 0 where none does."""
    kind = offer.partition("/")[0]
    for wanted in (offer, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == wanted:
                return quality
    return 0.0


def accepted(request: Request, *offers: str) -> str:
    """The offer this request wants most. Raises 406 where it wants none of them."""
    chosen = best_of(request.headers.get("accept"), offers)
    if chosen is None:
        raise HTTPException(406, f"This address answers with {' or '.join(offers)}; name one of them in Accept.")
    return chosen


@dataclass(frozen=True, slots=True)
class Preference:
    """How long a JSON answer waits for its run, and what of the client's wish was honoured."""

    wait_s: float
    applied: str | None


def preference(prefer: Sequence[str], *, usual_wait_s: float) -> Preference:
    """What Prefer asks: `respond-async` answers at once, `wait=N` after N seconds at the latest."""
    tokens = [token.strip().lower() for line in prefer for token in line.split(",")]
    for token in tokens:
        name, _, value = token.partition(";")[0].partition("=")
        seconds = value.strip().strip('"')
        if name.strip() == "wait" and re.fullmatch(r"\d{1,9}", seconds, re.ASCII):
            wait_s = min(float(seconds), LONGEST_WAIT_S)
            return Preference(wait_s, f"wait={wait_s:.0f}")
    if "respond-async" in (token.partition(";")[0].strip() for token in tokens):
        return Preference(0.0, "respond-async")
    return Preference(usual_wait_s, None)
