"""One contract for every model, and each way a model's server can fail."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import prompts
from agents.models import (
    AnswerUnfit,
    Choice,
    ModelAway,
    ModelFailure,
    ModelRateLimited,
    ModelRefused,
    Models,
    ModelTimeout,
    PromptTooLong,
    Voice,
)
from agents.tasks import Alternatives, DraftPlan, MendLine, PlanDraft, WriteSection
from prompts import Rendered
from songwright.settings import Settings
from songwright.song import Brief, Call, Line, Mark, Mood, Plan, Section, SectionKind, SectionPlan, Span
from tests.ollama_server import LittleOllama, Script

REAL_HOST = os.environ.get("OLLAMA_HOST")

BRIEF = Brief("a quiet street after rain")
MOOD = Mood("calm", None, Span(0.4, 0.6, 0.5), Span(0.1, 0.3, 0.2), (0.5, 0.2), {"calm": 0.9}, 0.8, "lexicon")
VERSE = SectionPlan(
    "Verse 1", SectionKind.VERSE, "ABAB", (8, 8, 8, 8), "We walk home through the wet street.", ("lamp",)
)
PLAN = Plan("Rain on Glass", "rain on the glass", "rain", "i", "present", (VERSE,))
WRITE = WriteSection(BRIEF, MOOD, PLAN, VERSE, ())
LINES = ("I walk the wet street in the night", "The gutters run, the tram is late", "A window gives a yellow light")
DRAFT = Section("Verse 1", SectionKind.VERSE, tuple(Line(str(n), text, "model") for n, text in enumerate(LINES)))
MARK = Mark(0, 1, "syllables", "8 syllables where 7 were asked", "take one away")
MEND = MendLine(BRIEF, MOOD, PLAN, VERSE, (DRAFT,), 0, MARK, 1)


def speech(name: str = "write", text: str = "a quiet street after rain") -> Rendered:
    rows = '1. 8 syllables, ends on "rain"\n2. 8 syllables, ends on "late"'
    known = {"prompt": text, "lines": rows}
    template = prompts.load(name)
    return template.render(**{variable: known.get(variable, "none") for variable in template.variables})


def settings(host: str | None, **models: Any) -> Settings:
    return Settings.model_validate({"ollama_host": host, "models": models})


@dataclass
class Seat:
    """A voice, what it recorded and who stands behind it."""

    choice: Choice
    models: Models
    server: LittleOllama | None = None
    calls: list[Call] = field(default_factory=list[Call])

    @property
    def voice(self) -> Voice:
        return self.choice.voice(self.calls.append)


@pytest.fixture(
    params=[
        "embedded",
        "in-repo",
        pytest.param("real", marks=pytest.mark.skipif(REAL_HOST is None, reason="OLLAMA_HOST is not set")),
    ]
)
async def seat(request: pytest.FixtureRequest, ollama: LittleOllama) -> AsyncIterator[Seat]:
    """Every model that the contract holds for."""
    kind: str = request.param
    host = REAL_HOST if kind == "real" else ollama.url
    models = Models(settings(host))
    names = {"embedded": "embedded", "in-repo": "ollama:llama3.2"}
    if kind == "real":
        held = (await models.state())["ollama"]["models"]
        if not held:
            await models.aclose()
            pytest.skip(f"no Ollama with a model answers at {REAL_HOST}")
        names["real"] = f"ollama:{held[0]}"
    yield Seat(await models.choose(names[kind]), models, ollama if kind == "in-repo" else None)
    await models.aclose()


@pytest.fixture
async def little(ollama: LittleOllama) -> AsyncIterator[Seat]:
    """The in-repo server behind a voice that waits a quarter of a second for each chunk."""
    models = Models(settings(ollama.url, read_timeout_s=0.25))
    yield Seat(await models.choose("ollama:llama3.2"), models, ollama)
    await models.aclose()


class TestContract:
    async def test_the_pieces_join_to_the_whole(self, seat: Seat):
        pieces: list[str] = []
        whole = await seat.voice.say(speech(), WRITE, on_text=pieces.append)
        assert "".join(pieces) == whole
        assert len(pieces) > 1
        assert whole.strip()

    async def test_one_call_is_recorded_with_what_was_said_and_measured(self, seat: Seat):
        rendered = speech()
        whole = await seat.voice.say(rendered, WRITE)
        [call] = seat.calls
        assert (call.provider, call.model) == (seat.voice.writer.provider, seat.voice.writer.model)
        assert (call.prompt, call.prompt_digest, call.answer) == ("write", rendered.digest, whole)
        assert [message["role"] for message in call.messages] == ["system", "user"]
        assert call.first_token_ms is not None
        assert 0 < call.first_token_ms <= call.duration_ms

    async def test_usage_is_counted(self, seat: Seat):
        await seat.voice.say(speech(), WRITE)
        [call] = seat.calls
        assert call.tokens_in is not None
        assert call.tokens_out is not None
        assert call.tokens_in > call.tokens_out > 0

    async def test_a_structured_answer_fits_its_schema(self, seat: Seat):
        draft = await seat.voice.ask(speech("plan"), DraftPlan(BRIEF, MOOD, (VERSE,), ()), PlanDraft)
        offered = await seat.voice.ask(speech("refine"), MEND, Alternatives)
        assert draft.title
        assert offered.lines

    async def test_a_cancelled_speech_ends_at_once_and_is_still_recorded(self, seat: Seat):
        heard = asyncio.Event()
        if seat.server:
            seat.server.script(Script(hold_after=2))
        saying = asyncio.create_task(seat.voice.say(speech(), WRITE, on_text=lambda _: heard.set()))
        await asyncio.wait_for(heard.wait(), 60)
        saying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(saying, 5)
        assert len(seat.calls) == 1
        if seat.server:
            await seat.server.until(lambda server: server.in_flight == 0)
            assert not seat.server.chats[0].is_done

    async def test_an_error_of_the_listener_stays_that_error_and_closes_the_stream(self, seat: Seat):
        def fail(_piece: str) -> None:
            raise ValueError("the listener fell over")

        if seat.server:
            seat.server.script(Script(hold_after=2))
        with pytest.raises(ValueError, match="fell over"):
            await seat.voice.say(speech(), WRITE, on_text=fail)
        assert len(seat.calls) == 1
        if seat.server:
            await seat.server.until(lambda server: server.in_flight == 0)
        assert await seat.voice.say(speech(), WRITE)


FAULTS = [
    pytest.param(Script(status=503, error="maximum pending requests exceeded"), ModelRateLimited, 0, id="queue full"),
    pytest.param(Script(status=500, error="llama runner process has terminated"), ModelAway, 0, id="status 500"),
    pytest.param(Script(status=400, error="does not support chat"), ModelRefused, 0, id="status 400"),
    pytest.param(Script(status=404, error="model not found"), ModelRefused, 0, id="status 404"),
    pytest.param(Script(hold_after=0), ModelTimeout, 0, id="slow first token"),
    pytest.param(Script(hold_after=2), ModelTimeout, 2, id="silent mid-stream"),
    pytest.param(Script(cut_after=0), ModelAway, 0, id="cut at once"),
    pytest.param(Script(cut_after=3), ModelAway, 3, id="cut mid-stream"),
    pytest.param(Script(error_after=3), ModelAway, 3, id="runner died"),
    pytest.param(Script(junk_after=3), ModelAway, 3, id="line without JSON"),
    pytest.param(Script(die_after=3), ModelAway, 3, id="server died"),
    pytest.param(Script(answer=""), AnswerUnfit, 0, id="nothing said"),
    pytest.param(Script(answer="   \n"), AnswerUnfit, None, id="only blanks said"),
]


class TestFailures:
    @pytest.mark.parametrize(("script", "failure", "heard"), FAULTS)
    async def test_each_fault_is_a_failure_of_its_own_type(
        self, little: Seat, ollama: LittleOllama, script: Script, failure: type[ModelFailure], heard: int | None
    ):
        ollama.script(script)
        pieces: list[str] = []
        with pytest.raises(failure) as caught:
            await asyncio.wait_for(little.voice.say(speech(), WRITE, on_text=pieces.append), 5)
        assert type(caught.value) is failure
        assert "'llama3.2' of ollama" in caught.value.reason
        assert caught.value.reason.endswith(".")
        assert caught.value.retry is (failure in {ModelAway, ModelRateLimited, ModelTimeout})
        assert heard is None or len(pieces) == heard
        assert [call.answer for call in little.calls] == ["".join(pieces)]

    async def test_a_fault_of_a_structured_answer_is_not_asked_again(self, little: Seat, ollama: LittleOllama):
        ollama.script(Script(cut_after=1))
        with pytest.raises(ModelAway):
            await little.voice.ask(speech("refine"), MEND, Alternatives)
        assert len(ollama.chats) == 1

    async def test_the_next_call_after_a_lost_stream_works(self, little: Seat, ollama: LittleOllama):
        ollama.script(Script(cut_after=3))
        with pytest.raises(ModelAway):
            await little.voice.say(speech(), WRITE)
        assert await little.voice.say(speech(), WRITE)

    async def test_a_dead_server_is_away_and_no_longer_believed(self, little: Seat, ollama: LittleOllama):
        ollama.die()
        with pytest.raises(ModelAway):
            await little.voice.say(speech(), WRITE)
        assert not (await little.models.state())["ollama"]["answers"]

    async def test_a_lone_surrogate_is_refused_with_a_sentence(self, little: Seat, ollama: LittleOllama):
        rendered = replace(speech(), messages=(("user", "a broken \ud83d heart"),))
        with pytest.raises(ModelRefused, match="lone surrogate"):
            await little.voice.say(rendered, WRITE)
        assert not ollama.chats

    async def test_an_empty_speech_is_a_failure_not_a_crash(self, little: Seat):
        with pytest.raises(ModelFailure):
            await little.voice.say(replace(speech(), messages=()), WRITE)


class TestAsking:
    async def test_the_schema_constrains_the_decoding(self, little: Seat, ollama: LittleOllama):
        await little.voice.ask(speech("refine"), MEND, Alternatives)
        assert ollama.chats[0].body["format"] == Alternatives.model_json_schema()

    async def test_a_misfit_is_told_to_the_model_which_may_mend_it(self, little: Seat, ollama: LittleOllama):
        ollama.script(Script(answer='{"lines": []}'), Script(answer='{"lines": ["The tram is late"]}'))
        offered = await little.voice.ask(speech("refine"), MEND, Alternatives)
        assert offered.lines == ["The tram is late"]
        first, second = ollama.chats
        assert second.messages[:2] == first.messages
        assert [message["role"] for message in second.messages[2:]] == ["assistant", "user"]
        assert second.messages[2]["content"] == '{"lines": []}'
        assert "lines: List should have at least 1 item" in second.messages[3]["content"]
        assert [call.answer for call in little.calls] == ['{"lines": []}', '{"lines": ["The tram is late"]}']

    @pytest.mark.parametrize("answer", ["I cannot do that.", '{"lines": "none"}', "[]", '{"lines": ["a"'])
    async def test_two_misfits_are_a_failure(self, little: Seat, ollama: LittleOllama, answer: str):
        ollama.script(Script(answer=answer), Script(answer=answer))
        with pytest.raises(AnswerUnfit, match="no Alternatives in two attempts"):
            await little.voice.ask(speech("refine"), MEND, Alternatives)
        assert len(little.calls) == len(ollama.chats) == 2

    async def test_an_answer_cut_at_its_bound_is_refused_even_if_it_would_validate(self, ollama: LittleOllama):
        whole = '{"lines": ["one", "two"]}'
        ollama.script(Script(answer=whole, done_reason="length"), Script(answer=whole, done_reason="length"))
        models = Models(settings(ollama.url))
        voice = (await models.choose("ollama:llama3.2")).voice(lambda _: None)
        with pytest.raises(AnswerUnfit, match="cut off"):
            await voice.ask(speech("refine"), MEND, Alternatives)
        await models.aclose()

    async def test_a_hosted_model_is_held_to_the_schema_by_langchain(self, little: Seat, ollama: LittleOllama):
        hosted = Voice(replace(little.choice.instrument, kind="hosted"), little.calls.append)
        ollama.script(Script(answer='{"lines": ["'), Script(answer='{"lines": ["The tram is late"]}'))
        offered = await hosted.ask(speech("refine"), MEND, Alternatives)
        assert offered.lines == ["The tram is late"]
        assert len(little.calls) == 2
        assert little.calls[1].tokens_out
        assert little.calls[1].answer == '{"lines":["The tram is late"]}'


class TestBounds:
    async def test_no_more_calls_are_in_flight_than_the_server_takes(self, ollama: LittleOllama):
        models = Models(settings(ollama.url, parallel=2))
        voice = (await models.choose("ollama:llama3.2")).voice(lambda _: None)
        ollama.default = Script(hold_after=1)
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(voice.say(speech(), WRITE))
            for arrived in (2, 3, 4, 5):
                await ollama.until(lambda server, arrived=arrived: len(server.chats) >= arrived)
                assert ollama.in_flight <= 2
                ollama.release()
            ollama.release()
        assert ollama.peak == 2
        await models.aclose()

    async def test_waiting_for_a_place_has_an_end(self, little: Seat, ollama: LittleOllama):
        ollama.script(Script(hold_after=0))
        patient = Voice(replace(little.choice.instrument, queue_s=0.05), little.calls.append)
        async with asyncio.TaskGroup() as group:
            group.create_task(_expect(ModelTimeout, little.voice))
            await ollama.until(lambda server: server.in_flight == 1)
            with pytest.raises(ModelRateLimited, match="no free place"):
                await patient.say(speech(), WRITE)
        assert len(ollama.chats) == 1

    @pytest.mark.parametrize("letter", ["a", "雨", "🎶"])
    async def test_a_prompt_beyond_the_window_is_refused_before_it_is_sent(
        self, little: Seat, ollama: LittleOllama, letter: str
    ):
        with pytest.raises(PromptTooLong, match="shorten the brief") as caught:
            await little.voice.say(speech(text=letter * 24_000), WRITE)
        assert caught.value.status == 422
        assert not ollama.chats
        assert not little.calls

    async def test_the_window_stays_the_same_while_the_temperature_follows_the_speech(
        self, little: Seat, ollama: LittleOllama
    ):
        await little.voice.say(speech("write"), WRITE)
        await little.voice.ask(speech("refine"), MEND, Alternatives)
        sent = [chat.options for chat in ollama.chats]
        assert [options["num_ctx"] for options in sent] == [8192, 8192]
        assert [options["num_predict"] for options in sent] == [1024, 1024]
        assert [options["temperature"] for options in sent] == [
            prompts.load("write").temperature,
            prompts.load("refine").temperature,
        ]
        assert {chat.body["think"] for chat in ollama.chats} == {False}

    async def test_one_instance_of_a_model_is_reused(self, little: Seat):
        again = await little.models.choose("ollama:llama3.2")
        assert again.instrument is little.choice.instrument


async def _expect(failure: type[ModelFailure], voice: Voice) -> None:
    with pytest.raises(failure):
        await voice.say(speech(), WRITE)
