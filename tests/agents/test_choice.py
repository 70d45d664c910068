"""Who answers: names, fallbacks and what is said about them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import Any

import pytest

from agents import servers
from agents.models import Models
from agents.servers import address
from songwright.errors import Unfit
from songwright.settings import Settings
from tests.ollama_server import LittleOllama

Make = Callable[..., Models]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Build Models over a host and settings; they are closed at the end."""
    async with AsyncExitStack() as stack:

        def build(host: str | None, **models: Any) -> Models:
            made = Models(Settings.model_validate({"ollama_host": host, "models": models}))
            stack.push_async_callback(made.aclose)
            return made

        yield build


@pytest.fixture
def dead_url() -> str:
    """An address where nothing listens any more."""
    with LittleOllama() as server:
        return server.url


async def test_auto_takes_ollama_where_it_holds_the_model(make: Make, ollama: LittleOllama):
    choice = await make(ollama.url).choose(None)
    assert (choice.writer.provider, choice.writer.model) == ("ollama", "llama3.2")
    assert choice.degradation is None


async def test_auto_without_any_ollama_is_no_degradation(make: Make, dead_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(servers, "DEFAULT_ADDRESS", dead_url)
    choice = await make(None).choose(None)
    assert choice.writer.provider == "embedded"
    assert choice.degradation is None


@pytest.mark.parametrize("name", [None, "auto", "ollama:llama3.2"])
async def test_an_ollama_that_was_named_and_is_away_is_said(make: Make, dead_url: str, name: str | None):
    choice = await make(dead_url).choose(name)
    assert choice.writer.provider == "embedded"
    assert choice.degradation == f"Ollama at {dead_url} does not answer. The embedded writer stood in."


@pytest.mark.parametrize("model", ["auto", "ollama:mistral"])
async def test_a_model_of_the_settings_that_is_not_held_is_said(make: Make, ollama: LittleOllama, model: str):
    choice = await make(ollama.url, model=model, ollama_model="mistral").choose(None)
    assert choice.writer.provider == "embedded"
    assert choice.degradation is not None
    assert "does not hold 'mistral', it holds llama3.2:latest" in choice.degradation


async def test_a_request_for_a_model_that_is_not_held_is_unfit(make: Make, ollama: LittleOllama):
    with pytest.raises(Unfit, match=r"it holds llama3\.2:latest") as caught:
        await make(ollama.url).choose("ollama:mistral")
    assert caught.value.pointer == "/model"


@pytest.mark.parametrize("name", ["ollama:llama3.2", "ollama:llama3.2:latest"])
async def test_a_name_without_a_tag_means_latest(make: Make, ollama: LittleOllama, name: str):
    assert (await make(ollama.url).choose(name)).writer.provider == "ollama"


@pytest.mark.parametrize(
    "name", ["", "llama3.2", "ollama:", ":x", "foo:bar", "Ollama:x", "a b:c", "x:y z", "x" * 999]
)
async def test_a_request_for_a_name_that_is_none_is_unfit(make: Make, ollama: LittleOllama, name: str):
    with pytest.raises(Unfit, match="ollama:NAME") as caught:
        await make(ollama.url).choose(name)
    assert caught.value.pointer == "/model"
    assert len(caught.value.detail) < 400


async def test_a_bad_name_in_the_settings_degrades_instead_of_blaming_the_caller(make: Make, dead_url: str):
    choice = await make(dead_url, model="foo:bar").choose(None)
    assert choice.writer.provider == "embedded"
    assert choice.degradation is not None
    assert "'bar' of 'foo' cannot be used" in choice.degradation


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("openai:gpt-x", "langchain_openai", "songwright[openai]"),
        ("anthropic:claude-x", "langchain_anthropic", "songwright[anthropic]"),
        ("google-genai:gemini-x", "langchain_google_genai", "songwright[google]"),
        ("groq:x", "langchain_groq", "langchain-groq"),
        ("bedrock:x", "langchain_aws", "langchain-aws"),
    ],
)
async def test_a_provider_that_is_not_installed_names_what_to_install(
    make: Make, dead_url: str, name: str, module: str, extra: str
):
    if find_spec(module) is not None:
        pytest.skip(f"{module} is installed here")
    with pytest.raises(Unfit, match="not installed") as caught:
        await make(dead_url).choose(name)
    assert extra in caught.value.detail


async def test_a_provider_that_downloads_weights_is_refused(make: Make, dead_url: str):
    with pytest.raises(Unfit, match="downloaded"):
        await make(dead_url).choose("huggingface:gpt2")


@pytest.mark.parametrize("name", ["embedded", "embedded:songwright-bank"])
async def test_the_embedded_writer_can_be_asked_for(make: Make, ollama: LittleOllama, name: str):
    choice = await make(ollama.url).choose(name)
    assert (choice.writer.provider, choice.degradation) == ("embedded", None)
    assert choice.voice(lambda _: None).is_embedded
    assert ollama.tag_requests == 0


async def test_the_fallback_is_the_embedded_voice(make: Make, dead_url: str):
    assert make(dead_url).fallback(lambda _: None).writer.provider == "embedded"


async def test_a_reading_is_believed_for_its_time(make: Make, ollama: LittleOllama):
    models = make(ollama.url)
    for _ in range(3):
        await models.choose(None)
    await models.state()
    assert ollama.tag_requests == 1


async def test_a_reading_that_grew_old_is_taken_again(make: Make, ollama: LittleOllama):
    models = make(ollama.url, probe_ttl_s=1e-9)
    for _ in range(3):
        await models.choose(None)
    assert ollama.tag_requests == 3


async def test_the_state_tells_what_answers(make: Make, ollama: LittleOllama):
    state = await make(ollama.url).state()
    assert state["embedded"]["answers"] is True
    told = state["ollama"]
    assert (told["url"], told["answers"], told["has_model"], told["last_error"]) == (ollama.url, True, True, None)
    assert told["models"] == ["llama3.2:latest"]
    assert told["latency_ms"] > 0


async def test_the_state_tells_why_nothing_answers(make: Make, dead_url: str):
    told = (await make(dead_url).state())["ollama"]
    assert (told["answers"], told["models"], told["latency_ms"]) == (False, [], None)
    assert told["last_error"] == f"Ollama at {dead_url} does not answer."


async def test_a_server_that_is_no_ollama_is_said(make: Make, ollama: LittleOllama):
    told = (await make(f"{ollama.url}/elsewhere").state())["ollama"]
    assert told["last_error"] == f"Ollama at {ollama.url}/elsewhere answers 404."


async def test_credentials_in_the_address_are_used_and_never_shown(make: Make, ollama: LittleOllama):
    models = make(ollama.url.replace("http://", "http://ann:secret@"))
    state = await models.state()
    assert state["ollama"]["answers"]
    with pytest.raises(Unfit) as caught:
        await models.choose("ollama:mistral")
    assert "secret" not in f"{state} {caught.value.detail}"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://127.0.0.1:11434"),
        (" ", "http://127.0.0.1:11434"),
        ("gpu-box", "http://gpu-box:11434"),
        ("gpu-box:80", "http://gpu-box:80"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        (":5000", "http://127.0.0.1:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("http://gpu-box", "http://gpu-box"),
        ("https://gpu-box:8443/ollama/", "https://gpu-box:8443/ollama"),
        ("ann:secret@gpu-box:80", "http://ann:secret@gpu-box:80"),
    ],
)
def test_an_address_is_read_as_ollama_reads_it(host: str | None, url: str):
    assert address(host) == url


@pytest.mark.parametrize("host", ["gpu-box:eleven", "ftp://gpu-box", "gpu box", "host:99999"])
def test_an_address_that_is_none_is_refused_with_a_sentence(host: str):
    with pytest.raises(Unfit, match="OLLAMA_HOST is"):
        address(host)
