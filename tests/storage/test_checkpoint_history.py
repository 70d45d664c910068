"""Delta histories, pruning, copying and deleting, on both engines; LangGraph's InMemorySaver is the measure."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from storage.checkpoint_rows import BLOB, CHECKPOINT, WRITE
from storage.checkpoint_serde import strict_serde
from storage.checkpoints import SqlCheckpointer
from storage.database import Database
from tests.storage.lines import at, count, id_of, place_of, put

Graph = CompiledStateGraph[Any, Any, Any, Any]


async def chain(saver: SqlCheckpointer, thread: str, length: int, *, stored: dict[int, Any]) -> list[RunnableConfig]:
    """A line of checkpoints, each with a write of its number; `stored` has the channel's value at some of them."""
    configs: list[RunnableConfig] = []
    here = at(thread)
    for i in range(length):
        here = await put(saver, here, {"ch": stored[i]} if i in stored else {})
        configs.append(here)
        await saver.aput_writes(here, [("ch", i), ("other", -i)], f"task-{i}")
    return configs


async def delta(
    saver: BaseCheckpointSaver[Any], config: RunnableConfig, channel: str = "ch"
) -> tuple[list[Any], Any]:
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


async def test_channels_of_one_history_end_each_at_its_own_value(saver: SqlCheckpointer) -> None:
    here = at("t")
    for i, values in enumerate(({}, {"a": "A"}, {}, {"b": "B"}, {})):
        here = await put(saver, here, values)
        await saver.aput_writes(here, [("a", i), ("b", i)], f"task-{i}")

    found = await saver.aget_delta_channel_history(config=here, channels=["a", "b"])

    assert [(h.get("seed"), [w[2] for w in h["writes"]]) for h in found.values()] == [("A", [1, 2, 3]), ("B", [3])]


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


def joined(old: list[Any], new: Sequence[list[Any]]) -> list[Any]:
    return [*old, *(line for lines in new for line in lines)]


class Diary(TypedDict):
    lines: Annotated[list[Any], DeltaChannel(joined, list, snapshot_frequency=4)]
    n: int


async def write_a_line(state: Diary) -> dict[str, Any]:
    return {"lines": [("line", len(state["lines"]))], "n": state["n"] + 1}


def what_next(state: Diary) -> str:
    return "write" if state["n"] % 6 else END


def in_memory() -> InMemorySaver:
    """LangGraph's saver, with a serializer that keeps tuples as ours does."""
    return InMemorySaver(serde=strict_serde())


def diary(saver: BaseCheckpointSaver[Any]) -> Graph:
    builder = StateGraph(Diary)
    builder.add_node("write", write_a_line)
    builder.add_edge(START, "write")
    builder.add_conditional_edges("write", what_next)
    return builder.compile(checkpointer=saver)


async def keep_a_diary(graph: Graph, thread: str, *, runs: int = 2) -> Any:
    for _ in range(runs):
        await graph.ainvoke({"lines": [["again"]], "n": 0}, at(thread), durability="sync")
    return (await graph.aget_state(at(thread))).values


async def test_a_graph_with_a_delta_channel_reads_as_from_memory_at_every_step(saver: SqlCheckpointer) -> None:
    memory = in_memory()
    ours, theirs = diary(saver), diary(memory)

    assert await keep_a_diary(ours, "t") == await keep_a_diary(theirs, "t")

    mine = [s async for s in ours.aget_state_history(at("t"))]
    measure = [s async for s in theirs.aget_state_history(at("t"))]
    assert [s.values for s in mine] == [s.values for s in measure]
    for one, other in zip(mine, measure, strict=True):
        assert await delta(saver, one.config, "lines") == await delta(memory, other.config, "lines")


async def test_pruning_keeps_what_a_delta_channel_is_rebuilt_from(saver: SqlCheckpointer, database: Database) -> None:
    graph = diary(saver)
    before = await keep_a_diary(graph, "t")
    history = await delta(saver, at("t"), "lines")
    [whole] = await count(database, CHECKPOINT)

    await saver.aprune(["t"])

    [kept] = await count(database, CHECKPOINT)
    assert 1 < kept < whole  # back to the snapshot, and not further
    assert (await graph.aget_state(at("t"))).values == before
    assert await delta(saver, at("t"), "lines") == history
    assert await keep_a_diary(graph, "t") == await keep_a_diary(diary(in_memory()), "t", runs=4)


async def test_a_copy_of_a_thread_has_its_whole_chain(saver: SqlCheckpointer) -> None:
    graph = diary(saver)
    before = await keep_a_diary(graph, "source")

    await saver.acopy_thread("source", "target")
    await saver.acopy_thread("source", "target")  # what is there already stays
    await saver.adelete_thread("source")

    assert (await graph.aget_state(at("target"))).values == before
    assert (await graph.aget_state(at("source"))).values == {}
    assert [s.values async for s in graph.aget_state_history(at("target"))][-1] == {"lines": []}
    assert await keep_a_diary(graph, "target") == await keep_a_diary(diary(in_memory()), "t", runs=4)


async def test_pruning_leaves_one_checkpoint_and_the_values_it_holds(
    saver: SqlCheckpointer, database: Database
) -> None:
    first = await put(saver, at("t"), {"a": 1, "b": 1})
    await saver.aput_writes(first, [("a", 2)], "task")
    versions = (await _checkpoint(saver, first))["channel_versions"]
    second = await put(saver, first, {"a": 2})
    kept = await _checkpoint(saver, second)
    other = await put(saver, at("other"), {"a": 1})

    await saver.aprune(["t", "nowhere"])

    found = await saver.aget_tuple(at("t"))
    assert found is not None
    assert found.checkpoint == kept
    assert found.parent_config is None
    assert versions["b"] not in kept["channel_versions"].values()
    assert await count(database, CHECKPOINT, BLOB, WRITE) == [2, 2, 0]
    assert await saver.aget_tuple(other) is not None


async def _checkpoint(saver: SqlCheckpointer, config: RunnableConfig) -> Any:
    found = await saver.aget_tuple(config)
    assert found is not None
    return found.checkpoint


class Nested(TypedDict):
    n: int


def nested(saver: SqlCheckpointer) -> Graph:
    async def one_more(state: Nested) -> Nested:
        return {"n": state["n"] + 1}

    inner = StateGraph(Nested)
    inner.add_node("inner", one_more)
    inner.add_edge(START, "inner")
    outer = StateGraph(Nested)
    outer.add_node("call", inner.compile())
    outer.add_node("after", one_more)
    outer.add_edge(START, "call")
    outer.add_edge("call", "after")
    return outer.compile(checkpointer=saver)


async def test_pruning_takes_finished_subgraph_calls_along(saver: SqlCheckpointer, database: Database) -> None:
    graph = nested(saver)
    await graph.ainvoke({"n": 0}, at("t"), durability="sync")
    everywhere: RunnableConfig = {"configurable": {"thread_id": "t"}}
    namespaces = {place_of(one.config)[1] async for one in saver.alist(everywhere)}
    assert len(namespaces) == 2

    await saver.aprune(["t"])

    assert (await graph.aget_state(at("t"))).values == {"n": 2}
    [checkpoints] = await count(database, CHECKPOINT)
    assert checkpoints == 1


async def test_an_unknown_way_of_pruning_is_refused(saver: SqlCheckpointer) -> None:
    with pytest.raises(ValueError, match="'keep_some'"):
        await saver.aprune(["t"], strategy="keep_some")


async def test_deleting_a_run_leaves_the_values_that_others_hold(saver: SqlCheckpointer, database: Database) -> None:
    shared = await put(saver, at("t"), {"a": "shared"}, run_id="run-1")
    kept = await _checkpoint(saver, shared)
    mine = await put(saver, shared, {"a": "gone"}, run_id="run-2")
    await saver.aput_writes(mine, [("a", 1)], "task")
    child = await put(saver, mine, {"a": "later"}, run_id="run-3")

    await saver.adelete_for_runs(["run-2"])

    assert await saver.aget_tuple(mine) is None
    assert await _checkpoint(saver, shared) == kept
    found = await saver.aget_tuple(child)
    assert found is not None
    assert found.parent_config is None
    assert found.checkpoint["channel_values"] == {"a": "later"}
    assert await count(database, CHECKPOINT, BLOB, WRITE) == [2, 2, 0]


async def test_threads_can_be_read_while_they_are_pruned(saver: SqlCheckpointer) -> None:
    here = at("t")
    for i in range(40):
        here = await put(saver, here, {"n": i, "twice": 2 * i})

    async def read() -> list[dict[str, Any]]:
        return [one.checkpoint["channel_values"] async for one in saver.alist(at("t"))]

    async with asyncio.TaskGroup() as group:
        reads = [group.create_task(read()) for _ in range(8)]
        group.create_task(saver.aprune(["t"]))
        reads += [group.create_task(read()) for _ in range(8)]

    assert all(set(values) == {"n", "twice"} for task in reads for values in task.result())
    assert await read() == [{"n": 39, "twice": 78}]
    assert id_of(here) == id_of((await saver.aget_tuple(at("t"))).config)  # pyright: ignore[reportOptionalMemberAccess]
