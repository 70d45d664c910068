"""The checkpointer keeps LangGraph's contract on both engines, and what we promise beyond it."""

import asyncio
import operator
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt
from sqlalchemy import func, select
from structlog.testing import capture_logs

from songwright.settings import Settings, settings_from_environment
from songwright.song import Line, Mood, Section, SectionKind, Song, Span
from storage.checkpoint_rows import BLOB, CHECKPOINT, WRITE
from storage.checkpoint_serde import strict_serde
from storage.checkpoints import SqlCheckpointer, create_checkpointer
from storage.database import Database

Graph = CompiledStateGraph[Any, Any, Any, Any]

A_SONG = Song(
    "Low Tide", (Section("Verse 1", SectionKind.VERSE, (Line("a1", "The harbour holds its breath", "embedded"),)),)
)
A_MOOD = Mood("calm", None, Span(0.4, 0.6, 0.5), Span(0.1, 0.3, 0.2), (0.5, 0.2), {"calm": 0.9}, 0.8, "lexicon")


def at(thread_id: str, checkpoint_id: str | None = None, *, ns: str = "") -> RunnableConfig:
    place: dict[str, Any] = {"thread_id": thread_id, "checkpoint_ns": ns}
    return {"configurable": place if checkpoint_id is None else place | {"checkpoint_id": checkpoint_id}}


async def put(
    saver: BaseCheckpointSaver[Any], config: RunnableConfig, values: dict[str, Any] | None = None, **metadata: Any
) -> RunnableConfig:
    """Keep a checkpoint whose channels all changed; the config's checkpoint becomes its parent."""
    step = str(uuid6())
    versions: dict[str, str | int | float] = {channel: step for channel in values or {}}
    checkpoint = empty_checkpoint() | {"id": step, "channel_values": values or {}, "channel_versions": versions}
    meta: Any = {"source": "loop", "step": 0, "parents": {}} | metadata
    return await saver.aput(config, checkpoint, meta, versions)  # pyright: ignore[reportArgumentType]


async def count(database: Database, *tables: Any) -> list[int]:
    return await database.read(
        lambda connection: [connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables]
    )


# LangGraph's contract


async def test_langgraphs_conformance_suite_passes_whole(database: Database) -> None:
    @checkpointer_test(name=f"SqlCheckpointer on {database.dialect}")
    async def ours() -> AsyncGenerator[SqlCheckpointer]:
        yield SqlCheckpointer(database)

    report = await validate(ours)

    assert {name for name, result in report.results.items() if result.detected} == {c.value for c in ALL_CAPABILITIES}
    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert report.passed_all()
    assert sum(result.tests_passed for result in report.results.values()) >= 81


async def test_the_first_ordinary_write_stands_and_the_last_special_one_does(saver: SqlCheckpointer) -> None:
    here = await put(saver, at("t"))

    await saver.aput_writes(here, [("a", 1), ("__resume__", "yes")], "task")
    await saver.aput_writes(here, [("a", 2), ("__resume__", "no"), ("__resume__", "never")], "task")

    found = await saver.aget_tuple(here)
    assert found is not None
    assert found.pending_writes == [("task", "__resume__", "never"), ("task", "a", 1)]


async def test_pending_writes_come_in_the_order_langgraph_applies_them(saver: SqlCheckpointer) -> None:
    here = await put(saver, at("t"))

    await saver.aput_writes(here, [("x", "third")], "0", "~pull, 02")
    await saver.aput_writes(here, [("x", "second"), ("y", "after it")], "9", "~pull, 01")
    await saver.aput_writes(here, [("x", "first")], "5")

    found = await saver.aget_tuple(here)
    assert found is not None
    assert [value for _, _, value in found.pending_writes or ()] == ["first", "second", "after it", "third"]


async def test_a_task_may_write_more_rows_than_one_statement_takes(saver: SqlCheckpointer) -> None:
    here = await put(saver, at("t"), {f"c{i}": i for i in range(1300)})

    await saver.aput_writes(here, [("x", i) for i in range(1300)], "task")

    found = await saver.aget_tuple(here)
    assert found is not None
    assert found.checkpoint["channel_values"] == {f"c{i}": i for i in range(1300)}
    assert [value for _, _, value in found.pending_writes or ()] == list(range(1300))


async def test_a_listing_filters_by_metadata_across_pages_and_keeps_to_its_limit(saver: SqlCheckpointer) -> None:
    ids: list[str] = []
    for i in range(120):
        meta = {"mark": {"song": [i % 3, i // 60]}, "step": i}
        stored = await put(saver, at("t"), **meta)
        ids.append(stored["configurable"]["checkpoint_id"])  # pyright: ignore[reportTypedDictNotRequiredAccess]

    wanted = {"mark": {"song": (1, 0)}}
    steps = [one.metadata.get("step") async for one in saver.alist(at("t"), filter=wanted)]
    some = [
        one.metadata.get("step")
        async for one in saver.alist(at("t"), filter=wanted, limit=3, before=at("t", ids[50]))
    ]
    every = [one.checkpoint["id"] async for one in saver.alist(None)]
    none = [one async for one in saver.alist(at("t"), limit=0)]

    assert steps == [i for i in reversed(range(60)) if i % 3 == 1]
    assert some == [49, 46, 43]
    assert every == ids[::-1]
    assert none == []


async def test_a_listing_of_every_thread_tells_copies_apart(saver: SqlCheckpointer) -> None:
    for _ in range(60):
        await put(saver, at("source"), {"x": 1})
    await saver.acopy_thread("source", "target")

    found = [one.config["configurable"] async for one in saver.alist(None)]  # pyright: ignore[reportTypedDictNotRequiredAccess]

    assert len({(c["thread_id"], c["checkpoint_id"]) for c in found}) == len(found) == 120


# Histories of delta channels


async def chain(
    saver: SqlCheckpointer, thread: str, length: int, *, stored: dict[int, Any], writes: bool = True
) -> list[RunnableConfig]:
    """A line of checkpoints; `stored` has the channel's value at some of them, each but the stored ones writes its number."""
    configs: list[RunnableConfig] = []
    here = at(thread)
    for i in range(length):
        here = await put(saver, here, {"ch": stored[i]} if i in stored else {})
        configs.append(here)
        if writes:
            await saver.aput_writes(here, [("ch", i), ("other", -i)], f"task-{i}")
    return configs


async def delta(saver: SqlCheckpointer, config: RunnableConfig, channel: str = "ch") -> tuple[list[Any], Any]:
    found = (await saver.aget_delta_channel_history(config=config, channels=[channel]))[channel]
    return [value for _, _, value in found["writes"]], found.get("seed", "no seed")


async def test_a_delta_history_is_the_nearest_value_and_the_writes_since_oldest_first(saver: SqlCheckpointer) -> None:
    line = await chain(saver, "t", 8, stored={1: ["old"], 4: ["near"]})

    assert await delta(saver, line[-1]) == ([4, 5, 6], ["near"])  # the head's own writes are pending, not history
    assert await delta(saver, at("t")) == ([4, 5, 6], ["near"])
    assert await delta(saver, line[4]) == ([1, 2, 3], ["old"])
    assert await delta(saver, line[1]) == ([0], "no seed")
    assert await delta(saver, line[0]) == ([], "no seed")
    assert await delta(saver, line[-1], "other") == ([-i for i in range(7)], "no seed")
    assert await delta(saver, at("nowhere")) == ([], "no seed")
    assert await saver.aget_delta_channel_history(config=line[-1], channels=[]) == {}


async def test_a_delta_history_reaches_back_over_many_pages(saver: SqlCheckpointer) -> None:
    line = await chain(saver, "t", 200, stored={3: None})

    writes, seed = await delta(saver, line[-1])

    assert writes == list(range(3, 199))
    assert seed is None  # a value stored as None is a value


async def test_a_delta_history_follows_the_parents_and_not_the_clock(saver: SqlCheckpointer) -> None:
    line = await chain(saver, "t", 3, stored={0: ["root"]})
    fork = await put(saver, line[1])
    await saver.aput_writes(fork, [("ch", "forked")], "task-f")
    tip = await put(saver, fork)

    assert await delta(saver, tip) == ([0, 1, "forked"], ["root"])


async def test_parallel_writes_are_replayed_by_task_path(saver: SqlCheckpointer) -> None:
    root = await put(saver, at("t"))
    await saver.aput_writes(root, [("ch", "second")], "0", "~pull, 02")
    await saver.aput_writes(root, [("ch", "first")], "9", "~pull, 01")
    await saver.aput_writes(root, [("ch", "input")], "5")
    head = await put(saver, root)

    assert await delta(saver, head) == (["input", "first", "second"], "no seed")
