"""Servers of our own in processes of their own: started, waited for, and ended by the handle that started them.

Runnable as `python -m benchmarks.servers HOME PORT`: the whole app, its middleware and its routes, where only the
coordinator graph is exchanged for one node over a fake model. Refuses to know clocks, except to stop waiting.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import uvicorn

from api import logs
from api.app import create_app
from api.server_note import free_port
from benchmarks.streaming import ONE_NODE, studio_recipe
from graphs.coordinator import NAME
from graphs.executor import Recipe
from graphs.studio import Studio
from graphs.workshop import equip
from songwright.settings import AgentSettings, DatabaseSettings, ModelSettings, Settings
from storage.cache import Cache

START_S = 60.0  # a server that is not ready by then never will be
STOP_S = 20.0
POLL_S = 0.01
ROOT = Path(__file__).resolve().parent.parent


def settings_at(home: Path, *, concurrent_runs: int = 64) -> Settings:
    """Settings that hear of nothing but these two: defaults, and the embedded writer."""
    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        home=home,
        ollama_host=None,
        database=DatabaseSettings(url=None),  # pyright: ignore[reportCallIssue]
        models=ModelSettings(model="embedded"),  # pyright: ignore[reportCallIssue]
        agents=AgentSettings(concurrent_runs=concurrent_runs, warm_embedder=False),  # pyright: ignore[reportCallIssue]
    )


@asynccontextmanager
async def opened(settings: Settings, recipe: Recipe) -> AsyncGenerator[Studio]:
    """A Studio in this process, with one graph under the coordinator's name."""
    async with Studio.open(settings, equip=equip, recipes={NAME: recipe}) as studio:
        yield studio


async def serve_one_node(home: Path, port: int) -> None:
    """Serve the app with the exchanged graph until terminated."""
    settings = settings_at(home)
    logs.configure(settings.logging)
    app = create_app(settings)
    config = uvicorn.Config(app, port=port, lifespan="off", log_config=None, access_log=False, server_header=False)
    async with opened(settings, studio_recipe(settings.agents, ONE_NODE)) as studio:
        app.state.cache, app.state.studio = Cache(settings), studio
        await uvicorn.Server(config).serve()


def environment(home: Path, *, warm_embedder: bool = False) -> dict[str, str]:
    """The environment of a server: ours without settings of this shell, and these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SONGWRIGHT_", "OLLAMA_"))}
    return {
        **inherited,
        "SONGWRIGHT_HOME": str(home),
        "SONGWRIGHT_MODELS__MODEL": "embedded",
        "SONGWRIGHT_AGENTS__WARM_EMBEDDER": str(warm_embedder),
    }


class Server:
    """A server process that this process started."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, *, log: Path, began: float) -> None:
        self._process = process
        self._log = log
        self._began = began  # by `time.perf_counter`, before the process was there
        self.url = url

    @property
    def rss_mb(self) -> float:
        """What the process holds in memory now."""
        return psutil.Process(self._process.pid).memory_info().rss / 1e6

    def wait_until_ready(self) -> float:
        """Poll `/health/ready` until it answers 200; gives the seconds since the command. Raises TimeoutError."""
        with httpx.Client(base_url=self.url, timeout=5, trust_env=False) as client:
            while (waited_s := time.perf_counter() - self._began) < START_S:
                if self._process.poll() is not None:
                    told = self._log.read_text(encoding="utf-8", errors="replace")[-1000:]
                    raise TimeoutError(
                        f"The server ended with {self._process.returncode} before it was ready: {told}"
                    )
                with suppress(httpx.TransportError):
                    if client.get("/health/ready").is_success:
                        return time.perf_counter() - self._began
                time.sleep(POLL_S)
        raise TimeoutError(f"The server was not ready after {waited_s:.0f} s.")


@contextmanager
def spawned(command: Sequence[str], home: Path, port: int, *, warm_embedder: bool = False) -> Generator[Server]:
    """A server process for as long as the block lasts; what it logs goes to a file beside its home."""
    began, log = time.perf_counter(), home.with_suffix(".log")
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(home, warm_embedder=warm_embedder), stdout=out, stderr=out
        )
    try:
        yield Server(process, f"http://127.0.0.1:{port}", log=log, began=began)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def one_node_server(home: Path) -> Generator[Server]:
    """The app over one fake node, ready."""
    port = free_port("127.0.0.1")
    with spawned([sys.executable, "-m", "benchmarks.servers", str(home), str(port)], home, port) as server:
        server.wait_until_ready()
        yield server


@contextmanager
def product(home: Path, *, warm_embedder: bool = False) -> Generator[Server]:
    """`songwright serve` as a user starts it; not yet ready."""
    port = free_port("127.0.0.1")
    command = [str(Path(sys.executable).with_name("songwright")), "serve", "--port", str(port)]
    with spawned(command, home, port, warm_embedder=warm_embedder) as server:
        yield server


if __name__ == "__main__":
    asyncio.run(serve_one_node(Path(sys.argv[1]), int(sys.argv[2])))
