"""A write under a fence stands only while the run is ours, and its companion stands or falls with it."""

import asyncio
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from sqlalchemy import Connection, insert, select, update

from storage.checkpoint_rows import CHECKPOINT, WRITE
from storage.checkpoints import FENCE, SqlCheckpointer
from storage.database import Database, Unit
from storage.fence import FenceLost, check_fence
from storage.runs import RUN
from storage.tables import Run, Thread, User
from tests.storage.lines import at, count, id_of, put

USER = User(id="u", name="local")


@pytest.fixture
async def run(database: Database) -> Run:
    """A run executed under fence 3, on thread `t`."""
    run = Run(user_id="u", thread_id="t", graph="song", kind="generate", status="running", fence=3, input={})

    def unit(connection: Connection) -> None:
        for row in (USER, Thread(id="t", user_id="u"), run):
            table = type(row).metadata.tables[row.__tablename__]
            connection.execute(insert(table).values(row.model_dump()))

    await database.write(unit)
    return run


def under(run: Run, fence: int, config: RunnableConfig | None = None) -> RunnableConfig:
    """The config of a write under a fence, as a run passes it."""
    fenced: Any = (config or at("t")) | {"metadata": {"run_id": run.id}}
    fenced["configurable"] = fenced["configurable"] | {FENCE: fence}
    return fenced


async def claim(database: Database, run: Run, **values: Any) -> None:
    """Another executor takes the run, or it ends."""
    await database.write(lambda c: c.execute(update(RUN).where(RUN.c.id == run.id).values(values)) and None, lane="t")


async def test_the_fence_holds_for_its_own_number_and_a_running_run_alone(database: Database, run: Run) -> None:
    await database.write(lambda c: check_fence(c, run.id, 3))
    for wrong in (2, 4):
        with pytest.raises(FenceLost, match=f"fence {wrong}"):
            await database.write(lambda c, fence=wrong: check_fence(c, run.id, fence))
    await claim(database, run, status="cancelled")
    with pytest.raises(FenceLost, match=run.id):
        await database.write(lambda c: check_fence(c, run.id, 3))


async def test_a_lost_fence_refuses_its_own_writes_and_no_others(
    saver: SqlCheckpointer, database: Database, run: Run
) -> None:
    here = await put(saver, under(run, 3))

    outcomes = await asyncio.gather(
        put(saver, under(run, 3, here), {"a": 1}),
        put(saver, under(run, 2, here), {"a": 2}),
        saver.aput_writes(under(run, 2, here), [("a", "lost")], "task"),
        saver.aput_writes(under(run, 3, here), [("a", "kept")], "task"),
        put(saver, here, {"a": 3}),
        return_exceptions=True,
    )

    assert [isinstance(outcome, FenceLost) for outcome in outcomes] == [False, True, True, False, False]
    assert [one.checkpoint["channel_values"] async for one in saver.alist(at("t"))] == [{"a": 3}, {"a": 1}, {}]
    found = await saver.aget_tuple(at("t", id_of(here)))
    assert found is not None
    assert found.pending_writes == [("task", "a", "kept")]
    assert await count(database, CHECKPOINT, WRITE) == [3, 1]


async def test_the_fence_and_other_hidden_keys_stay_out_of_metadata(saver: SqlCheckpointer, run: Run) -> None:
    config = under(run, 3)
    config["configurable"] |= {"user": "ann", "__hidden": "yes"}  # pyright: ignore[reportTypedDictNotRequiredAccess]

    stored = await put(saver, config)

    found = await saver.aget_tuple(stored)
    assert found is not None
    assert found.metadata == {"source": "loop", "step": 0, "parents": {}, "run_id": run.id, "user": "ann"}


async def test_a_fence_without_a_run_is_a_mistake_of_the_caller(saver: SqlCheckpointer) -> None:
    config = at("t")
    config["configurable"] |= {FENCE: 1}  # pyright: ignore[reportTypedDictNotRequiredAccess]

    with pytest.raises(ValueError, match="run_id"):
        await put(saver, config)


class Counted(TypedDict):
    n: int


async def test_a_graph_that_loses_its_fence_stops_there_even_inside_a_subgraph(
    saver: SqlCheckpointer, database: Database, run: Run
) -> None:
    async def one_more(state: Counted) -> Counted:
        return {"n": state["n"] + 1}

    async def lose(state: Counted) -> Counted:
        await claim(database, run, fence=4)
        return {"n": state["n"] + 1}

    inner = StateGraph(Counted).add_node("lose", lose).add_node("inner", one_more)
    inner.add_edge(START, "lose").add_edge("lose", "inner")
    outer = StateGraph(Counted).add_node("before", one_more).add_node("call", inner.compile())
    outer.add_edge(START, "before").add_edge("before", "call")
    graph = outer.compile(checkpointer=saver)

    with pytest.raises(FenceLost):
        await graph.ainvoke({"n": 0}, under(run, 3), durability="sync")

    assert (await graph.aget_state(at("t"))).values == {"n": 1}
    await claim(database, run, fence=4)
    assert await graph.ainvoke(None, under(run, 4), durability="sync") == {"n": 3}


class Ledger:
    """Companions that write a user named after the task, and remember what they heard."""

    def __init__(self, *, fails: bool = False) -> None:
        self.taken: list[str] = []
        self.heard: list[tuple[str, str, object]] = []
        self._fails = fails

    def take(self, run_id: str, task_id: str) -> Unit[object] | None:
        if task_id == "alone":
            return None
        self.taken.append(task_id)

        def unit(connection: Connection) -> str:
            connection.execute(insert(User.metadata.tables["user_account"]).values(User(name=task_id).model_dump()))
            if self._fails:
                raise RuntimeError("the ledger is full")
            return f"wrote {task_id}"

        return unit

    def committed(self, run_id: str, task_id: str, value: object) -> None:
        asyncio.get_running_loop()
        self.heard.append((run_id, task_id, value))


async def names(database: Database) -> list[str]:
    users = User.metadata.tables["user_account"]
    return await database.read(lambda c: list(c.execute(select(users.c.name).order_by(users.c.name)).scalars()))


async def test_a_companion_commits_with_its_tasks_writes_and_hears_of_it(database: Database, run: Run) -> None:
    ledger = Ledger()
    saver = SqlCheckpointer(database, companions=ledger)
    here = await put(saver, under(run, 3))

    await saver.aput_writes(under(run, 3, here), [("a", 1)], "task")
    await saver.aput_writes(under(run, 3, here), [("a", 1)], "alone")
    await saver.aput_writes(here, [("a", 1)], "unfenced")

    assert ledger.taken == ["task"]
    assert ledger.heard == [(run.id, "task", "wrote task")]
    assert await names(database) == ["local", "task"]
    assert await count(database, WRITE) == [3]


async def test_neither_stands_once_the_fence_is_lost(database: Database, run: Run) -> None:
    ledger = Ledger()
    saver = SqlCheckpointer(database, companions=ledger)
    here = await put(saver, under(run, 3))
    await claim(database, run, fence=4)

    with pytest.raises(FenceLost):
        await saver.aput_writes(under(run, 3, here), [("a", 1)], "task")

    assert ledger.heard == []
    assert await names(database) == ["local"]
    assert await count(database, WRITE) == [0]


async def test_neither_stands_where_the_companion_fails(database: Database, run: Run) -> None:
    ledger = Ledger(fails=True)
    saver = SqlCheckpointer(database, companions=ledger)
    here = await put(saver, under(run, 3))

    with pytest.raises(RuntimeError, match="the ledger is full"):
        await saver.aput_writes(under(run, 3, here), [("a", 1)], "task")

    assert ledger.heard == []
    assert await names(database) == ["local"]
    assert await count(database, WRITE) == [0]


async def test_a_cancelled_waiter_leaves_both_standing_and_heard_of(database: Database, run: Run) -> None:
    ledger = Ledger()
    saver = SqlCheckpointer(database, companions=ledger)
    here = await put(saver, under(run, 3))

    waiting = asyncio.create_task(saver.aput_writes(under(run, 3, here), [("a", 1)], "task"))
    asyncio.get_running_loop().call_soon(waiting.cancel)  # after its first step, which submits
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await saver.aput_writes(under(run, 3, here), [("a", 2)], "next")  # the same lane: committed after it

    assert [task_id for _, task_id, _ in ledger.heard] == ["task", "next"]
    assert await names(database) == ["local", "next", "task"]
