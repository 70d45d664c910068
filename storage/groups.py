"""Writes that wait together and commit together: what waits, what came of it, and how waiters are told.

Refuses to know any engine.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Unit = Callable[[Connection], T]

GROUP_LIMIT = 256  # units committed in one transaction at most


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a unit returned once committed, or why it does not stand."""

    value: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Waiting:
    """A unit in the queue and the future of whoever waits for it."""

    unit: Unit[Any]
    done: "asyncio.Future[Any]"


def settle(group: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
    """Tell everybody who waits, on the event loop."""
    for item, outcome in zip(group, outcomes, strict=True):
        if item.done.done():
            continue  # whoever waited was cancelled; the write stands all the same
        if outcome.error is not None:
            item.done.set_exception(outcome.error)
        else:
            item.done.set_result(outcome.value)
