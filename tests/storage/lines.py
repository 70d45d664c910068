"""Checkpoints made by hand, for tests that want a certain line of them."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from sqlalchemy import Table, func, select

from storage.checkpoints import SqlCheckpointer
from storage.database import Database


def at(thread_id: str, checkpoint_id: str | None = None, *, ns: str = "") -> RunnableConfig:
    """The config that names a thread, or one checkpoint of it."""
    place: dict[str, Any] = {"thread_id": thread_id, "checkpoint_ns": ns}
    return {"configurable": place if checkpoint_id is None else place | {"checkpoint_id": checkpoint_id}}


def checkpoint_with(values: dict[str, Any]) -> Checkpoint:
    """A checkpoint whose channels all have a version of their own."""
    step = str(uuid6())
    return empty_checkpoint() | {  # pyright: ignore[reportReturnType]
        "id": step,
        "channel_values": values,
        "channel_versions": dict.fromkeys(values, step),
    }


async def put(
    saver: SqlCheckpointer, config: RunnableConfig, values: dict[str, Any] | None = None, **metadata: Any
) -> RunnableConfig:
    """Keep a checkpoint; the one that the config names becomes its parent."""
    checkpoint = checkpoint_with(values or {})
    meta: Any = dict[str, Any](source="loop", step=0, parents={}) | metadata
    return await saver.aput(config, checkpoint, meta, checkpoint["channel_versions"])


def id_of(config: RunnableConfig) -> str:
    """The checkpoint that a config names."""
    return config["configurable"]["checkpoint_id"]  # pyright: ignore[reportTypedDictNotRequiredAccess]


def place_of(config: RunnableConfig) -> tuple[str, str]:
    """The thread and the namespace that a config names."""
    configurable: dict[str, Any] = config.get("configurable", {})
    return configurable["thread_id"], configurable["checkpoint_ns"]


async def count(database: Database, *tables: Table) -> list[int]:
    """How many rows each table has."""
    return await database.read(
        lambda connection: [connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables]
    )
