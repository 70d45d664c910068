"""Small graphs for Studio's own tests: steps that write a log, tell tokens, wait, fail, or ask a person.

Runnable as `python -m tests.graphs.trivial HOME COUNT`: starts COUNT runs, prints `started`, and works until killed.
"""

import asyncio
import operator
import sys
from pathlib import Path
from typing import Annotated, Any, TypedDict

import structlog
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

from agents.kit import Kit
from graphs.executor import Recipe
from graphs.outcome import Outcome
from graphs.state import RunContext
from graphs.steps import add_step
from graphs.studio import Order, Studio
from graphs.workshop import equip
from songwright.progress import Token
from songwright.settings import ModelSettings, Settings
from storage.tables import Run


class State(TypedDict):
    """What the steps logged."""

    log: Annotated[list[str], operator.add]
    model: str


class Wish(BaseModel):
    """The answer that the asking graph wants."""

    word: str


def chain(settings: Settings, steps: int, *, tokens: int = 0, pace_s: float = 0.0) -> Recipe:
    """A graph of steps in a row, each telling some tokens at a pace."""

    def step(i: int) -> Any:
        async def work(_state: Any, kit: Kit) -> dict[str, Any]:
            for t in range(tokens):
                kit.report(Token(f"s{i}", f"{i}.{t} "))
                if pace_s:
                    await asyncio.sleep(pace_s)
            return {"log": [f"n{i}"]}

        return work

    return of_steps(settings, {f"n{i}": step(i) for i in range(steps)})


def of_steps(settings: Settings, works: dict[str, Any]) -> Recipe:
    """A graph of the given steps in a row."""
    builder: Any = StateGraph(State, context_schema=RunContext)
    before = START
    for name, work in works.items():
        add_step(builder, name, work, agent=f"agent-{name}", settings=settings.agents)
        builder.add_edge(before, name)
        before = name
    builder.add_edge(before, END)
    return Recipe(
        build=lambda checkpointer: builder.compile(checkpointer=checkpointer),
        begin=lambda _run: {"log": ["in"], "model": "embedded"},
        context=lambda run, workshop, recorder: RunContext(workshop, run.user_id, "embedded", recorder),
        conclude=_conclude,
    )


def asking(settings: Settings) -> Recipe:
    """A graph that asks twice, in two steps."""

    def asks(question: str) -> Any:
        async def work(_state: Any, _kit: Kit) -> dict[str, Any]:
            answer: Any = interrupt({"question": question}, response_schema=Wish.model_json_schema())
            return {"log": [f"{question}={answer['word']}"]}

        return work

    return of_steps(settings, {"first": asks("colour"), "second": asks("shape")})


def _conclude(run: Run, state: Any) -> Outcome:
    return Outcome({"run_id": run.id, "status": "succeeded", "log": state["log"]}, {})


def order(studio: Studio, graph: str, **more: Any) -> Order:
    """An order for one of these graphs."""
    return Order(user_id=studio.local_user_id, graph=graph, kind="test", input={}, **more)


def settings_at_home(home: Path) -> Settings:
    """Settings for a process of its own."""
    return Settings(home=home, models=ModelSettings(model="embedded"))  # pyright: ignore[reportCallIssue]


async def _work_until_killed(home: Path, count: int) -> None:
    settings = settings_at_home(home)
    recipes = {"slow": chain(settings, 4, tokens=20, pace_s=0.004)}
    async with Studio.open(settings, equip=equip, recipes=recipes) as studio:
        for _ in range(count):
            await studio.start(order(studio, "slow"))
        sys.stdout.write("started\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(_work_until_killed(Path(sys.argv[1]), int(sys.argv[2])))
