"""Every setting of the product, in one frozen class. The only place that reads the environment."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AppSettings(_Group):
    """The server itself."""

    host: str = Field("127.0.0.1", description="Address the server binds; the open mode allows loopback only.")
    trusted_network: bool = Field(
        False,
        description="True says that only people you trust reach the port (a container published on 127.0.0.1), so"
        " that the open mode may bind beyond loopback.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port the server binds; 0 takes a free one.")
    drain_s: Seconds = Field(10.0, description="Seconds that runs get to reach a step boundary at shutdown.")
    wait_s: Seconds = Field(60.0, description="Seconds a JSON answer waits before it becomes 202.")
    heartbeat_s: Seconds = Field(15.0, description="Seconds between comments on an idle event stream.")


class DatabaseSettings(_Group):
    """Where rows are kept."""

    url: SecretStr | None = Field(
        None, description="postgresql://user:pass@host/db; unset keeps SQLite under the home folder."
    )
    pool_size: int = Field(10, ge=1, le=200, description="PostgreSQL connections kept open.")
    max_overflow: int = Field(20, ge=0, le=200, description="PostgreSQL connections beyond the pool at peak.")
    pool_recycle_s: int = Field(3600, ge=1, description="Seconds after which a pooled connection is renewed.")
    busy_timeout_s: Seconds = Field(10.0, description="Seconds SQLite waits for a lock before it gives up.")
    read_deadline_s: Seconds = Field(5.0, description="Seconds a single read may take.")
    write_deadline_s: Seconds = Field(15.0, description="Seconds a write, or its wait for a lock, may take.")
    write_queue: int = Field(10_000, ge=1, description="Writes that may wait; when full, callers get 503.")


class RedisSettings(_Group):
    """Optional Redis for the cache."""

    url: SecretStr | None = Field(None, description="redis://host:6379/0; unset keeps the cache in memory.")
    timeout_s: Seconds = Field(1.0, description="Seconds to wait for Redis before falling back to memory.")


class ChromaSettings(_Group):
    """Where vectors are kept."""

    url: str | None = Field(None, description="http://host:8000 of a Chroma server; unset embeds Chroma.")


class ModelSettings(_Group):
    """Who writes."""

    model: str = Field(
        "auto",
        max_length=200,
        description="auto, embedded, ollama:NAME or any provider:model of LangChain's init_chat_model.",
    )
    ollama_model: str = Field("llama3.2", description="The Ollama model that `auto` looks for.")
    num_ctx: int = Field(8192, ge=512, description="Context window in tokens; constant, a change reloads Ollama.")
    num_predict: int = Field(1024, ge=16, description="Most tokens one answer may have.")
    connect_timeout_s: Seconds = Field(2.0, description="Seconds to reach a model server.")
    read_timeout_s: Seconds = Field(60.0, description="Seconds to wait for each chunk of a model's answer.")
    parallel: int = Field(1, ge=1, le=64, description="Calls in flight per model server (OLLAMA_NUM_PARALLEL).")
    probe_ttl_s: Seconds = Field(10.0, description="Seconds that a model server's last answer is believed.")


class CacheSettings(_Group):
    """How long answers are remembered."""

    mood_ttl_s: int = Field(1800, ge=0, description="Seconds a mood reading is remembered.")
    search_ttl_s: int = Field(3600, ge=0, description="Seconds a search is remembered.")
    audio_ttl_s: int = Field(604_800, ge=0, description="Seconds audio features are remembered.")
    memory_entries: int = Field(10_000, ge=1, description="Most entries of the in-memory cache.")


class AgentSettings(_Group):
    """How the agents work."""

    good_enough: float = Field(0.9, ge=0, le=1, description="Overall score at which refinement stops.")
    max_rounds: int = Field(3, ge=0, le=10, description="Most rounds of refinement.")
    retries: int = Field(2, ge=1, le=10, description="Attempts of a step that speaks to a model.")
    step_timeout_s: Seconds = Field(300.0, description="Seconds one step may take.")
    idle_timeout_s: Seconds = Field(90.0, description="Seconds a writing step may be silent.")
    concurrent_runs: int = Field(64, ge=1, description="Runs executed at once in one process.")
    queued_runs: int = Field(1000, ge=1, description="Runs that may wait; beyond, POST answers 503.")
    lease_s: Seconds = Field(20.0, description="Seconds a run's lease lasts without renewal.")
    renew_s: Seconds = Field(5.0, description="Seconds between renewals of leases.")
    reap_s: Seconds = Field(2.0, description="Seconds between searches for runs that nobody executes.")
    tick_ms: float = Field(15.0, ge=0, le=1000, description="Milliseconds over which tokens are coalesced.")
    warm_embedder: bool = Field(True, description="`serve` loads the sentence embedder once it is ready.")


class LoggingSettings(_Group):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="json in production; auto is console on a terminal."
    )


class CorsSettings(_Group):
    """Which other origins may call."""

    origins: tuple[str, ...] = Field((), description="Origins allowed by CORS; empty allows none.")


class LimitSettings(_Group):
    """Bounds on what comes in."""

    body_bytes: int = Field(1_000_000, ge=1024, description="Largest request body in bytes.")
    prompt_chars: int = Field(8_000, ge=1, description="Longest prompt in characters.")
    stream_clients: int = Field(2_000, ge=1, description="Event streams open at once in one process.")


class Settings(BaseSettings):
    """All settings; every one has a default, so that the product runs with none set.

    Names nest with two underscores: `SONGWRIGHT_DATABASE__URL`, `SONGWRIGHT_MODELS__MODEL`.
    """

    model_config = SettingsConfigDict(
        env_prefix="SONGWRIGHT_",
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
    )

    home: Path = Field(Path(".songwright"), description="Folder for everything the embedded default keeps.")
    ollama_host: str | None = Field(
        None,
        validation_alias=AliasChoices("SONGWRIGHT_OLLAMA_HOST", "OLLAMA_HOST", "ollama_host"),
        description="Where Ollama listens; unset tries 127.0.0.1:11434.",
    )
    app: AppSettings = AppSettings()  # pyright: ignore[reportCallIssue]
    database: DatabaseSettings = DatabaseSettings()  # pyright: ignore[reportCallIssue]
    redis: RedisSettings = RedisSettings()  # pyright: ignore[reportCallIssue]
    chroma: ChromaSettings = ChromaSettings()  # pyright: ignore[reportCallIssue]
    models: ModelSettings = ModelSettings()  # pyright: ignore[reportCallIssue]
    cache: CacheSettings = CacheSettings()  # pyright: ignore[reportCallIssue]
    agents: AgentSettings = AgentSettings()  # pyright: ignore[reportCallIssue]
    logging: LoggingSettings = LoggingSettings()  # pyright: ignore[reportCallIssue]
    cors: CorsSettings = CorsSettings()  # pyright: ignore[reportCallIssue]
    limits: LimitSettings = LimitSettings()  # pyright: ignore[reportCallIssue]

    @property
    def is_embedded(self) -> bool:
        """True where rows are kept in SQLite under `home`, by this process alone."""
        return self.database.url is None


@cache
def settings_from_environment() -> Settings:
    """Read the environment once."""
    return Settings()  # pyright: ignore[reportCallIssue]
