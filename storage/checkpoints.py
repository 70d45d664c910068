"""LangGraph's checkpointer over `Database`, alike on SQLite and PostgreSQL.

A checkpoint and the channel values that are new with it commit in one transaction, after the writes it absorbs;
writes of a thread commit in the order of their submission. A write that carries a fence is refused once the run is
executed elsewhere. Refuses to know what a graph does, or what else commits with a task's writes (`Companions`).
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy import Connection
from typing_extensions import override

from songwright.settings import settings_from_environment
from storage import checkpoint_history as history
from storage import checkpoint_rows as rows
from storage import schema
from storage.checkpoint_serde import strict_serde
from storage.database import Database, Unit, reached
from storage.fence import check_fence

T = TypeVar("T")

FENCE = "__songwright_fence"  # in `configurable`; LangGraph keeps such keys out of metadata
PAGE = 50  # checkpoints read at once by a listing


class Companions(Protocol):
    """What commits in the same transaction as a task's writes, and hears of the commit."""

    def take(self, run_id: str, task_id: str) -> Unit[object] | None:
        """The unit that belongs with this task's writes, if any; it may run twice before it commits."""
        ...

    def committed(self, run_id: str, task_id: str, value: object) -> None:
        """Hear, on the event loop, what the unit returned once it is committed."""
        ...


class _Claim(NamedTuple):
    run_id: str
    fence: int

    def check(self, connection: Connection) -> None:
        check_fence(connection, self.run_id, self.fence)


def _claim_of(config: RunnableConfig) -> _Claim | None:
    configurable = _configurable(config)
    fence = configurable.get(FENCE)
    if fence is None:
        return None
    run_id = config.get("metadata", {}).get("run_id") or configurable.get("run_id")
    if run_id is None:
        raise ValueError(f"A config with {FENCE}={fence!r} names no run; put its id into metadata['run_id'].")
    return _Claim(str(run_id), int(fence))


class SqlCheckpointer(BaseCheckpointSaver[str]):
    """Keeps the state of graphs in our own tables; made on the event loop that will use it."""

    def __init__(
        self, database: Database, *, serde: SerializerProtocol | None = None, companions: Companions | None = None
    ) -> None:
        super().__init__(serde=serde or strict_serde())
        self._database = database
        self._companions = companions
        self._loop = asyncio.get_running_loop()

    @override
    def get_next_version(self, current: str | None, channel: None) -> str:
        step = 0 if current is None else int(str(current).split(".", 1)[0])
        return f"{step + 1:032}.{random.random():016}"

    @override
    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint. Raises FenceLost, Overworked or Unavailable."""
        claim, here = _claim_of(config), _place(config)
        row, blobs = self._checkpoint_rows(here, config, checkpoint, metadata, new_versions)

        def unit(connection: Connection) -> None:
            if claim is not None:
                claim.check(connection)
            rows.put_checkpoint(connection, row, blobs)

        await reached(self._database.submit(unit, lane=here[0]))
        return rows.config_of(here, checkpoint["id"])

    def _checkpoint_rows(
        self,
        here: rows.Place,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> tuple[rows.Row, list[rows.Row]]:
        values = checkpoint["channel_values"]
        meta = get_serializable_checkpoint_metadata(config, metadata)
        body = {name: part for name, part in checkpoint.items() if name != "channel_values"}
        row = (
            *here,
            checkpoint["id"],
            get_checkpoint_id(config),
            meta.get("run_id"),
            *self.serde.dumps_typed(body),
            orjson.dumps(meta, option=orjson.OPT_NON_STR_KEYS).decode(),
        )
        blobs = [
            (*here, channel, str(version), *self.serde.dumps_typed(values[channel]))
            for channel, version in new_versions.items()
            if channel in values
        ]
        return row, blobs

    @override
    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep a task's pending writes, with their companion if they have one. Raises as `aput`."""
        claim, here = _claim_of(config), _place(config)
        pending = self._write_rows(here, _configurable(config)["checkpoint_id"], writes, task_id, task_path)
        companion = None
        if claim is not None and self._companions is not None:
            companion = self._companions.take(claim.run_id, task_id)

        def unit(connection: Connection) -> object:
            if claim is not None:
                claim.check(connection)
            rows.put_writes(connection, pending)
            return None if companion is None else companion(connection)

        written = self._database.submit(unit, lane=here[0])
        if claim is None or companion is None:
            await reached(written)
            return
        written.add_done_callback(lambda done: self._announce(claim.run_id, task_id, done))
        # Whoever waits here may be cancelled; the write stands all the same, and its companion hears of it.
        await reached(asyncio.shield(written))

    def _write_rows(
        self, here: rows.Place, checkpoint_id: str, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> list[rows.Row]:
        numbered = {WRITES_IDX_MAP.get(channel, idx): (channel, value) for idx, (channel, value) in enumerate(writes)}
        return [
            (*here, checkpoint_id, task_id, idx, task_path, channel, *self.serde.dumps_typed(value))
            for idx, (channel, value) in numbered.items()
        ]

    def _announce(self, run_id: str, task_id: str, done: "asyncio.Future[object]") -> None:
        if self._companions is not None and not done.cancelled() and done.exception() is None:
            self._companions.committed(run_id, task_id, done.result())

    @override
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint the config names, or the latest of its thread and namespace. Raises Unavailable."""
        here = _place(config)
        checkpoint_id = get_checkpoint_id(config)

        def query(connection: Connection) -> CheckpointTuple | None:
            rows.hold_still(connection)
            found = rows.find_checkpoint(connection, *here, checkpoint_id)
            return None if found is None else rows.load(connection, [found], self.serde)[0]

        return await self._database.read(query)

    @override
    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """The matching checkpoints, newest first; read in pages, so that no connection is held between them."""
        search = _search(config, filter, before)
        left = limit
        cursor: rows.Cursor | None = None
        while left is None or left > 0:
            found, cursor = await self._database.read(self._page(search, cursor, left))
            for one in found[:left]:
                yield one
            left = None if left is None else left - len(found)
            if cursor is None:
                return

    def _page(
        self, search: rows.Search, after: rows.Cursor | None, left: int | None
    ) -> Unit[tuple[list[CheckpointTuple], rows.Cursor | None]]:
        size = PAGE if left is None or search.metadata else min(PAGE, left)

        def query(connection: Connection) -> tuple[list[CheckpointTuple], rows.Cursor | None]:
            rows.hold_still(connection)
            found, cursor = rows.find_page(connection, search, after, size)
            return rows.load(connection, found[:left], self.serde), cursor

        return query

    @override
    async def adelete_thread(self, thread_id: str) -> None:
        """Delete everything of a thread."""
        await self._database.write(lambda c: history.delete_thread(c, thread_id), lane=thread_id)

    @override
    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what these runs made; the runs must be over."""
        await self._database.write(lambda c: history.delete_for_runs(c, run_ids, self.serde))

    @override
    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread whole."""
        await self._database.write(
            lambda c: history.copy_thread(c, source_thread_id, target_thread_id), lane=source_thread_id
        )

    @override
    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete each thread's past (`keep_latest`) or all of it (`delete`)."""
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"Unknown prune strategy {strategy!r}; it is 'keep_latest' or 'delete'.")
        for thread_id in thread_ids:
            if strategy == "delete":
                await self.adelete_thread(thread_id)
            else:
                await self._database.write(self._keep_latest(thread_id), lane=thread_id)

    def _keep_latest(self, thread_id: str) -> Unit[None]:
        return lambda connection: history.keep_latest(connection, thread_id, self.serde)

    @override
    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """See LangGraph: per channel the nearest ancestor's value and the writes since, oldest first."""
        if not channels:
            return {}
        here = _place(config)
        checkpoint_id = get_checkpoint_id(config)

        def query(connection: Connection) -> dict[str, DeltaChannelHistory]:
            rows.hold_still(connection)
            return history.delta_history(connection, here, checkpoint_id, channels, self.serde)

        return await self._database.read(query)

    # The synchronous twins serve other threads; on the loop itself they would wait for themselves.

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            is_on_loop = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            is_on_loop = False
        if is_on_loop:
            work.close()
            raise asyncio.InvalidStateError(
                "Synchronous calls to SqlCheckpointer are only allowed from another thread;"
                " on the event loop use the asynchronous ones, e.g. `await graph.ainvoke(...)`."
            )
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @override
    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._wait(self.aget_tuple(config))

    @override
    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self._wait(self.aput(config, checkpoint, metadata, new_versions))

    @override
    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._wait(self.aput_writes(config, writes, task_id, task_path))

    @override
    def delete_thread(self, thread_id: str) -> None:
        self._wait(self.adelete_thread(thread_id))

    @override
    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        self._wait(self.adelete_for_runs(run_ids))

    @override
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self._wait(self.acopy_thread(source_thread_id, target_thread_id))

    @override
    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        self._wait(self.aprune(thread_ids, strategy=strategy))

    @override
    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self._wait(self.aget_delta_channel_history(config=config, channels=channels))

    @override
    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        found = self.alist(config, filter=filter, before=before, limit=limit)
        while (one := self._wait(anext(found, None))) is not None:
            yield one


def _configurable(config: RunnableConfig | None) -> dict[str, Any]:
    return {} if config is None else config.get("configurable", {})


def _place(config: RunnableConfig) -> rows.Place:
    configurable = _configurable(config)
    return str(configurable["thread_id"]), configurable.get("checkpoint_ns", "")


def _search(
    config: RunnableConfig | None, metadata: Mapping[str, Any] | None, before: RunnableConfig | None
) -> rows.Search:
    configurable = _configurable(config)
    return rows.Search(
        thread_id=configurable.get("thread_id"),
        checkpoint_ns=configurable.get("checkpoint_ns"),
        checkpoint_id=configurable.get("checkpoint_id"),
        before=None if before is None else get_checkpoint_id(before),
        metadata=rows.as_json(metadata) if metadata else None,
    )


@asynccontextmanager
async def create_checkpointer() -> AsyncGenerator[SqlCheckpointer]:
    """The checkpointer that the environment's settings name, for `langgraph.json` (`checkpointer.path`)."""
    settings = settings_from_environment()
    if settings.is_embedded:
        await asyncio.to_thread(settings.home.mkdir, parents=True, exist_ok=True)
        await schema.upgrade(settings)
    async with Database.open(settings) as database:
        await schema.check(database)
        yield SqlCheckpointer(database)
