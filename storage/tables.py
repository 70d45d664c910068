"""The tables: what is kept, row by row. Nothing here reads or writes; the other files of this room do.

Conventions: singular snake_case names, `_at` for instants (UTC), time-ordered text ids (UUIDv7) for our own rows,
every row of a user reached through that user with ON DELETE CASCADE, and CHECKs as the last layer of validation.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
import uuid_utils
from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel
from typing_extensions import override

RUN_STATUSES = ("queued", "running", "interrupted", "succeeded", "failed", "cancelled")
STEP_STATUSES = ("running", "succeeded", "failed", "interrupted", "cancelled", "lost")

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562) as 36 characters; ids sort by the time they were made."""
    return str(uuid_utils.uuid7())


def now() -> datetime:
    """The present instant, UTC."""
    return datetime.now(UTC)


class Instant(TypeDecorator[datetime]):
    """A UTC instant: TIMESTAMPTZ on PostgreSQL, naive UTC text on SQLite, aware in Python on both."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        aware = value.astimezone(UTC)
        return aware if dialect.name == "postgresql" else aware.replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """A JSON value kept as text, alike on both databases; NUL stays escaped, which JSONB would refuse."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


def _one_of(column: str, values: tuple[str, ...], name: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})", name=name)


def _fk(target: str, *, ondelete: str = "CASCADE") -> tuple[ForeignKey]:
    return (ForeignKey(target, ondelete=ondelete),)


class User(SQLModel, table=True):
    """A person; the open mode has one, `local`."""

    __tablename__: ClassVar[Any] = "user_account"
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    name: str = Field(unique=True, max_length=200)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class Thread(SQLModel, table=True):
    """A line of checkpoints that belongs to one user."""

    __tablename__: ClassVar[Any] = "thread"
    id: str = Field(default_factory=new_id, primary_key=True, max_length=200)
    user_id: str = Field(sa_column_args=_fk("user_account.id"), index=True, max_length=36)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class Run(SQLModel, table=True):
    """One execution of a graph: inserted before anything executes, and the truth about its life.

    `fence` counts claims; every write of an executor checks that it still holds. `last_seq` is the number of
    events so far; it is raised in the transaction that appends them.
    """

    __tablename__: ClassVar[Any] = "run"
    __table_args__ = (
        _one_of("status", RUN_STATUSES, "status_known"),
        CheckConstraint("fence >= 0 AND last_seq >= 0", name="counts_not_negative"),
        UniqueConstraint("user_id", "idempotency_key"),
        Index(
            "uq_run_thread_id_running",
            "thread_id",
            unique=True,
            sqlite_where=text("status = 'running'"),
            postgresql_where=text("status = 'running'"),
        ),
        Index("ix_run_status_created_at", "status", "created_at"),
        Index("ix_run_user_id_id", "user_id", "id"),
    )
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    user_id: str = Field(sa_column_args=_fk("user_account.id"), max_length=36)
    thread_id: str = Field(sa_column_args=_fk("thread.id"), index=True, max_length=200)
    graph: str = Field(max_length=100)
    kind: str = Field(max_length=40)
    status: str = Field(default="queued", max_length=20)
    origin: str = Field(default="api", max_length=20)
    preview: str = Field(default="", max_length=200)
    input: Any = Field(sa_type=Json)
    resume: Any = Field(default=None, sa_type=Json, nullable=True)  # {interrupt id: value} until it is taken up
    interrupts: Any = Field(default=None, sa_type=Json, nullable=True)  # [{id, value, schema}] while interrupted
    result: Any = Field(default=None, sa_type=Json, nullable=True)
    problem: Any = Field(default=None, sa_type=Json, nullable=True)
    degraded: Any = Field(default=None, sa_type=Json, nullable=True)  # [{step, reason}]
    writer_provider: str | None = Field(default=None, max_length=100)
    writer_model: str | None = Field(default=None, max_length=200)
    fence: int = Field(default=0)
    last_seq: int = Field(default=0)
    lease_owner: str | None = Field(default=None, max_length=100, index=True)
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    cancel_requested: bool = Field(default=False)
    idempotency_key: str | None = Field(default=None, max_length=255)
    body_digest: str | None = Field(default=None, max_length=64)
    deadline_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)


class RunEvent(SQLModel, table=True):
    """One event of a run's stream; `seq` runs 1, 2, 3 … without a gap and is the SSE id."""

    __tablename__: ClassVar[Any] = "run_event"
    run_id: str = Field(sa_column_args=_fk("run.id"), primary_key=True, max_length=36)
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    type: str = Field(max_length=40)
    data: str = Field(sa_type=Text)  # JSON text, sent as it stands
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class AgentLog(SQLModel, table=True):
    """One attempt of one step: written when it starts, completed with the writes of its task."""

    __tablename__: ClassVar[Any] = "agent_log"
    __table_args__ = (
        _one_of("status", STEP_STATUSES, "status_known"),
        CheckConstraint("attempt >= 1", name="attempt_from_one"),
        UniqueConstraint("run_id", "task_id", "fence", "attempt"),
        Index("ix_agent_log_run_id_id", "run_id", "id"),
        Index("ix_agent_log_started_at_id", "started_at", "id"),
        Index("ix_agent_log_agent_id", "agent", "id"),
    )
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    run_id: str = Field(sa_column_args=_fk("run.id"), max_length=36)
    task_id: str = Field(max_length=100)
    fence: int
    attempt: int
    agent: str = Field(max_length=60)
    node: str = Field(max_length=60)
    label: str | None = Field(default=None, max_length=100)  # what it worked on, e.g. a section's name
    step: int | None = Field(default=None)  # superstep of the graph
    status: str = Field(default="running", max_length=20)
    parent_id: str | None = Field(default=None, max_length=36)
    checkpoint_id: str | None = Field(default=None, max_length=100)  # the checkpoint it read from
    provider: str | None = Field(default=None, max_length=100)
    model: str | None = Field(default=None, max_length=200)
    prompt: str | None = Field(default=None, max_length=100)
    prompt_digest: str | None = Field(default=None, max_length=64)
    calls: int = Field(default=0)
    tokens_in: int | None = Field(default=None)
    tokens_out: int | None = Field(default=None)
    first_token_ms: float | None = Field(default=None)
    duration_ms: float | None = Field(default=None)
    cost: float | None = Field(default=None)
    error_type: str | None = Field(default=None, max_length=100)
    error: str | None = Field(default=None, sa_type=Text)
    preview: str | None = Field(default=None, max_length=200)
    input_sha256: str | None = Field(default=None, max_length=64)
    output_sha256: str | None = Field(default=None, max_length=64)
    calls_sha256: str | None = Field(default=None, max_length=64)
    started_at: datetime = Field(default_factory=now, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)


class Payload(SQLModel, table=True):
    """Content-addressed bytes of a step: shared within a user, never across."""

    __tablename__: ClassVar[Any] = "payload"
    user_id: str = Field(sa_column_args=_fk("user_account.id"), primary_key=True, max_length=36)
    sha256: str = Field(primary_key=True, max_length=64)
    size: int  # bytes before compression
    body: bytes = Field(sa_type=LargeBinary)  # zlib, or as it is where it is small
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class Checkpoint(SQLModel, table=True):
    """One checkpoint of a thread. `thread_id` has no foreign key: users of the saver bring their own threads."""

    __tablename__: ClassVar[Any] = "checkpoint"
    thread_id: str = Field(primary_key=True, sa_type=Text)
    checkpoint_ns: str = Field(primary_key=True, sa_type=Text)
    checkpoint_id: str = Field(primary_key=True, sa_type=Text)
    parent_checkpoint_id: str | None = Field(default=None, sa_type=Text)
    run_id: str | None = Field(default=None, sa_type=Text, index=True)
    type: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)  # the checkpoint without its channel values
    meta: Any = Field(sa_type=Json)


class CheckpointBlob(SQLModel, table=True):
    """One version of one channel's value, written once however many checkpoints hold it."""

    __tablename__: ClassVar[Any] = "checkpoint_blob"
    thread_id: str = Field(primary_key=True, sa_type=Text)
    checkpoint_ns: str = Field(primary_key=True, sa_type=Text)
    channel: str = Field(primary_key=True, sa_type=Text)
    version: str = Field(primary_key=True, sa_type=Text)
    type: str = Field(sa_type=Text)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)


class CheckpointWrite(SQLModel, table=True):
    """One pending write of one task on top of a checkpoint."""

    __tablename__: ClassVar[Any] = "checkpoint_write"
    thread_id: str = Field(primary_key=True, sa_type=Text)
    checkpoint_ns: str = Field(primary_key=True, sa_type=Text)
    checkpoint_id: str = Field(primary_key=True, sa_type=Text)
    task_id: str = Field(primary_key=True, sa_type=Text)
    idx: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    task_path: str = Field(default="", sa_type=Text)
    channel: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)
