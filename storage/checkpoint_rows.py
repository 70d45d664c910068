"""The rows of checkpoints: how they are written, found and loaded, as plain functions over a connection.

Refuses to know of what happens to whole threads (`storage.checkpoint_history`) and of LangGraph's saver
(`storage.checkpoints`).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, CheckpointTuple, PendingWrite, writes_sort_key
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    TypeDecorator,
    and_,
    bindparam,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from storage.tables import Checkpoint, CheckpointBlob, CheckpointWrite

CHECKPOINT: Table = SQLModel.metadata.tables[Checkpoint.__tablename__]
BLOB: Table = SQLModel.metadata.tables[CheckpointBlob.__tablename__]
WRITE: Table = SQLModel.metadata.tables[CheckpointWrite.__tablename__]

ROWS_AT_ONCE = 500  # rows or keys in one statement, far below the 32,766 parameters that both engines take

Row = tuple[Any, ...]  # a row's values, in the order of its table's columns
Place = tuple[str, str]  # thread_id, checkpoint_ns
Key = tuple[str, str]  # channel, version
Bytes = tuple[str, bytes]  # what the serializer called it, and its bytes
Insert = sqlite.Insert | postgresql.Insert
T = TypeVar("T")


class StoredCheckpoint(NamedTuple):
    """A row of `checkpoint` as it is selected."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str
    parent_checkpoint_id: str | None
    type: str
    body: bytes
    meta: dict[str, Any]

    @property
    def place(self) -> Place:
        """The line of checkpoints it belongs to."""
        return self.thread_id, self.checkpoint_ns


STORED = select(
    CHECKPOINT.c.thread_id,
    CHECKPOINT.c.checkpoint_ns,
    CHECKPOINT.c.checkpoint_id,
    CHECKPOINT.c.parent_checkpoint_id,
    CHECKPOINT.c.type,
    CHECKPOINT.c.body,
    CHECKPOINT.c.meta,
)


def on_both(build: Callable[[Any], Insert]) -> Mapping[str, Insert]:
    """A statement for each dialect, built with that dialect's `insert`."""
    return {name: build(insert) for name, insert in _INSERTS.items()}


# What runs once a step is compiled once for each number of rows, and handed to the driver as it stands: one
# statement, whose parameters are the rows' values in the order of the table's columns.

_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _values(table: Table, row: int) -> dict[str, BindParameter[Any]]:
    return {
        column.name: bindparam(f"{table.name}_{column.name}_{row}", type_=_plain(column.type)) for column in table.c
    }


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind  # JSON arrives as text


def _blobs(dialect: Dialect, count: int) -> Insert:
    insert = _INSERTS[dialect.name](BLOB)
    return insert.values([_values(BLOB, row) for row in range(count)]).on_conflict_do_nothing()


def _checkpoint(dialect: Dialect) -> Insert:
    insert = _INSERTS[dialect.name](CHECKPOINT).values(_values(CHECKPOINT, 0))
    changed = ("parent_checkpoint_id", "run_id", "type", "body", "meta")
    return insert.on_conflict_do_update(
        index_elements=CHECKPOINT.primary_key.columns, set_={name: insert.excluded[name] for name in changed}
    )


def _writes(dialect: Dialect, count: int) -> Insert:
    """A special write (negative `idx`) replaces the earlier one; of an ordinary write the first stands."""
    insert = _INSERTS[dialect.name](WRITE).values([_values(WRITE, row) for row in range(count)])
    changed = ("task_path", "channel", "type", "body")
    return insert.on_conflict_do_update(
        index_elements=WRITE.primary_key.columns,
        set_={name: insert.excluded[name] for name in changed},
        where=insert.excluded.idx < literal_column("0"),
    )


@lru_cache
def _blobs_sql(dialect: Dialect, count: int) -> str:
    return _blobs(dialect, count).compile(dialect=dialect).string


@lru_cache
def _checkpoint_sql(dialect: Dialect) -> str:
    return _checkpoint(dialect).compile(dialect=dialect).string


@lru_cache
def _checkpoint_with_blobs_sql(dialect: Dialect, count: int) -> str:
    """Both in one statement, which only PostgreSQL has; the checkpoint's parameters come first."""
    together = _checkpoint(dialect).add_cte(_blobs(dialect, count).cte("blobs"))
    return together.compile(dialect=dialect).string


@lru_cache
def _writes_sql(dialect: Dialect, count: int) -> str:
    return _writes(dialect, count).compile(dialect=dialect).string


def put_checkpoint(connection: Connection, row: Row, blobs: Sequence[Row]) -> None:
    """Write a checkpoint and those versions of its channels that are new; its `meta` is JSON text."""
    dialect = connection.dialect
    if dialect.name == "postgresql" and 0 < len(blobs) <= ROWS_AT_ONCE:
        sql = _checkpoint_with_blobs_sql(dialect, len(blobs))
        connection.exec_driver_sql(sql, (*row, *chain.from_iterable(blobs)))
        return
    for some in _at_once(blobs):
        connection.exec_driver_sql(_blobs_sql(dialect, len(some)), (*chain.from_iterable(some),))
    connection.exec_driver_sql(_checkpoint_sql(dialect), row)


def put_writes(connection: Connection, writes: Sequence[Row]) -> None:
    """Write one task's pending writes."""
    for some in _at_once(writes):
        sql = _writes_sql(connection.dialect, len(some))
        connection.exec_driver_sql(sql, (*chain.from_iterable(some),))


def hold_still(connection: Connection) -> None:
    """Let the reads that follow see one moment; SQLite's transactions do that by themselves."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ")


_AT = and_(CHECKPOINT.c.thread_id == bindparam("thread_id"), CHECKPOINT.c.checkpoint_ns == bindparam("checkpoint_ns"))
_LATEST = STORED.where(_AT).order_by(CHECKPOINT.c.checkpoint_id.desc()).limit(1)
_ONE = STORED.where(_AT, CHECKPOINT.c.checkpoint_id == bindparam("checkpoint_id"))


def find_checkpoint(
    connection: Connection, thread_id: str, checkpoint_ns: str, checkpoint_id: str | None
) -> StoredCheckpoint | None:
    """The checkpoint named, or the latest of its line where none is."""
    key = {"thread_id": thread_id, "checkpoint_ns": checkpoint_ns}
    if checkpoint_id:
        found = connection.execute(_ONE, key | {"checkpoint_id": checkpoint_id}).first()
    else:
        found = connection.execute(_LATEST, key).first()
    return None if found is None else StoredCheckpoint(*found)


class Search(NamedTuple):
    """What a listing asks for; None asks nothing. `metadata` holds the keys that must be equal."""

    thread_id: str | None = None
    checkpoint_ns: str | None = None
    checkpoint_id: str | None = None
    before: str | None = None  # a checkpoint id, itself excluded
    metadata: Mapping[str, Any] | None = None


Cursor = tuple[str, str, str]  # checkpoint_id, thread_id, checkpoint_ns of the last row seen
_ORDER = (CHECKPOINT.c.checkpoint_id, CHECKPOINT.c.thread_id, CHECKPOINT.c.checkpoint_ns)


def find_page(
    connection: Connection, search: Search, after: Cursor | None, size: int
) -> tuple[list[StoredCheckpoint], Cursor | None]:
    """The matches among the next `size` checkpoints, newest first, and where to go on (None at the end)."""
    query = STORED.where(*_conditions(search))
    if after is not None:
        query = query.where(tuple_(*_ORDER) < tuple_(*after))
    found = connection.execute(query.order_by(*(column.desc() for column in _ORDER)).limit(size))
    rows = [StoredCheckpoint(*row) for row in found]
    last = rows[-1] if len(rows) == size else None
    cursor = None if last is None else (last.checkpoint_id, last.thread_id, last.checkpoint_ns)
    return [row for row in rows if _has_metadata(row.meta, search.metadata)], cursor


def _conditions(search: Search) -> Iterator[ColumnElement[bool]]:
    if search.thread_id is not None:
        yield CHECKPOINT.c.thread_id == search.thread_id
    if search.checkpoint_ns is not None:
        yield CHECKPOINT.c.checkpoint_ns == search.checkpoint_ns
    if search.checkpoint_id is not None:
        yield CHECKPOINT.c.checkpoint_id == search.checkpoint_id
    if search.before is not None:
        yield CHECKPOINT.c.checkpoint_id < search.before


def _has_metadata(meta: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    return not wanted or all(meta.get(key) == value for key, value in wanted.items())


def as_json(value: Any) -> Any:
    """The value as metadata gives it back: tuples as lists, keys as strings."""
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))


def load(
    connection: Connection, rows: Sequence[StoredCheckpoint], serde: SerializerProtocol
) -> list[CheckpointTuple]:
    """The checkpoints with their channel values and pending writes."""
    bodies = [serde.loads_typed((row.type, row.body)) for row in rows]
    versions: dict[Place, set[Key]] = defaultdict(set)
    for row, body in zip(rows, bodies, strict=True):
        versions[row.place] |= version_keys(body["channel_versions"])
    blobs = {place: find_blobs(connection, place, keys) for place, keys in versions.items()}
    writes = {
        place: find_writes(connection, place, [row.checkpoint_id for row in rows if row.place == place])
        for place in versions
    }
    return [
        _checkpoint_tuple(row, body, blobs[row.place], writes[row.place].get(row.checkpoint_id, []), serde)
        for row, body in zip(rows, bodies, strict=True)
    ]


def _checkpoint_tuple(
    row: StoredCheckpoint,
    body: Any,  # a langgraph Checkpoint without its values
    blobs: Mapping[Key, Bytes],
    writes: Sequence["StoredWrite"],
    serde: SerializerProtocol,
) -> CheckpointTuple:
    values = {
        channel: serde.loads_typed(blobs[channel, str(version)])
        for channel, version in body["channel_versions"].items()
        if (channel, str(version)) in blobs
    }
    return CheckpointTuple(
        config=config_of(row.place, row.checkpoint_id),
        checkpoint=body | {"channel_values": values},
        metadata=row.meta,  # pyright: ignore[reportArgumentType]  # the JSON of a CheckpointMetadata
        parent_config=config_of(row.place, row.parent_checkpoint_id) if row.parent_checkpoint_id else None,
        pending_writes=[pending(write, serde) for write in writes],
    )


def config_of(place: Place, checkpoint_id: str) -> RunnableConfig:
    """The config that names a checkpoint."""
    thread_id, checkpoint_ns = place
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": checkpoint_ns, "checkpoint_id": checkpoint_id}}


def pending(write: "StoredWrite", serde: SerializerProtocol) -> PendingWrite:
    """The write as LangGraph takes it."""
    return write.task_id, write.channel, serde.loads_typed((write.type, write.body))


def version_keys(versions: ChannelVersions) -> set[Key]:
    """Channel and version as `checkpoint_blob` names them."""
    return {(channel, str(version)) for channel, version in versions.items()}


_BLOB_KEYS = tuple_(BLOB.c.channel, BLOB.c.version).in_(bindparam("blob_keys", expanding=True))
_BLOBS = select(BLOB.c.channel, BLOB.c.version, BLOB.c.type, BLOB.c.body).where(
    BLOB.c.thread_id == bindparam("thread_id"), BLOB.c.checkpoint_ns == bindparam("checkpoint_ns"), _BLOB_KEYS
)


def find_blobs(connection: Connection, place: Place, keys: Collection[Key]) -> dict[Key, Bytes]:
    """The stored values among `keys`; a version without a value has no row."""
    return {
        (channel, version): (kind, body)
        for some in _at_once(keys)
        for channel, version, kind, body in connection.execute(
            _BLOBS, {"thread_id": place[0], "checkpoint_ns": place[1], "blob_keys": some}
        )
    }


def _at_once(things: Iterable[T]) -> Iterator[list[T]]:
    waiting = list(things)
    for start in range(0, len(waiting), ROWS_AT_ONCE):
        yield waiting[start : start + ROWS_AT_ONCE]


_WRITES = select(
    WRITE.c.checkpoint_id,
    WRITE.c.task_path,
    WRITE.c.task_id,
    WRITE.c.idx,
    WRITE.c.channel,
    WRITE.c.type,
    WRITE.c.body,
).where(
    WRITE.c.thread_id == bindparam("thread_id"),
    WRITE.c.checkpoint_ns == bindparam("checkpoint_ns"),
    WRITE.c.checkpoint_id.in_(bindparam("checkpoint_ids", expanding=True)),
)


class StoredWrite(NamedTuple):
    """A row of `checkpoint_write` as it is selected."""

    checkpoint_id: str
    task_path: str
    task_id: str
    idx: int
    channel: str
    type: str
    body: bytes


def find_writes(
    connection: Connection, place: Place, checkpoint_ids: Collection[str], *, channels: Collection[str] | None = None
) -> dict[str, list[StoredWrite]]:
    """The pending writes of each checkpoint, in the order in which LangGraph applies them."""
    query = _WRITES if channels is None else _WRITES.where(WRITE.c.channel.in_(channels))
    found: dict[str, list[StoredWrite]] = defaultdict(list)
    for some in _at_once(checkpoint_ids):
        key = {"thread_id": place[0], "checkpoint_ns": place[1], "checkpoint_ids": some}
        for row in connection.execute(query, key):
            found[row.checkpoint_id].append(StoredWrite(*row))
    for writes in found.values():
        writes.sort(key=lambda write: writes_sort_key(write.task_path, write.task_id, write.idx))
    return found
