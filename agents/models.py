"""Who answers: the choice of a model for a run, and the voice through which a step speaks to it.

Knows names of models, servers and fallbacks; refuses to know what is said and what becomes of the answer.
"""

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import httpx
from langchain.chat_models import init_chat_model
from langchain_core.exceptions import ModelError
from langchain_core.language_models import BaseChatModel
from langchain_ollama import ChatOllama

from agents.failures import (
    AnswerUnfit,
    ModelAway,
    ModelFailure,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    PromptTooLong,
)
from agents.servers import OllamaServer, Reading
from agents.voice import Instrument, Record, Voice
from songwright.errors import Unfit
from songwright.settings import Settings
from songwright.song import Writer

__all__ = [
    "AnswerUnfit",
    "Choice",
    "ModelAway",
    "ModelFailure",
    "ModelRateLimited",
    "ModelRefused",
    "ModelTimeout",
    "Models",
    "PromptTooLong",
    "Voice",
]

EMBEDDED = Writer("embedded", "songwright-bank")
_NAME = re.compile(r"(?P<provider>[a-z][a-z0-9_-]{0,39}):(?P<model>[A-Za-z0-9][\w./:@+-]{0,159})", re.ASCII)
_EXTRAS = {"openai": "openai", "anthropic": "anthropic", "google_genai": "google"}  # provider → our pip extra
_MOST_INSTRUMENTS = 32  # kept at once; names come from requests, so their number has a bound


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that answers for a run; `degradation` says what it stands in for and why, if it does."""

    instrument: Instrument
    degradation: str | None = None

    @property
    def writer(self) -> Writer:
        """Who will answer."""
        return self.instrument.writer

    def voice(self, record: Record) -> Voice:
        """A voice for one step, whose calls are given to `record`."""
        return Voice(self.instrument, record)


class Models:
    """Every model this process can speak through. One per Studio; it holds connections, so it is closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models = settings.models
        self._ollama = OllamaServer(
            settings.ollama_host, timeout_s=self._models.connect_timeout_s, ttl_s=self._models.probe_ttl_s
        )
        self._embedded: Instrument | None = None
        self._instruments: dict[str, Instrument] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._building = asyncio.Lock()

    async def choose(self, name: str | None) -> Choice:
        """Choose who answers. None takes the setting, where every obstacle leads to the embedded writer.

        Raises:
            Unfit: the request names a model that is misspelt, of an unknown provider, not installed or not held.
        """
        if name is not None:
            return await self._choose(name)
        try:
            return await self._choose(self._models.model)
        except Unfit as error:
            return await self._stand_in(error.detail)

    def fallback(self, record: Record) -> Voice:
        """The embedded writer's voice, for a step whose model failed."""
        return Voice(self._embedded_instrument(), record)

    async def state(self) -> dict[str, Any]:
        """What health tells of the models. Believes a reading as long as a choice does."""
        reading = await self._ollama.read()
        return {
            "model": self._models.model,
            "embedded": {"answers": True, "model": EMBEDDED.model},
            "ollama": {
                "url": self._ollama.shown_url,
                "answers": reading.answers,
                "models": list(reading.models),
                "model": self._models.ollama_model,
                "has_model": reading.holds(self._models.ollama_model),
                "last_error": self._ollama.last_error,
                "latency_ms": reading.latency_ms,
            },
        }

    async def aclose(self) -> None:
        """Close the connections to the model servers."""
        await self._ollama.aclose()

    async def _choose(self, name: str) -> Choice:
        if name == "auto":
            return await self._choose_auto()
        if name in {"embedded", f"{EMBEDDED.provider}:{EMBEDDED.model}"}:
            return await self._stand_in(None)
        match = _NAME.fullmatch(name)
        if match is None:
            raise Unfit(
                f"The model {name[:200]!r} is not a name; say auto, embedded, ollama:NAME or provider:model.",
                pointer="/model",
            )
        provider, model = match["provider"].replace("-", "_"), match["model"]
        if provider == "ollama":
            return await self._choose_ollama(model, await self._ollama.read())
        return Choice(await self._instrument(name, lambda: self._hosted(provider, model)))

    async def _choose_auto(self) -> Choice:
        """Ollama if it answers and holds the model. That none is there at all is no loss unless one was named."""
        reading = await self._ollama.read()
        if not reading.answers:
            return await self._stand_in(reading.error if self._settings.ollama_host else None)
        try:
            return await self._choose_ollama(self._models.ollama_model, reading)
        except Unfit as error:
            return await self._stand_in(error.detail)

    async def _choose_ollama(self, model: str, reading: Reading) -> Choice:
        if not reading.answers:
            return await self._stand_in(reading.error)
        if not reading.holds(model):
            held = ", ".join(reading.models) or "no model at all"
            raise Unfit(
                f"Ollama at {self._ollama.shown_url} does not hold {model!r}, it holds {held}; "
                f"run `ollama pull {model}`.",
                pointer="/model",
            )
        return Choice(await self._instrument(f"ollama:{model}", lambda: self._ollama_instrument(model)))

    async def _stand_in(self, reason: str | None) -> Choice:
        """The embedded writer; with a reason it stands in for another."""
        instrument = self._embedded or await asyncio.to_thread(self._embedded_instrument)
        return Choice(instrument, f"{reason} The embedded writer stood in." if reason else None)

    async def _instrument(self, name: str, build: Callable[[], Instrument]) -> Instrument:
        """One instance per model; building one costs 65 ms, so it is done off the loop."""
        async with self._building:
            if name not in self._instruments:
                instrument = await asyncio.to_thread(build)
                if len(self._instruments) >= _MOST_INSTRUMENTS:
                    del self._instruments[next(iter(self._instruments))]
                self._instruments[name] = instrument
            return self._instruments[name]

    def _embedded_instrument(self) -> Instrument:
        if self._embedded is None:
            # Its bank is read when the module is imported, so that happens at the first use.
            writer = cast("type[BaseChatModel]", import_module("agents.embedded.model").EmbeddedWriter)
            self._embedded = Instrument(EMBEDDED, writer(), "embedded")
        return self._embedded

    def _ollama_instrument(self, model: str) -> Instrument:
        timeout = httpx.Timeout(self._models.read_timeout_s, connect=self._models.connect_timeout_s)
        chat = ChatOllama(
            model=model,
            base_url=self._ollama.url,
            num_ctx=self._models.num_ctx,
            num_predict=self._models.num_predict,
            reasoning=False,  # a model that thinks would spend the whole answer on it
            client_kwargs={"timeout": timeout},
            async_client_kwargs={"transport": self._ollama.transport},
        )
        return Instrument(
            Writer("ollama", model),
            chat,
            "ollama",
            slots=self._slots_of("ollama"),
            num_ctx=self._models.num_ctx,
            num_predict=self._models.num_predict,
            queue_s=self._settings.agents.step_timeout_s,
            doubt=self._ollama.doubt,
        )

    def _hosted(self, provider: str, model: str) -> Instrument:
        if provider == "huggingface":
            raise Unfit("Models of 'huggingface' would be downloaded, which is not done here.", pointer="/model")
        try:
            chat = init_chat_model(
                model,
                model_provider=provider,
                timeout=self._models.read_timeout_s,
                max_tokens=self._models.num_predict,
                max_retries=1,  # the step's own policy tries again, and is seen in the trace
            )
        except ImportError as error:
            raise Unfit(_missing(provider, error), pointer="/model") from error
        except _construction_errors() as error:
            raise Unfit(_unusable(provider, model), pointer="/model") from error
        return Instrument(
            Writer(provider, model),
            chat,
            "hosted",
            slots=self._slots_of(provider),
            num_predict=self._models.num_predict,
            queue_s=self._settings.agents.step_timeout_s,
        )

    def _slots_of(self, server: str) -> asyncio.Semaphore:
        return self._slots.setdefault(server, asyncio.Semaphore(self._models.parallel))


def _construction_errors() -> tuple[type[Exception], ...]:
    """What building a provider's client raises for an unknown provider, missing credentials or a bad option."""
    openai = sys.modules.get("openai")  # its error for a missing key has no other base
    return (ValueError, TypeError, ModelError, *((openai.OpenAIError,) if openai else ()))


def _missing(provider: str, error: ImportError) -> str:
    """Name what to install: our extra where there is one, else the package that LangChain's own message names."""
    named = re.search(r"pip install ([\w-]+)", str(error))
    package = named[1] if named else f"langchain-{provider}"
    wanted = f"'songwright[{_EXTRAS[provider]}]'" if provider in _EXTRAS else package
    return f"The provider {provider!r} is not installed; run `pip install {wanted}`."


def _unusable(provider: str, model: str) -> str:
    """Says nothing of the error itself, which may quote credentials."""
    return (
        f"The model {model!r} of {provider!r} cannot be used: the provider is unknown or lacks its credentials; "
        "say auto, embedded, ollama:NAME, openai:NAME, anthropic:NAME or google_genai:NAME."
    )
