"""What a command needs of a Studio, wherever it is, and the check that a request's body passes before it goes there.

Refuses to know which of the two ways is taken (`api.cli_doors`).
"""

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

from pydantic import ValidationError

from api.schemas import GenerateRequest, RecommendRequest
from songwright.errors import Unfit

Kind = Literal["generate", "recommend"]
Event = tuple[int, str, dict[str, Any]]  # number, type, data


class Door(Protocol):
    """What commands need of a Studio."""

    async def start(self, kind: Kind, body: dict[str, Any]) -> str:
        """Admit a run; gives its id. Raises Unfit where the body cannot be used."""
        ...

    def follow(self, run_id: str, *, after: int) -> AsyncIterator[Event]:
        """Its events above `after`, each once, until it ends or asks."""
        ...

    async def resume(self, run_id: str, answer: dict[str, Any]) -> None:
        """Answer what it asks."""
        ...

    async def cancel(self, run_id: str) -> None:
        """Stop it."""
        ...

    async def runs(self, *, limit: int) -> list[dict[str, Any]]:
        """The newest runs: id, kind, status, preview, created_at."""
        ...


def checked(kind: Kind, body: dict[str, Any]) -> GenerateRequest | RecommendRequest:
    """The body as the doors know it. Raises Unfit with one sentence on its first fault."""
    try:
        return GenerateRequest(**body) if kind == "generate" else RecommendRequest(**body)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        told = str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
        raise Unfit(f"{place}: {told}." if place else f"{told}.", pointer=f"/{place}") from error
