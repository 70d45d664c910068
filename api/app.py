"""The service as one ASGI app: its parts, opened and closed around it, its doors, and what stands around them.

The composition root. Knows who belongs together; refuses to know what any of them does.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from ipaddress import ip_address
from types import FrameType
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from pydantic.json_schema import models_json_schema
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from typing_extensions import override

from api import logs, problems
from api.answers import Problem
from api.dashboard.pages import router as dashboard
from api.dashboard.pages import static_app
from api.limits import BodyBound, Envelope, OpenStreams, SameOrigin
from api.pages import STATIC
from api.routes import docs, health, lyrics, moods, playlists, root, runs, songs
from api.routes import problems as problem_pages
from graphs.coordinator import NAME, recipe
from graphs.studio import Studio
from graphs.workshop import equip
from songwright import __version__
from songwright.errors import Refused, Unavailable
from songwright.settings import Settings
from storage.embeddings import MiniLM

log = structlog.get_logger()

GZIP_FROM_BYTES = 1000
_SHOWN_HEADERS = (
    "ETag",
    "Link",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "X-Request-ID",
    "X-Songwright-Run",
)
_DESCRIPTION = """Songs and playlists from how you feel: by agents, streamed, checkpointed and traced.

Errors are problem details (RFC 9457) whose `type` is a page that says what to do. Lists page by `cursor`.
Streams are server-sent events numbered 1, 2, 3 … per run; a dropped client goes on at `GET /runs/{id}/events` with
`Last-Event-ID`."""
_TAGS = [
    {"name": "Songs and playlists", "description": "The main job: JSON, 202, or a stream."},
    {"name": "Runs", "description": "How an order went, step by step."},
    {"name": "Lyrics", "description": "Songs that were kept, and their versions."},
    {"name": "Playlists", "description": "Playlists that were served, and what you said of them."},
    {"name": "Moods", "description": "How you felt, over time."},
    {"name": "Health", "description": "From the parts themselves."},
    {"name": "Problems", "description": "What each type of problem means."},
]


class Service(FastAPI):
    """FastAPI whose document describes problems as problems."""

    @override
    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            document = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                license_info=self.license_info,
                tags=self.openapi_tags,
                routes=self.routes,
            )
            _, shapes = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
            schemas: dict[str, Any] = document["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            self.openapi_schema = document | {"components": {"schemas": schemas | shapes["$defs"]}}
        return self.openapi_schema


def create_app(settings: Settings) -> Service:
    """The app; its parts are opened when its lifespan begins."""
    app = Service(
        title="Songwright",
        version=__version__,
        description=_DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lambda app: _parts(app, settings),
        responses=problems.described(403, 422, 500, 503),
        middleware=[
            Middleware(Envelope),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors.origins,
                allow_methods=["GET", "POST", "PATCH", "DELETE"],
                allow_headers=["*"],
                expose_headers=_SHOWN_HEADERS,
            ),
            Middleware(SameOrigin, origins=settings.cors.origins, host=settings.app.host),
            Middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=5),
            Middleware(BodyBound, most_bytes=settings.limits.body_bytes),
        ],
    )
    app.state.streams = OpenStreams(settings.limits.stream_clients)
    problems.install(app)
    for door in (root, songs, runs, lyrics, playlists, moods, health, problem_pages, docs):
        app.include_router(door.router)
    app.include_router(dashboard)
    app.mount("/docs/static", StaticFiles(directory=STATIC))
    app.mount("/static", static_app)
    return app


@asynccontextmanager
async def _parts(app: FastAPI, settings: Settings) -> AsyncGenerator[None]:
    """The parts of this process, open for as long as the app serves."""
    async with AsyncExitStack() as stack:
        studio = await stack.enter_async_context(
            Studio.open(settings, equip=equip, recipes={NAME: recipe(settings.agents)})
        )
        app.state.studio = studio
        app.state.cache = studio.workshop.cache
        async with asyncio.TaskGroup() as tasks:
            embedder = studio.workshop.embedder
            warming = tasks.create_task(_warm(embedder)) if settings.agents.warm_embedder else None
            yield
            if warming is not None:
                warming.cancel()


async def _warm(embedder: MiniLM) -> None:
    """Load the embedder ahead of its first use; where that fails, its first use tells why."""
    try:
        await embedder.warm()
    except (Unavailable, RuntimeError, ValueError) as error:
        log.warning("embedder_not_warmed", reason=str(error))
    else:
        log.info("embedder_warmed")


class _Server(uvicorn.Server):
    """Tells the app of a signal at once, so that streams end, and lets the runs drain before the process ends."""

    def __init__(self, config: uvicorn.Config, *, on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_exit = on_exit

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_exit()
        super().handle_exit(sig, frame)

    @contextmanager
    @override
    def capture_signals(self) -> Generator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # uvicorn would raise them again, before the runs have drained


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then drain.

    Raises Refused where the open mode would be reachable from other machines, and what opening the parts raises.
    """
    if not (_is_loopback(settings.app.host) or settings.app.trusted_network):
        raise Refused(
            f"There are no accounts yet, so the server binds loopback addresses only, not {settings.app.host!r};"
            " use 127.0.0.1 and put a proxy that knows its users in front."
        )
    logs.configure(settings.logging)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.app.host,
        port=settings.app.port,
        lifespan="off",  # the parts are opened here, so that what fails is told in a sentence
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.app.drain_s)),
    )
    server = _Server(config, on_exit=app.state.streams.closing.set)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(app, server))


async def _serve(app: FastAPI, server: uvicorn.Server) -> None:
    async with app.router.lifespan_context(app):
        # What was loaded stays: the collector need not walk it again and again (a quarter of a run's CPU).
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        await server.serve()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
