"""How soon the first token comes, and how many streams a process carries: ours beside plain LangGraph.

Every round asks each way in turn, so that all meet the same machine. Run it as `python -m benchmarks.first_token`.
"""

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
import orjson
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from api import logs
from benchmarks.figures import Row, as_table, in_ms, load, machine, ratio_of
from benchmarks.servers import one_node_server, opened, product, settings_at
from benchmarks.streaming import ONE_NODE, THREE_NODES, Graph, Nodes, plain_graph, studio_recipe
from graphs.coordinator import NAME
from graphs.studio import Order, Studio
from songwright.settings import LoggingSettings

ROUNDS = 200
SONG_ROUNDS = 40
WARM_UP = 10
CONCURRENT = 100
REPETITIONS = 5
SSE = {"accept": "text/event-stream"}
PEER = (
    'The peer is LangGraph alone: `astream` with `stream_mode="messages"`, AsyncSqliteSaver, `durability="sync"`, no'
    " log, no durable events. Ours runs the same nodes with durable checkpoints, a trace row for each step, and every"
    " event committed before it is heard. Tokens of 15 ms share an event, so that of a model without pauses the first"
    " token is heard with the last of its step. The peer commits at SQLite's synchronous FULL, ours at NORMAL, and"
    " what that is worth depends on the disk; so the peer is measured at NORMAL too. HTTP is uvicorn in a process of"
    " its own."
)
BRIEF: dict[str, Any] = {
    "prompt": "The last train home in the rain",
    "structure": "verse, chorus",
    "model": "embedded",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """Seconds from the call to the first event, the first token and the end, and what was heard."""

    first_event_s: float
    first_token_s: float
    total_s: float
    tokens: int
    events: int


TIMES: dict[str, Callable[[Heard], float]] = {
    "first event": lambda heard: heard.first_event_s,
    "first token": lambda heard: heard.first_token_s,
    "end of the run": lambda heard: heard.total_s,
}


class Ear:
    """Listens to one stream and keeps its times."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._first_event_s = self._first_token_s = 0.0
        self._tokens = self._events = 0

    def hear(self, text: str | None) -> None:
        """One event, with the text it brought if it is of tokens."""
        at = time.perf_counter() - self._began
        self._events += 1
        self._first_event_s = self._first_event_s or at
        if text:
            self._tokens += text.count(" ")
            self._first_token_s = self._first_token_s or at

    @property
    def heard(self) -> Heard:
        """All of it, at the stream's end."""
        total_s = time.perf_counter() - self._began
        return Heard(self._first_event_s, self._first_token_s, total_s, self._tokens, self._events)


Way = Callable[[], Awaitable[Heard]]


async def by_langgraph(graph: Graph) -> Heard:
    """One run on a thread of its own, streamed by LangGraph."""
    ear = Ear()
    config: Any = {"configurable": {"thread_id": uuid4().hex}}
    stream: Any = graph.astream({"texts": []}, config, stream_mode="messages", durability="sync")
    async with aclosing(stream) as chunks:
        async for chunk, _metadata in chunks:
            ear.hear(chunk.text)
    return ear.heard


async def by_studio(studio: Studio) -> Heard:
    """One run through Studio, started and followed in this process."""
    ear = Ear()
    run = await studio.start(Order(user_id=studio.local_user_id, graph=NAME, kind="generate", input={}))
    async for _seq, kind, stored in studio.follow(run.id):
        ear.hear(orjson.loads(stored)["text"] if kind == "token" else None)
    return ear.heard


async def by_http(client: httpx.AsyncClient) -> Heard:
    """One `POST /generate` as an event stream."""
    ear = Ear()
    kind = ""
    async with client.stream("POST", "/generate", json=BRIEF, headers=SSE) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:"):
                ear.hear(orjson.loads(line[5:])["text"] if kind == "token" else None)
    return ear.heard


@asynccontextmanager
async def in_process(folder: Path, nodes: Nodes, *, concurrent: int = 64) -> AsyncGenerator[dict[str, Way]]:
    """The ways within this process, each over a SQLite file of its own.

    AsyncSqliteSaver leaves SQLite at `synchronous = FULL`, a sync of the disk for each commit; ours is at NORMAL,
    which a killed process survives and a power cut may take the last commits from. "normal" is the peer with ours.
    """
    settings = settings_at(folder / "ours", concurrent_runs=concurrent)
    async with (
        AsyncSqliteSaver.from_conn_string(str(folder / "full.db")) as full,
        AsyncSqliteSaver.from_conn_string(str(folder / "normal.db")) as normal,
        opened(settings, studio_recipe(settings.agents, nodes)) as studio,
    ):
        await normal.conn.execute("PRAGMA synchronous = NORMAL")
        stock, eased = plain_graph(full, nodes), plain_graph(normal, nodes)
        yield {
            "raw": lambda: by_langgraph(stock),
            "normal": lambda: by_langgraph(eased),
            "studio": lambda: by_studio(studio),
        }


async def in_turns(ways: dict[str, Way], rounds: int) -> dict[str, list[Heard]]:
    """Each way once a round, after a few rounds that do not count."""
    heard: dict[str, list[Heard]] = {name: [] for name in ways}
    for number in range(WARM_UP + rounds):
        names = list(ways) if number % 2 == 0 else list(reversed(ways))
        for name in names:
            one = await ways[name]()
            if number >= WARM_UP:
                heard[name].append(one)
    return heard


async def one_at_a_time(folder: Path, rounds: int) -> str:
    """The table of a graph of one node, and of the coordinator."""
    async with AsyncExitStack() as stack:
        ways = await stack.enter_async_context(in_process(folder, ONE_NODE))
        fake = await asyncio.to_thread(stack.enter_context, one_node_server(folder / "http"))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=fake.url, trust_env=False))
        heard = await in_turns({**ways, "http": lambda: by_http(client)}, rounds)
    assert all(one.tokens == ONE_NODE["verse"] for some in heard.values() for one in some)
    return as_table([*_one_node_rows(heard), await _coordinator_row(folder)])


def _one_node_rows(heard: dict[str, list[Heard]]) -> list[Row]:
    rows: list[Row] = []
    for name, place, budget in (("studio", "in process", ""), ("http", "through HTTP", "≤ 20 ms p50, aim 10")):
        for what, time_of in TIMES.items():
            ours, theirs = [time_of(one) for one in heard[name]], [time_of(one) for one in heard["raw"]]
            said = budget if what == "first token" else ""
            rows.append(Row(f"one node, {what}, {place}", in_ms(ours), in_ms(theirs), ratio_of(ours, theirs), said))
    ours, theirs = ([one.first_token_s for one in heard[name]] for name in ("studio", "normal"))
    what = "one node, first token, in process, peer at synchronous NORMAL"
    rows.append(Row(what, in_ms(ours), in_ms(theirs), ratio_of(ours, theirs)))
    events = {name: median(one.events for one in some) for name, some in heard.items()}
    return [*rows, Row("one node, events of a run", f"{events['http']:.0f}", f"{events['raw']:.0f}")]


async def _coordinator_row(folder: Path) -> Row:
    with product(folder / "product") as server:
        await asyncio.to_thread(server.wait_until_ready)
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
            heard = await in_turns({"http": lambda: by_http(client)}, SONG_ROUNDS)
    return Row(
        "coordinator, POST /generate, first lyric token (embedded writer)",
        in_ms([one.first_token_s for one in heard["http"]]),
    )


async def all_at_once(folder: Path, repetitions: int) -> str:
    """The table of many runs at once; the client is in the same process."""
    per_s: dict[str, list[float]] = defaultdict(list)
    heard: dict[str, list[Heard]] = defaultdict(list)
    async with in_process(folder, THREE_NODES, concurrent=CONCURRENT) as ways:
        for number in range(1 + repetitions):
            for name in list(ways) if number % 2 == 0 else list(reversed(ways)):
                took_s, some = await _together(ways[name])
                if number > 0:
                    per_s[name].append(CONCURRENT / took_s)
                    heard[name] += some
    return as_table(_many_rows(per_s, heard))


def _many_rows(per_s: Mapping[str, list[float]], heard: Mapping[str, list[Heard]]) -> list[Row]:
    what = f"{CONCURRENT} runs at once, {len(THREE_NODES)} nodes, {sum(THREE_NODES.values())} tokens"
    rates = {name: f"{median(some):.1f} ({len(some)} × {CONCURRENT})" for name, some in per_s.items()}
    ratios = {name: ratio_of(per_s["studio"], some) for name, some in per_s.items()}
    first = {name: [one.first_token_s for one in some] for name, some in heard.items()}
    events = {name: f"{median(one.events for one in some):.0f}" for name, some in heard.items()}
    slower = median(first["studio"]) / median(first["raw"])
    return [
        Row(f"{what}, runs/s", rates["studio"], rates["raw"], ratios["raw"], "≥ 0.5 ×, aim 0.8"),
        Row("the same, peer at synchronous NORMAL", rates["studio"], rates["normal"], ratios["normal"]),
        Row("the same, first token", in_ms(first["studio"]), in_ms(first["raw"]), f"{slower:.2f} ×"),
        Row("the same, events of a run", events["studio"], events["raw"]),
    ]


async def _together(way: Way) -> tuple[float, list[Heard]]:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_one(way)) for _ in range(CONCURRENT)]
    took_s = time.perf_counter() - began
    heard = [task.result() for task in running]
    assert all(one.tokens == sum(THREE_NODES.values()) for one in heard)
    return took_s, heard


async def _one(way: Way) -> Heard:
    return await way()


async def main(*, rounds: int = ROUNDS, repetitions: int = REPETITIONS) -> str:
    """Measure and give Markdown."""
    logs.configure(LoggingSettings(level="warning"))  # pyright: ignore[reportCallIssue]
    with tempfile.TemporaryDirectory(prefix="songwright-bench-") as name:
        folders = [Path(name) / part for part in ("single", "many")]
        for folder in folders:
            folder.mkdir()
        parts = [
            f"{PEER} {load()}.",
            "### One at a time",
            await one_at_a_time(folders[0], rounds),
            "### A hundred at once",
            await all_at_once(folders[1], repetitions),
        ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(machine(), asyncio.run(main()), sep="\n\n")
