"""Runs: admitted before anything executes, claimed by a conditional update, finished once.

Every function here is a unit for `Database.read` or `Database.write`. The database is the truth about a run's
life; `graphs.studio` alone calls the ones that change a status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Table, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col
from sqlmodel import select as select_rows

from songwright.errors import Conflict, NotFound, Overworked
from storage.fence import FenceLost
from storage.tables import AgentLog, Run, Thread, User, now

RUN: Table = SQLModel.metadata.tables["run"]
RUN_EVENT: Table = SQLModel.metadata.tables["run_event"]
AGENT_LOG: Table = SQLModel.metadata.tables["agent_log"]
LOCAL_USER = "local"
FINAL = ("succeeded", "failed", "cancelled")
PAGE = 500  # events read at once
ACTIVE = ("queued", "running", "interrupted")

NewEvent = tuple[str, str]  # type, JSON text
Event = tuple[int, str, str]  # seq, type, JSON text


def event_json(kind: str, data: dict[str, Any]) -> NewEvent:
    """An event ready to be appended."""
    return kind, orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this process may execute until its lease ends, and where its stream stands."""

    run: Run
    fence: int
    cut_off: frozenset[str]  # tasks that an earlier claim began and did not finish


def ensure_user(connection: Connection, name: str) -> str:
    """The id of the user of that name, made where there is none."""
    table: Table = SQLModel.metadata.tables["user_account"]
    found = connection.execute(select(table.c.id).where(table.c.name == name)).scalar_one_or_none()
    if found is not None:
        return str(found)
    user = User(name=name)
    connection.execute(insert(table).values(**user.model_dump()))
    return user.id


THREAD: Table = SQLModel.metadata.tables["thread"]
_THREAD_OWNER = select(THREAD.c.user_id).where(THREAD.c.id == bindparam("thread"))
_NEW_THREAD = insert(THREAD)
_NEW_RUN = insert(RUN)
_COUNT_WAITING = select(func.count()).select_from(RUN).where(RUN.c.status == "queued")


def admit(connection: Connection, run: Run, *, started: NewEvent, most_waiting: int) -> tuple[Run, bool]:
    """Insert a run with its first event, or give back the one its idempotency key named before.

    The flag is True where the run is new. Raises Conflict where the key was used with another body, Overworked where
    `most_waiting` runs are queued, and NotFound where the thread is another user's.
    """
    if (earlier := _earlier(connection, run)) is not None:
        return earlier, False
    if int(connection.execute(_COUNT_WAITING).scalar_one()) >= most_waiting:
        raise Overworked(f"{most_waiting} runs are waiting already; try again in a few seconds.")
    owner = connection.execute(_THREAD_OWNER, {"thread": run.thread_id}).scalar_one_or_none()
    if owner is not None and owner != run.user_id:
        raise NotFound(f"There is no thread {run.thread_id!r}.")
    try:
        with connection.begin_nested():  # the same key may be admitted by another process at this moment
            if owner is None:
                connection.execute(_NEW_THREAD, Thread(id=run.thread_id, user_id=run.user_id).model_dump())
            connection.execute(_NEW_RUN, run.model_dump() | {"last_seq": 1})
    except IntegrityError:
        earlier = _earlier(connection, run)
        if earlier is None:
            raise
        return earlier, False
    _add_events(connection, run.id, [started], last_seq=1)
    run.last_seq = 1
    return run, True


def _earlier(connection: Connection, run: Run) -> Run | None:
    """The run that this one's idempotency key named before. Raises Conflict where it came with another body."""
    if run.idempotency_key is None:
        return None
    earlier = _by_key(connection, run.user_id, run.idempotency_key)
    if earlier is not None and earlier.body_digest != run.body_digest:
        raise Conflict(f"Idempotency-Key {run.idempotency_key!r} was used with another body; send a new key with it.")
    return earlier


def _by_key(connection: Connection, user_id: str, key: str) -> Run | None:
    with Session(connection, expire_on_commit=False) as session:
        return session.scalars(
            select_rows(Run).where(col(Run.user_id) == user_id, col(Run.idempotency_key) == key)
        ).one_or_none()


_BUSY = RUN.alias("busy")
_CLAIM = (
    update(RUN)
    .where(
        RUN.c.id == bindparam("run"),
        or_(RUN.c.status == "queued", and_(RUN.c.status == "running", RUN.c.lease_until < bindparam("now"))),
        ~select(_BUSY.c.id)
        .where(_BUSY.c.thread_id == RUN.c.thread_id, _BUSY.c.id != RUN.c.id, _BUSY.c.status == "running")
        .exists(),
    )
    .values(
        status="running",
        fence=RUN.c.fence + 1,
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        started_at=func.coalesce(RUN.c.started_at, bindparam("now", type_=RUN.c.started_at.type)),
    )
    .returning(RUN)
)
_BEGAN = select(AGENT_LOG.c.task_id).where(AGENT_LOG.c.run_id == bindparam("run"), AGENT_LOG.c.status == "running")
_CUT_OFF = (
    update(AGENT_LOG)
    .where(AGENT_LOG.c.run_id == bindparam("run"), AGENT_LOG.c.status == "running")
    .values(status="lost", finished_at=bindparam("now"), error="The process that ran this step went away.")
)


def claim(connection: Connection, run_id: str, *, owner: str, lease_s: float) -> Claim | None:
    """Take a waiting run, or one whose lease has expired; None where another has it or its thread is busy."""
    at = now()
    until = at + timedelta(seconds=lease_s)
    taken = connection.execute(_CLAIM, {"run": run_id, "now": at, "owner": owner, "until": until}).one_or_none()
    if taken is None:
        return None
    run = Run(**taken._mapping)  # pyright: ignore[reportPrivateUsage]  # SQLAlchemy's documented name
    cut_off: frozenset[str] = frozenset()
    if run.fence > 1:
        cut_off = frozenset(connection.execute(_BEGAN, {"run": run_id}).scalars())
        connection.execute(_CUT_OFF, {"run": run_id, "now": at})
    return Claim(run=run, fence=run.fence, cut_off=cut_off)


_RENEW = (
    update(RUN)
    .where(RUN.c.id == bindparam("run"), RUN.c.fence == bindparam("holds"), RUN.c.status == "running")
    .values(lease_until=bindparam("until"))
    .returning(RUN.c.cancel_requested)
)
_RAISE_SEQ = (
    update(RUN)
    .where(
        RUN.c.id == bindparam("run"),
        RUN.c.fence == bindparam("holds"),
        RUN.c.status == "running",
    )
    .values(last_seq=RUN.c.last_seq + bindparam("count"))
    .returning(RUN.c.last_seq)
)
_INSERT_EVENT = insert(RUN_EVENT)


def append_events(connection: Connection, run_id: str, fence: int, events: Sequence[NewEvent]) -> list[Event]:
    """Append events under the fence and give them their numbers. Raises FenceLost where it no longer holds."""
    last = connection.execute(_RAISE_SEQ, {"run": run_id, "holds": fence, "count": len(events)}).scalar_one_or_none()
    if last is None:
        raise FenceLost(f"Run {run_id!r} is no longer held under fence {fence}.")
    return _add_events(connection, run_id, events, last_seq=int(last))


def _add_events(connection: Connection, run_id: str, events: Sequence[NewEvent], *, last_seq: int) -> list[Event]:
    if not events:
        return []
    first = last_seq - len(events) + 1
    at = now()
    numbered = [(first + i, kind, data) for i, (kind, data) in enumerate(events)]
    connection.execute(
        _INSERT_EVENT,
        [
            {"run_id": run_id, "seq": seq, "type": kind, "data": data, "created_at": at}
            for seq, kind, data in numbered
        ],
    )
    return numbered


def events_after(connection: Connection, run_id: str, seq: int, *, limit: int = PAGE) -> tuple[list[Event], str]:
    """Events numbered above `seq` in order, and the run's status as of the same snapshot."""
    status = connection.execute(select(RUN.c.status).where(RUN.c.id == run_id)).scalar_one_or_none()
    if status is None:
        raise NotFound(f"There is no run {run_id!r}.")
    rows = connection.execute(
        select(RUN_EVENT.c.seq, RUN_EVENT.c.type, RUN_EVENT.c.data)
        .where(RUN_EVENT.c.run_id == run_id, RUN_EVENT.c.seq > seq)
        .order_by(RUN_EVENT.c.seq)
        .limit(limit)
    )
    return [(row.seq, row.type, row.data) for row in rows], str(status)


def finish(
    connection: Connection, run_id: str, fence: int, *, values: dict[str, Any], events: Sequence[NewEvent]
) -> list[Event]:
    """Close a held run with its last events, in one transaction. Raises FenceLost."""
    numbered = append_events(connection, run_id, fence, events)
    final = values["status"] in FINAL
    connection.execute(
        update(RUN)
        .where(RUN.c.id == run_id)
        .values(
            lease_owner=None,
            lease_until=None,
            **({"finished_at": now()} if final else {}),
            **values,
        )
    )
    return numbered


def release(connection: Connection, run_id: str, fence: int) -> None:
    """Give a held run back unfinished, so that any process may go on with it."""
    connection.execute(
        update(RUN)
        .where(RUN.c.id == run_id, RUN.c.fence == fence, RUN.c.status == "running")
        .values(status="queued", lease_owner=None, lease_until=None)
    )


def renew(connection: Connection, run_id: str, fence: int, *, lease_s: float) -> bool:
    """Prolong a held run's lease; True where its cancellation was asked for. In the run's own lane: no deadlock."""
    asked = connection.execute(
        _RENEW, {"run": run_id, "holds": fence, "until": now() + timedelta(seconds=lease_s)}
    ).scalar_one_or_none()
    return bool(asked)


def is_cancel_asked(connection: Connection, run_id: str) -> bool:
    """True where somebody asked for the run's cancellation."""
    return bool(connection.execute(select(RUN.c.cancel_requested).where(RUN.c.id == run_id)).scalar_one())


def void_leases(connection: Connection) -> None:
    """Declare every lease void: for the one process that holds an embedded home."""
    connection.execute(
        update(RUN).where(RUN.c.status == "running").values(lease_until=datetime(1970, 1, 1, tzinfo=UTC))
    )


def waiting(connection: Connection, *, limit: int) -> list[str]:
    """Runs that nobody executes, longest waiting first."""
    at = now()
    return list(
        connection.execute(
            select(RUN.c.id)
            .where(or_(RUN.c.status == "queued", and_(RUN.c.status == "running", RUN.c.lease_until < at)))
            .order_by(RUN.c.created_at)
            .limit(limit)
        ).scalars()
    )


def request_cancel(connection: Connection, run_id: str, *, closing: NewEvent) -> tuple[Run, list[Event]]:
    """Cancel a run that waits at once; ask the holder of one that runs. A finished run stays as it is."""
    run = one(connection, run_id)
    if run.status in FINAL:
        return run, []
    if run.status == "running":
        connection.execute(update(RUN).where(RUN.c.id == run_id).values(cancel_requested=True))
        return run, []
    last = connection.execute(
        update(RUN)
        .where(RUN.c.id == run_id, RUN.c.status == run.status)
        .values(status="cancelled", finished_at=now(), last_seq=RUN.c.last_seq + 1, interrupts=None, resume=None)
        .returning(RUN.c.last_seq)
    ).scalar_one_or_none()
    if last is None:  # it moved on between the two statements: its holder is asked
        connection.execute(update(RUN).where(RUN.c.id == run_id).values(cancel_requested=True))
        return run, []
    return one(connection, run_id), _add_events(connection, run_id, [closing], last_seq=int(last))


def store_answer(connection: Connection, run_id: str, answers: dict[str, Any]) -> Run:
    """Keep the answers to a run's interrupts and put it back in the queue.

    Raises Conflict where the run is not interrupted (any more).
    """
    changed = connection.execute(
        update(RUN)
        .where(RUN.c.id == run_id, RUN.c.status == "interrupted")
        .values(status="queued", resume=answers, interrupts=None, cancel_requested=False)
    ).rowcount
    if not changed:
        raise Conflict(f"Run {run_id!r} is not waiting for an answer.")
    return one(connection, run_id)


def one(connection: Connection, run_id: str, *, user_id: str | None = None) -> Run:
    """The run of that id. Raises NotFound, also for another user's run."""
    with Session(connection, expire_on_commit=False) as session:
        run = session.get(Run, run_id)
    if run is None or (user_id is not None and run.user_id != user_id):
        raise NotFound(f"There is no run {run_id!r}.")
    return run


def listed(
    connection: Connection, user_id: str, *, limit: int, before: str | None = None, status: str | None = None
) -> list[Run]:
    """A user's runs, newest first, from before the run whose id is `before`."""
    query = select_rows(Run).where(col(Run.user_id) == user_id)
    if before is not None:
        query = query.where(col(Run.id) < before)
    if status is not None:
        query = query.where(col(Run.status) == status)
    with Session(connection, expire_on_commit=False) as session:
        return list(session.scalars(query.order_by(col(Run.id).desc()).limit(limit)))


def erase(connection: Connection, run_id: str) -> None:
    """Delete a finished run with its events and steps; raises Conflict while it is alive."""
    run = one(connection, run_id)
    if run.status in ("queued", "running"):
        raise Conflict(f"Run {run_id!r} is {run.status}; cancel it first.")
    for table in (RUN_EVENT, AGENT_LOG):
        connection.execute(table.delete().where(table.c.run_id == run_id))
    connection.execute(RUN.delete().where(RUN.c.id == run_id))


def steps(connection: Connection, run_id: str) -> list[AgentLog]:
    """Every attempt of every step of a run, in the order they started."""
    with Session(connection, expire_on_commit=False) as session:
        return list(
            session.scalars(select_rows(AgentLog).where(col(AgentLog.run_id) == run_id).order_by(col(AgentLog.id)))
        )
