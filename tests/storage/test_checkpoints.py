"""The checkpointer keeps LangGraph's contract on both engines, and carries real graphs over an interruption."""

import asyncio
import operator
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send, interrupt

from songwright.settings import Settings, settings_from_environment
from songwright.song import KeptSong, Line, Mood, Section, SectionKind, Span
from storage.checkpoint_rows import BLOB, CHECKPOINT, WRITE
from storage.checkpoint_serde import strict_serde
from storage.checkpoints import SqlCheckpointer, create_checkpointer
from storage.database import Database
from tests.storage.lines import at, checkpoint_with, count, id_of, place_of, put

Graph = CompiledStateGraph[Any, Any, Any, Any]
MOOD = Mood("calm", None, Span(0.4, 0.6, 0.5), Span(0.1, 0.3, 0.2), (0.5, 0.2), {"calm": 0.9}, 0.8, "lexicon")


async def test_langgraphs_conformance_suite_passes_whole(database: Database) -> None:
    @checkpointer_test(name=f"SqlCheckpointer on {database.dialect}")
    async def ours() -> AsyncGenerator[SqlCheckpointer]:
        yield SqlCheckpointer(database)

    report = await validate(ours)

    assert {name for name, result in report.results.items() if result.detected} == {c.value for c in ALL_CAPABILITIES}
    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert report.passed_all()
    assert sum(result.tests_passed for result in report.results.values()) >= 81


# Writes


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


async def test_no_writes_are_fine(saver: SqlCheckpointer, database: Database) -> None:
    here = await put(saver, at("t"))

    await saver.aput_writes(here, [], "task")

    assert await count(database, CHECKPOINT, BLOB, WRITE) == [1, 0, 0]


async def test_a_value_is_kept_once_however_many_checkpoints_hold_it(
    saver: SqlCheckpointer, database: Database
) -> None:
    checkpoint = checkpoint_with({"song": "words", "empty": None})
    here = await saver.aput(at("t"), checkpoint, {}, checkpoint["channel_versions"])
    for _ in range(5):
        heir: Any = checkpoint | {"id": checkpoint_with({})["id"]}
        here = await saver.aput(here, heir, {}, {})

    found = await saver.aget_tuple(at("t"))

    assert found is not None
    assert found.checkpoint["channel_values"] == {"song": "words", "empty": None}
    assert await count(database, CHECKPOINT, BLOB) == [6, 2]


async def test_what_is_submitted_first_is_committed_first(saver: SqlCheckpointer) -> None:
    here = await put(saver, at("t"))
    seen: list[str] = []

    async def noting(name: str, work: Any) -> None:
        await work
        seen.append(name)

    async with asyncio.TaskGroup() as group:  # tasks start in the order they are made
        for i in range(30):
            group.create_task(noting(f"writes {i}", saver.aput_writes(here, [("x", i)], f"task-{i}")))
            group.create_task(noting(f"checkpoint {i}", put(saver, here, {"x": i})))

    assert seen == [f"{kind} {i}" for i in range(30) for kind in ("writes", "checkpoint")]


# Listings


async def test_a_listing_filters_by_metadata_across_pages_and_keeps_to_its_limit(saver: SqlCheckpointer) -> None:
    ids = [id_of(await put(saver, at("t"), mark={"song": [i % 3, i // 60]}, step=i)) for i in range(120)]

    wanted = {"mark": {"song": (1, 0)}}
    steps = [one.metadata.get("step") async for one in saver.alist(at("t"), filter=wanted)]
    before = saver.alist(at("t"), filter=wanted, limit=3, before=at("t", ids[50]))

    assert steps == [i for i in reversed(range(60)) if i % 3 == 1]
    assert [one.metadata.get("step") async for one in before] == [49, 46, 43]
    assert [one.checkpoint["id"] async for one in saver.alist(None)] == ids[::-1]
    assert [one.checkpoint["id"] async for one in saver.alist(at("t"), limit=70)] == ids[:49:-1]
    assert [one.checkpoint["id"] async for one in saver.alist(at("t", ids[3]))] == [ids[3]]
    assert [one async for one in saver.alist(at("t"), limit=0)] == []
    assert [one async for one in saver.alist(at("t"), filter={"absent": 1})] == []


async def test_a_listing_of_every_thread_tells_copies_apart(saver: SqlCheckpointer) -> None:
    for _ in range(60):
        await put(saver, at("source"), {"x": 1})
    await saver.acopy_thread("source", "target")

    found = [(place_of(one.config), id_of(one.config)) async for one in saver.alist(None)]

    assert len(set(found)) == len(found) == 120


# Graphs


class Writing(TypedDict, total=False):
    mood: Mood
    kept: tuple[KeptSong, ...]
    sections: Annotated[tuple[Section, ...], operator.add]
    answer: Any
    ran: Annotated[list[str], operator.add]


def both_sections(state: Writing) -> list[Send]:
    return [Send("section", {"name": name}) for name in ("one", "two")]


def writing(saver: BaseCheckpointSaver[Any], ran: list[str]) -> Graph:
    """Plans, writes two sections at once, asks, and ends; `ran` outlives the saver."""

    async def plan(state: Writing) -> Writing:
        ran.append("plan")
        return {"mood": MOOD, "kept": (KeptSong("k", "Kept", "la"),), "ran": ["plan"]}

    async def section(state: Any) -> Writing:
        ran.append(state["name"])
        line = Line(state["name"], "la la", "embedded")
        return {"sections": (Section(state["name"], SectionKind.VERSE, (line,)),), "ran": [state["name"]]}

    async def ask(state: Writing) -> Writing:
        answer = interrupt({"sections": state.get("sections")})
        ran.append("ask")
        return {"answer": answer, "ran": ["ask"]}

    builder = StateGraph(Writing)
    builder.add_node("plan", plan)
    builder.add_node("section", section)  # pyright: ignore[reportUnknownMemberType]
    builder.add_node("ask", ask)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", both_sections)
    builder.add_edge("section", "ask")
    return builder.compile(checkpointer=saver)


async def test_a_graph_goes_on_after_a_restart_where_it_was_interrupted(engine_settings: Settings) -> None:
    ran: list[str] = []
    async with Database.open(engine_settings) as database:
        await writing(SqlCheckpointer(database), ran).ainvoke({}, at("t"), durability="sync")
    async with Database.open(engine_settings) as database:
        graph = writing(SqlCheckpointer(database), ran)
        asked = (await graph.aget_state(at("t"))).interrupts
        done = await graph.ainvoke(Command(resume={asked[0].id: ("yes",)}), at("t"), durability="sync")

    measure = writing(InMemorySaver(serde=strict_serde()), [])
    await measure.ainvoke({}, at("t"))
    assert done == await measure.ainvoke(Command(resume=("yes",)), at("t"))
    assert asked[0].value == {"sections": done["sections"]}
    assert type(done["kept"]) is type(done["sections"]) is type(done["answer"]) is tuple
    assert sorted(ran) == ["ask", "one", "plan", "two"]


async def test_a_step_whose_sibling_failed_is_not_run_again(saver: SqlCheckpointer) -> None:
    ran: list[str] = []
    broken = True

    async def good(state: Writing) -> Writing:
        ran.append("good")
        return {"ran": ["good"]}

    async def bad(state: Writing) -> Writing:
        ran.append("bad")
        if broken:
            raise RuntimeError("not yet")
        return {"ran": ["bad"]}

    builder = StateGraph(Writing).add_node("good", good).add_node("bad", bad)
    graph = builder.add_edge(START, "good").add_edge(START, "bad").compile(checkpointer=saver)
    with pytest.raises(RuntimeError, match="not yet"):
        await graph.ainvoke({}, at("t"), durability="sync")
    broken = False

    done = await graph.ainvoke(None, at("t"), durability="sync")

    assert sorted(done["ran"]) == ["bad", "good"]
    assert sorted(ran) == ["bad", "bad", "good"]


@dataclass(frozen=True)
class Chord:
    """A type that only this graph's state knows."""

    notes: tuple[str, ...]


class Harmony(TypedDict):
    chord: Chord


async def test_types_of_a_graphs_state_are_allowed_for_that_graph(saver: SqlCheckpointer) -> None:
    async def play(state: Harmony) -> Harmony:
        return {"chord": Chord(("c", "e", "g"))}

    builder = StateGraph(Harmony)
    builder.add_node("play", play)
    builder.add_edge(START, "play")
    graph = builder.compile(checkpointer=saver.with_allowlist({(__name__, "Chord")}))

    await graph.ainvoke({"chord": Chord(())}, at("t"), durability="sync")

    assert (await graph.aget_state(at("t"))).values == {"chord": Chord(("c", "e", "g"))}
    bare = await saver.aget_tuple(at("t"))
    assert bare is not None
    assert bare.checkpoint["channel_values"]["chord"] == {"notes": ("c", "e", "g")}


# Threads and the door for other servers


async def test_another_thread_may_call_the_synchronous_twins(saver: SqlCheckpointer) -> None:
    def elsewhere() -> list[Any]:
        checkpoint = checkpoint_with({"x": 1})
        here = saver.put(at("t"), checkpoint, {"run_id": "r"}, checkpoint["channel_versions"])
        saver.put_writes(here, [("x", 2)], "task")
        saver.copy_thread("t", "copy")
        found = saver.get_tuple(here)
        assert found is not None
        listed = [one.checkpoint["channel_values"] for one in saver.list(at("t"))]
        history = saver.get_delta_channel_history(config=here, channels=["x"])
        saver.prune(["t"])
        saver.delete_for_runs(["r"])
        gone = saver.get_tuple(at("copy"))
        saver.delete_thread("copy")
        return [found.pending_writes, listed, history, gone]

    assert await asyncio.to_thread(elsewhere) == [[("task", "x", 2)], [{"x": 1}], {"x": {"writes": []}}, None]


async def test_the_synchronous_twins_refuse_the_loop_they_would_wait_for(saver: SqlCheckpointer) -> None:
    with pytest.raises(asyncio.InvalidStateError, match="another thread"):
        saver.get_tuple(at("t"))
    with pytest.raises(asyncio.InvalidStateError, match="asynchronous"):
        list(saver.list(at("t")))


async def test_another_server_gets_the_checkpointer_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SONGWRIGHT_HOME", str(tmp_path / "new" / "home"))
    monkeypatch.delenv("SONGWRIGHT_DATABASE__URL", raising=False)
    settings_from_environment.cache_clear()
    try:
        for value in (1, 2):
            async with create_checkpointer() as saver:
                await put(saver, at("t"), {"x": value})
        async with create_checkpointer() as saver:
            found = [one.checkpoint["channel_values"] async for one in saver.alist(at("t"))]
    finally:
        settings_from_environment.cache_clear()

    assert found == [{"x": 2}, {"x": 1}]
