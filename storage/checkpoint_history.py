"""What happens to whole lines of checkpoints: delta histories, pruning, copying and deleting.

Refuses to know who asks; every function is a unit over a connection, for `Database.read` or `Database.write`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from langgraph.checkpoint.base import DeltaChannelHistory
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy import Connection, Delete, Select, Table, Text, bindparam, delete, literal, null, select, update

from storage.checkpoint_rows import (
    BLOB,
    CHECKPOINT,
    WRITE,
    Bytes,
    Key,
    Place,
    StoredCheckpoint,
    find_blobs,
    find_checkpoint,
    find_writes,
    on_both,
    pending,
    version_keys,
)

ANCESTORS_AT_ONCE = 64  # checkpoints of a chain read in one query


class _Ancestor(NamedTuple):
    checkpoint_id: str
    parent_checkpoint_id: str | None
    versions: Mapping[str, str]  # channel → version


def _chain_query() -> Select[Any]:
    columns = (CHECKPOINT.c.checkpoint_id, CHECKPOINT.c.parent_checkpoint_id, CHECKPOINT.c.type, CHECKPOINT.c.body)
    here = (
        CHECKPOINT.c.thread_id == bindparam("thread_id"),
        CHECKPOINT.c.checkpoint_ns == bindparam("checkpoint_ns"),
    )
    nearest = select(*columns, literal(1).label("depth")).where(
        *here, CHECKPOINT.c.checkpoint_id == bindparam("checkpoint_id")
    )
    chain = nearest.cte("chain", recursive=True)
    older = (
        select(*columns, chain.c.depth + 1)
        .join(chain, CHECKPOINT.c.checkpoint_id == chain.c.parent_checkpoint_id)
        .where(*here, chain.c.depth < ANCESTORS_AT_ONCE)
    )
    return select(chain.union_all(older)).order_by("depth")


_CHAIN = _chain_query()


def _chain(
    connection: Connection, place: Place, checkpoint_id: str | None, serde: SerializerProtocol
) -> Iterator[list[_Ancestor]]:
    """From the checkpoint named to its root, nearest first, in pages."""
    cursor = checkpoint_id
    while cursor is not None:
        found = connection.execute(
            _CHAIN, {"thread_id": place[0], "checkpoint_ns": place[1], "checkpoint_id": cursor}
        )
        page = [
            _Ancestor(row.checkpoint_id, row.parent_checkpoint_id, dict(_keys((row.type, row.body), serde)))
            for row in found
        ]
        yield page
        cursor = page[-1].parent_checkpoint_id if len(page) == ANCESTORS_AT_ONCE else None


def _keys(stored: Bytes, serde: SerializerProtocol) -> set[Key]:
    return version_keys(serde.loads_typed(stored)["channel_versions"])


class _Reach(NamedTuple):
    """How far back each channel is read: checkpoint ids, nearest first, down to a stored value or to the root."""

    checkpoint_ids: dict[str, list[str]]
    seeds: dict[str, Bytes]


def _reach(
    connection: Connection, place: Place, start: str | None, channels: Collection[str], serde: SerializerProtocol
) -> _Reach:
    reach = _Reach({channel: [] for channel in channels}, {})
    for page in _chain(connection, place, start, serde):
        unseeded = [channel for channel in reach.checkpoint_ids if channel not in reach.seeds]
        if not unseeded:
            break
        values = find_blobs(
            connection, place, {(c, a.versions[c]) for a in page for c in unseeded if c in a.versions}
        )
        for channel in unseeded:
            _step_back(reach, channel, page, values)
    return reach


def _step_back(reach: _Reach, channel: str, page: Sequence[_Ancestor], values: Mapping[Key, Bytes]) -> None:
    for ancestor in page:
        reach.checkpoint_ids[channel].append(ancestor.checkpoint_id)
        value = values.get((channel, ancestor.versions.get(channel, "")))
        if value is not None:
            reach.seeds[channel] = value
            return


def delta_history(
    connection: Connection,
    place: Place,
    checkpoint_id: str | None,
    channels: Collection[str],
    serde: SerializerProtocol,
) -> dict[str, DeltaChannelHistory]:
    """What each channel's value is rebuilt from: the value stored at the nearest ancestor, and the writes since.

    A stored value is the one entering its checkpoint, so that checkpoint's own writes belong to the answer.
    """
    target = find_checkpoint(connection, *place, checkpoint_id)
    reach = _reach(connection, place, target and target.parent_checkpoint_id, channels, serde)
    every = {checkpoint_id for ids in reach.checkpoint_ids.values() for checkpoint_id in ids}
    writes = find_writes(connection, place, every, channels=channels)
    history: dict[str, DeltaChannelHistory] = {}
    for channel, ids in reach.checkpoint_ids.items():
        history[channel] = {
            "writes": [
                pending(write, serde)
                for checkpoint_id in reversed(ids)
                for write in writes.get(checkpoint_id, ())
                if write.channel == channel
            ]
        }
        if channel in reach.seeds:
            history[channel]["seed"] = serde.loads_typed(reach.seeds[channel])
    return history


def _of_thread(table: Table) -> Delete:
    return delete(table).where(table.c.thread_id == bindparam("thread"))


def _of_checkpoint(table: Table) -> Delete:
    return _of_thread(table).where(
        table.c.checkpoint_ns == bindparam("ns"), table.c.checkpoint_id == bindparam("victim")
    )


_DELETE_THREAD = [_of_thread(table) for table in (CHECKPOINT, BLOB, WRITE)]
_DELETE_CHECKPOINT = [_of_checkpoint(table) for table in (CHECKPOINT, WRITE)]
_DELETE_BLOB = _of_thread(BLOB).where(
    BLOB.c.checkpoint_ns == bindparam("ns"),
    BLOB.c.channel == bindparam("dead_channel"),
    BLOB.c.version == bindparam("dead_version"),
)
_FORGET_PARENT = (
    update(CHECKPOINT)
    .where(
        CHECKPOINT.c.thread_id == bindparam("thread"),
        CHECKPOINT.c.checkpoint_ns == bindparam("ns"),
        CHECKPOINT.c.parent_checkpoint_id == bindparam("victim"),
    )
    .values(parent_checkpoint_id=null())
)


def delete_thread(connection: Connection, thread_id: str) -> None:
    """Delete every checkpoint, value and write of a thread."""
    for statement in _DELETE_THREAD:
        connection.execute(statement, {"thread": thread_id})


def delete_for_runs(connection: Connection, run_ids: Collection[str], serde: SerializerProtocol) -> None:
    """Delete the checkpoints that these runs made, with their writes and the values that only they held."""
    query = select(CHECKPOINT.c.thread_id, CHECKPOINT.c.checkpoint_ns, CHECKPOINT.c.checkpoint_id)
    victims: dict[Place, list[str]] = defaultdict(list)
    for thread_id, checkpoint_ns, checkpoint_id in connection.execute(query.where(CHECKPOINT.c.run_id.in_(run_ids))):
        victims[thread_id, checkpoint_ns].append(checkpoint_id)
    for place, checkpoint_ids in victims.items():
        _drop(connection, place, checkpoint_ids, serde)


def keep_latest(connection: Connection, thread_id: str, serde: SerializerProtocol) -> None:
    """Keep the latest checkpoint of each namespace, and what its delta channels are rebuilt from.

    A finished subgraph call goes altogether, once the checkpoint of the root graph that made it goes.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    query = select(CHECKPOINT.c.checkpoint_ns, CHECKPOINT.c.checkpoint_id).where(CHECKPOINT.c.thread_id == thread_id)
    for checkpoint_ns, checkpoint_id in connection.execute(query):
        lines[checkpoint_ns].append(checkpoint_id)
    heads = {ns: head for ns in lines if (head := find_checkpoint(connection, thread_id, ns, None)) is not None}
    kept = {ns: _needed(connection, head, serde) for ns, head in heads.items()}
    for ns, head in heads.items():
        caller = head.meta.get("parents", {}).get("")
        if ":" in ns and caller in lines.get("", ()) and caller not in kept[""]:
            kept[ns] = set()
    for ns, line in lines.items():
        _drop(connection, (thread_id, ns), [one for one in line if one not in kept[ns]], serde)


def _needed(connection: Connection, head: StoredCheckpoint, serde: SerializerProtocol) -> set[str]:
    """The checkpoint itself, and its ancestors back to the stored value of each delta channel it has no value for.

    LangGraph counts in the metadata what happened to each such channel since its last snapshot.
    """
    counted: Mapping[str, Any] = head.meta.get("counters_since_delta_snapshot") or {}
    reach = _reach(connection, head.place, head.checkpoint_id, counted, serde)
    return {head.checkpoint_id}.union(*reach.checkpoint_ids.values())


_VALUES_OF_LINE = select(BLOB.c.channel, BLOB.c.version).where(
    BLOB.c.thread_id == bindparam("thread"), BLOB.c.checkpoint_ns == bindparam("ns")
)
_BODIES_OF_LINE = select(CHECKPOINT.c.type, CHECKPOINT.c.body).where(
    CHECKPOINT.c.thread_id == bindparam("thread"), CHECKPOINT.c.checkpoint_ns == bindparam("ns")
)


def _drop(connection: Connection, place: Place, victims: Sequence[str], serde: SerializerProtocol) -> None:
    """Delete checkpoints with their writes, and the values that no other checkpoint of the line holds."""
    if not victims:
        return
    line = {"thread": place[0], "ns": place[1]}
    # Values are listed before the checkpoints that hold them: one saved meanwhile is then held by a checkpoint seen.
    values = {(channel, version) for channel, version in connection.execute(_VALUES_OF_LINE, line)}
    for statement in (*_DELETE_CHECKPOINT, _FORGET_PARENT):
        connection.execute(statement, [line | {"victim": victim} for victim in victims])
    for stored in connection.execute(_BODIES_OF_LINE, line):
        values -= _keys((stored.type, stored.body), serde)
    if values:
        dead = [line | {"dead_channel": channel, "dead_version": version} for channel, version in values]
        connection.execute(_DELETE_BLOB, dead)


def _copy(table: Table) -> Mapping[str, Any]:
    others = [column for column in table.c if column.name != "thread_id"]
    source = select(bindparam("target", type_=Text()), *others).where(table.c.thread_id == bindparam("thread"))
    return on_both(
        lambda insert: (
            insert(table)
            .from_select(["thread_id", *(column.name for column in others)], source)
            .on_conflict_do_nothing()
        )
    )


_COPY_THREAD = [_copy(table) for table in (BLOB, CHECKPOINT, WRITE)]


def copy_thread(connection: Connection, source: str, target: str) -> None:
    """Copy a thread whole, ids included, so that every chain is complete; what the target already has stays."""
    for statements in _COPY_THREAD:
        connection.execute(statements[connection.dialect.name], {"thread": source, "target": target})
