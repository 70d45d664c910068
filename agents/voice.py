"""One voice for every model: it says a speech piece by piece, or asks for an answer in a given shape.

Knows how a chat model streams, is counted, bounded and recorded; refuses to know which model was chosen and why.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

import structlog
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from pydantic import BaseModel, ValidationError

from agents.failures import AnswerUnfit, ModelAway, ModelRateLimited, PromptTooLong, explained, named
from agents.tasks import Task
from prompts import Rendered
from songwright.song import Call, Writer

M = TypeVar("M", bound=BaseModel)
Record = Callable[[Call], None]
Turn = tuple[Literal["system", "user", "assistant"], str]

# Counting exactly needs the model's own tokeniser, a download. English has about four bytes a token, other
# scripts down to three, so this errs towards refusing.
BYTES_PER_TOKEN = 3
TOKENS_PER_TURN = 8  # the chat template's own marks around each message
ALIVE_S = 5.0  # between signs of life while a call waits for its place
TOLD_CHARS = 2000  # of a bad answer that are told back to the model

log = structlog.stdlib.get_logger(__name__)


def _believe(_reason: str) -> None:
    return None


def _rest() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Instrument:
    """A chat model ready to be spoken through, and the bounds its server asks for. Shared by many voices."""

    writer: Writer
    chat: BaseChatModel
    kind: Literal["embedded", "ollama", "hosted"]
    slots: asyncio.Semaphore | None = None  # calls in flight on its server; None: unbounded
    num_ctx: int | None = None  # tokens; None: unknown, nothing is refused. Constant, a change reloads Ollama
    num_predict: int = 1024  # most tokens of one answer
    queue_s: float = 300.0  # seconds to wait for a free slot
    doubt: Callable[[str], None] = _believe  # told the reason when the server was lost


class _Misfit(Exception):
    """An answer that does not fit its schema, and what is wrong with it. Never leaves this file."""

    def __init__(self, answer: str, problem: str) -> None:
        super().__init__(problem)
        self.answer = answer
        self.problem = problem


@dataclass(slots=True)
class _Take:
    """What is known of one call while it runs."""

    started: float = field(default_factory=time.perf_counter)
    pieces: list[str] = field(default_factory=list[str])
    first_token_ms: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    done_reason: str = ""

    def hear(self, message: AIMessage) -> str:
        """Keep what a chunk brings. Usage stands on one chunk of Ollama's and in parts with others: it is summed."""
        text = _writable(str(message.text))
        if text:
            self.pieces.append(text)
            self.first_token_ms = self.first_token_ms or self.elapsed_ms
        if usage := message.usage_metadata:
            self.tokens_in = (self.tokens_in or 0) + usage["input_tokens"]
            self.tokens_out = (self.tokens_out or 0) + usage["output_tokens"]
        metadata = cast("dict[str, Any]", message.response_metadata)
        words = (metadata.get(key) for key in ("done_reason", "finish_reason", "stop_reason"))
        self.done_reason = next((str(word) for word in words if word), self.done_reason)
        return text

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000

    @property
    def is_cut(self) -> bool:
        """True where the answer ended because it reached its bound, in any provider's word for that."""
        return self.done_reason.lower() in {"length", "max_tokens"}


@dataclass(frozen=True, slots=True)
class Voice:
    """One step's way to speak through a model; `record` gets one Call per call made, also for failed ones."""

    instrument: Instrument
    record: Record
    alive: Callable[[], None] = _rest  # called at every chunk, and every few seconds of waiting for a place

    @property
    def writer(self) -> Writer:
        """Who answers."""
        return self.instrument.writer

    @property
    def is_embedded(self) -> bool:
        """True for the writer that needs no weights."""
        return self.instrument.kind == "embedded"

    async def say(self, rendered: Rendered, task: Task, *, on_text: Callable[[str], None] | None = None) -> str:
        """Return the whole answer; `on_text` gets each piece as it comes, and the pieces join to the whole.

        Raises:
            ModelFailure: no answer, an empty one, or one that broke off, also after pieces were given.
        """
        turns: tuple[Turn, ...] = rendered.messages
        async with self._take(rendered, turns) as take:
            async with aclosing(self._pieces(rendered, turns, task, take)) as pieces:
                async for piece in pieces:
                    if on_text is not None:
                        on_text(piece)
            if not take.text.strip():
                raise AnswerUnfit(f"{named(self.writer)} said nothing.")
            if take.is_cut:
                log.warning("answer_cut", prompt=rendered.name, model=self.writer.model)
            return take.text

    async def ask(self, rendered: Rendered, task: Task, schema: type[M]) -> M:
        """Return an answer that fits `schema`; a first misfit is told to the model, which may answer once more.

        Raises:
            ModelFailure: no answer, or two that do not fit.
        """
        turns: tuple[Turn, ...] = rendered.messages
        try:
            return await self._attempt(rendered, turns, task, schema)
        except _Misfit as misfit:
            turns = (*turns, *_told(misfit))
        try:
            return await self._attempt(rendered, turns, task, schema)
        except _Misfit as misfit:
            reason = f"{named(self.writer)} gave no {schema.__name__} in two attempts: {misfit.problem}"
            raise AnswerUnfit(reason) from misfit

    async def _attempt(self, rendered: Rendered, turns: Sequence[Turn], task: Task, schema: type[M]) -> M:
        async with self._take(rendered, turns) as take:
            if self.instrument.kind == "hosted":
                return await self._hosted_answer(turns, take, schema)
            async with aclosing(self._pieces(rendered, turns, task, take, schema=schema)) as pieces:
                async for _ in pieces:
                    pass
            _refuse_cut(take)
            try:
                return schema.model_validate_json(take.text.strip())
            except ValidationError as error:
                raise _Misfit(take.text, _problem(error)) from error

    async def _pieces(
        self,
        rendered: Rendered,
        turns: Sequence[Turn],
        task: Task,
        take: _Take,
        *,
        schema: type[BaseModel] | None = None,
    ) -> AsyncGenerator[str]:
        """The answer's pieces. Only the client's own code stands under `explained`: the callers' errors stay theirs.

        The schema goes to Ollama as its `format`, which constrains the decoding, and the text is validated by us:
        LangChain's parser completes a truncated object, and defaults would hide the loss.
        """
        settings = self._call_settings(rendered, task, schema)
        # An error inside the embedded writer is a defect of ours and shows as one.
        with nullcontext() if self.is_embedded else explained(self.writer):
            async with aclosing(_stream(self.instrument.chat, turns, settings)) as stream:
                async for chunk in stream:
                    self.alive()
                    if text := take.hear(chunk):
                        yield text

    def _call_settings(self, rendered: Rendered, task: Task, schema: type[BaseModel] | None) -> dict[str, Any]:
        match self.instrument.kind:
            case "embedded":
                return {"task": task}
            case "ollama":
                # `options` replaces those of the instance, so that one instance serves every temperature.
                options = {
                    "num_ctx": self.instrument.num_ctx,
                    "num_predict": self.instrument.num_predict,
                    "temperature": rendered.temperature,
                }
                return {"options": options} | ({"format": schema.model_json_schema()} if schema else {})
            case "hosted":  # several hosted models refuse any temperature but their own
                return {}

    async def _hosted_answer(self, turns: Sequence[Turn], take: _Take, schema: type[M]) -> M:
        """Each provider has its own way to hold a model to a schema, and LangChain knows them."""
        with explained(self.writer):
            structured = self.instrument.chat.with_structured_output(schema, include_raw=True)
            answer = cast("dict[str, Any]", await structured.ainvoke(list(turns)))
        take.hear(answer["raw"])
        _refuse_cut(take)
        if isinstance(parsed := answer["parsed"], schema):
            take.pieces[:] = [parsed.model_dump_json()]
            return parsed
        raise _Misfit(take.text, str(answer["parsing_error"] or "there was no object in the answer"))

    @asynccontextmanager
    async def _take(self, rendered: Rendered, turns: Sequence[Turn]) -> AsyncGenerator[_Take]:
        """A call's frame: the prompt fits, a slot is free, and what happened is recorded however it ends."""
        self._refuse_long(turns)
        async with self._slot():
            take = _Take()
            try:
                yield take
            except ModelAway as failure:
                self.instrument.doubt(failure.reason)
                raise
            finally:
                self.record(self._call(rendered, turns, take))

    @asynccontextmanager
    async def _slot(self) -> AsyncGenerator[None]:
        slots = self.instrument.slots
        if slots is None:
            yield
            return
        try:
            async with asyncio.timeout(self.instrument.queue_s):
                await self._queue(slots)
        except TimeoutError as error:
            reason = f"{named(self.writer)} had no free place within {self.instrument.queue_s:g} s."
            raise ModelRateLimited(reason) from error
        try:
            yield
        finally:
            slots.release()

    async def _queue(self, slots: asyncio.Semaphore) -> None:
        """Wait in line for a place, showing signs of life."""
        place = asyncio.ensure_future(slots.acquire())
        try:
            while not (await asyncio.wait({place}, timeout=ALIVE_S))[0]:
                self.alive()
        except asyncio.CancelledError:
            if not place.cancel():
                slots.release()  # the place came at the very moment of giving up
            raise

    def _refuse_long(self, turns: Sequence[Turn]) -> None:
        """Ollama cuts a prompt beyond its window from the front without a word; so it is counted before."""
        if self.instrument.num_ctx is None:
            return
        room = self.instrument.num_ctx - self.instrument.num_predict
        if (count := tokens(turns)) > room:
            raise PromptTooLong(
                f"The prompt has about {count} tokens, and {named(self.writer)} can read {room}; "
                "shorten the brief, or raise SONGWRIGHT_MODELS__NUM_CTX."
            )

    def _call(self, rendered: Rendered, turns: Sequence[Turn], take: _Take) -> Call:
        return Call(
            provider=self.writer.provider,
            model=self.writer.model,
            prompt=rendered.name,
            prompt_digest=rendered.digest,
            tokens_in=take.tokens_in,
            tokens_out=take.tokens_out,
            first_token_ms=take.first_token_ms,
            duration_ms=take.elapsed_ms,
            messages=tuple({"role": role, "content": content} for role, content in turns),
            answer=take.text,
        )


def _writable(text: str) -> str:
    """The text without what no database or JSON can hold: NUL, and halves of surrogate pairs."""
    if text.isascii():
        return text.replace("\x00", "")
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def tokens(turns: Sequence[Turn]) -> int:
    """Estimate how many tokens a prompt has, rather too many than too few."""
    sizes = (len(content.encode("utf-8", "replace")) for _, content in turns)
    return sum(-(-size // BYTES_PER_TOKEN) + TOKENS_PER_TURN for size in sizes)


def _stream(chat: BaseChatModel, turns: Sequence[Turn], settings: dict[str, Any]) -> AsyncGenerator[AIMessage]:
    """The model's chunks; declared an iterator by LangChain, it is a generator and has to be closed."""
    return cast("AsyncGenerator[AIMessage]", chat.astream(list(turns), **settings))


def _refuse_cut(take: _Take) -> None:
    if take.is_cut:
        raise _Misfit(take.text, f"it was cut off after {take.tokens_out} tokens and has to be shorter.")


def _problem(error: ValidationError) -> str:
    """The first few misfits as `where: what`, without the input itself."""
    listed = error.errors(include_url=False, include_input=False, include_context=False)[:5]
    rows = (f"{'.'.join(map(str, one['loc'])) or 'answer'}: {one['msg']}" for one in listed)
    return "; ".join(rows) + "."


def _told(misfit: _Misfit) -> tuple[Turn, Turn]:
    """The answer that did not fit and the request to mend it, as the next turns of the conversation."""
    wish = f"That answer cannot be used: {misfit.problem} Answer with one JSON object that fits the schema."
    return ("assistant", misfit.answer[:TOLD_CHARS]), ("user", wish)
