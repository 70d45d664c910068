"""The one door to the database: group commit, the order of lanes, reads under a deadline, and the schema's life."""

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, delete, func, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

import storage.resources
import storage.tables
from songwright.errors import Overworked, Unavailable
from songwright.settings import Settings
from storage import schema
from storage.database import Database, Unit
from storage.tables import AgentLog, Payload, Run, RunEvent, Thread, User
from tests.conftest import ENGINES, settings_at

USERS = SQLModel.metadata.tables["user_account"]
SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


def add(name: str) -> Unit[str]:
    """A unit that inserts a user, whose id is its name."""

    def unit(connection: Connection) -> str:
        connection.execute(insert(USERS).values(User(id=name, name=name).model_dump()))
        return name

    return unit


async def users(database: Database) -> list[str]:
    return await database.read(lambda c: list(c.execute(select(USERS.c.id).order_by(USERS.c.id)).scalars()))


# Writes


async def test_a_unit_that_fails_hurts_only_itself(database: Database) -> None:
    await database.write(add("taken"))

    outcomes = await asyncio.gather(
        *(database.submit(add(name)) for name in ("a", "taken", "b", "c", "taken")), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [str, IntegrityError, str, str, IntegrityError]
    assert await users(database) == ["a", "b", "c", "taken"]


async def test_a_unit_that_raises_leaves_nothing_behind(database: Database) -> None:
    def half(connection: Connection) -> None:
        add("half")(connection)
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        await database.write(half)

    assert await users(database) == []


async def test_what_waits_is_committed_together(database: Database) -> None:
    def transaction(connection: Connection) -> Any:
        return connection.get_transaction()

    transactions = await asyncio.gather(*(database.submit(transaction) for _ in range(100)))

    assert len({id(one) for one in transactions}) <= 5  # the first may go alone; all are alive, so ids are distinct


async def test_writes_of_a_lane_keep_their_order(database: Database) -> None:
    lanes = [f"lane-{i}" for i in range(6)]
    await asyncio.gather(*(database.submit(add(lane), lane=lane) for lane in lanes))

    def follow(lane: str, step: int) -> Unit[int]:
        before = lane if step == 0 else f"{lane} {step - 1}"
        moving = update(USERS).where(USERS.c.id == lane, USERS.c.name == before).values(name=f"{lane} {step}")
        return lambda connection: connection.execute(moving).rowcount

    moved = await asyncio.gather(
        *(database.submit(follow(lane, step), lane=lane) for step in range(40) for lane in lanes)
    )

    assert moved == [1] * len(moved)


async def test_a_write_stands_though_its_waiter_was_cancelled(database: Database) -> None:
    database.submit(add("cancelled")).cancel()
    await database.write(add("next"))

    assert await users(database) == ["cancelled", "next"]


async def test_closing_commits_what_still_waits(engine_settings: Settings) -> None:
    async with Database.open(engine_settings) as database:
        waiting = [database.submit(add(f"u{i}")) for i in range(20)]
    async with Database.open(engine_settings) as database:
        assert len(await users(database)) == len(waiting)


async def test_a_full_queue_refuses_admissions_and_takes_what_was_admitted(settings: Settings) -> None:
    narrow = settings.model_copy(update={"database": settings.database.model_copy(update={"write_queue": 2})})
    gate = threading.Event()
    async with Database.open(narrow) as database:
        first = database.submit(lambda _: gate.wait(30))
        admitted = [database.submit(lambda _: True) for _ in range(100)]
        with pytest.raises(Overworked, match="try again"):
            await database.write(lambda _: None, is_admission=True)
        gate.set()
        assert await first
        assert all([await write for write in admitted])


# Reads


async def test_a_read_changes_nothing(database: Database) -> None:
    def sneak(connection: Connection) -> None:
        add("sneaked")(connection)

    if database.dialect == "sqlite":
        with pytest.raises(Unavailable):
            await database.read(sneak)
    else:
        await database.read(sneak)

    assert await users(database) == []


async def test_a_read_past_its_deadline_is_given_up(engine_settings: Settings) -> None:
    hurried = engine_settings.model_copy(
        update={"database": engine_settings.database.model_copy(update={"read_deadline_s": 0.2})}
    )
    async with Database.open(hurried) as database, asyncio.timeout(10):
        with pytest.raises(Unavailable, match="did not answer in time"):
            await database.read(lambda c: c.exec_driver_sql(SLOW[database.dialect]).all())

        assert await users(database) == []  # the connection is good for the next


async def test_reads_and_writes_go_on_side_by_side(database: Database) -> None:
    async with asyncio.TaskGroup() as group:
        for i in range(40):
            group.create_task(database.write(add(f"u{i:02}")))
            group.create_task(users(database))

    assert len(await users(database)) == 40


async def test_a_ping_tells_what_answers(database: Database) -> None:
    told = await database.ping()

    assert told["dialect"] == database.dialect
    assert told["tables"] == len(SQLModel.metadata.tables) + 1  # Alembic's own
    assert told["pool"]["waiting_writes"] == 0


# The schema


@pytest.fixture(params=ENGINES)
def empty_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings of a database with nothing in it, on each engine in turn."""
    if request.param == "sqlite":
        return settings
    return settings_at(settings.home, database_url=request.getfixturevalue("postgres_url"))


async def tables(settings: Settings) -> set[str]:
    async with Database.open(settings) as database:
        return await database.read(lambda connection: set(inspect(connection).get_table_names()))


async def test_the_schema_goes_up_down_and_up_again(empty_settings: Settings) -> None:
    await schema.upgrade(empty_settings)
    assert await tables(empty_settings) == {*SQLModel.metadata.tables, "alembic_version"}

    await schema.downgrade(empty_settings)
    assert await tables(empty_settings) == {"alembic_version"}

    await schema.upgrade(empty_settings)
    async with Database.open(empty_settings) as database:
        assert await schema.check(database) == schema.head()


def differences(connection: Connection) -> Any:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return compare_metadata(context, SQLModel.metadata)


async def test_the_migrated_schema_is_the_one_the_code_describes(database: Database) -> None:
    assert storage.resources.Lyrics.metadata is storage.tables.Run.metadata
    assert await database.read(differences) == []


async def test_another_schema_is_refused_with_what_to_run(engine_settings: Settings) -> None:
    async with Database.open(engine_settings) as database:
        for found in ("0000", "9999"):
            await database.write(
                lambda c, v=found: c.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": v}) and None
            )
            with pytest.raises(Unavailable, match=rf"'{found}'.*songwright migrate"):
                await schema.check(database)


async def test_a_database_without_a_schema_is_refused(empty_settings: Settings) -> None:
    async with Database.open(empty_settings) as database:
        with pytest.raises(Unavailable, match=r"schema None .*songwright migrate"):
            await schema.check(database)


async def test_everything_of_a_user_goes_with_the_user(database: Database) -> None:
    began = datetime(2026, 8, 1, tzinfo=UTC)
    for name in ("ann", "bob"):
        await database.write(lambda c, name=name: _settle_in(c, name, began))
    before = await counts(database)

    await database.write(lambda c: c.execute(delete(USERS).where(USERS.c.id == "ann")) and None)

    assert set(before.values()) == {2}
    assert await counts(database) == dict.fromkeys(before, 1)


def _settle_in(connection: Connection, name: str, began: datetime) -> None:
    rows = (
        User(id=name, name=name),
        Thread(id=f"thread-{name}", user_id=name),
        Run(id=f"run-{name}", user_id=name, thread_id=f"thread-{name}", graph="song", kind="generate", input={}),
        RunEvent(run_id=f"run-{name}", seq=1, type="started", data="{}"),
        AgentLog(
            run_id=f"run-{name}", task_id="t", fence=1, attempt=1, agent="planner", node="plan", started_at=began
        ),
        Payload(user_id=name, sha256="0" * 64, size=1, body=b"x"),
    )
    for row in rows:
        connection.execute(insert(SQLModel.metadata.tables[row.__tablename__]).values(row.model_dump()))


async def counts(database: Database) -> dict[str, int]:
    kept = ("user_account", "thread", "run", "run_event", "agent_log", "payload")
    return await database.read(
        lambda c: {
            name: c.execute(select(func.count()).select_from(SQLModel.metadata.tables[name])).scalar_one()
            for name in kept
        }
    )


def test_every_table_of_a_person_is_reached_through_the_person() -> None:
    """From each table with a user's rows, a chain of cascading keys leads to `user_account`; these have none."""
    apart = {"user_account", "checkpoint", "checkpoint_blob", "checkpoint_write", "alembic_version"}

    def reaches(name: str) -> bool:
        keys = SQLModel.metadata.tables[name].foreign_keys
        cascading = {key.column.table.name for key in keys if key.ondelete == "CASCADE"}
        return "user_account" in cascading or any(reaches(one) for one in cascading)

    assert [name for name in SQLModel.metadata.tables if name not in apart and not reaches(name)] == []
